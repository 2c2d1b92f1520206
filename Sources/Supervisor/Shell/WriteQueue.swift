internal import Glibc

/// Bytes on their way to a non-blocking socket, within a bound.
package struct WriteQueue: Sendable {
    private let limit: Int
    private var bytes: [UInt8] = []
    private var start = 0

    package init(limit: Int) {
        self.limit = limit
    }

    /// What waits.
    var pending: ArraySlice<UInt8> { bytes[start...] }
    package var count: Int { bytes.count - start }
    package var isEmpty: Bool { count == 0 }

    /// Takes all of `addition` or nothing.
    package mutating func append(_ addition: [UInt8]) -> Bool {
        guard count + addition.count <= limit else { return false }
        if start > 0, start == bytes.count {
            bytes.removeAll()
            start = 0
        }
        bytes.append(contentsOf: addition)
        return true
    }

    /// How a flush ended.
    package enum Outcome: Sendable, Equatable {
        case empty
        case blocked
        case broken
    }

    /// Writes as much as the socket takes now.
    package mutating func flush(to fd: Int32) -> Outcome {
        while start < bytes.count {
            let count = bytes[start...].withUnsafeBytes { send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count > 0 {
                start += count
            } else if errno == EAGAIN {
                return .blocked
            } else if errno != EINTR {
                return .broken
            }
        }
        bytes = []
        start = 0
        return .empty
    }
}
