import Glibc
import TestSupport

/// Two connected stream sockets; `near` is the side under test.
final class SocketPair {
    let near: Int32
    private(set) var far: Int32
    /// False once somebody else closes `near`.
    var ownsNear = true

    init() throws {
        var descriptors: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &descriptors) == 0 else { throw SocketError(errno) }
        near = descriptors[0]
        far = descriptors[1]
    }

    deinit {
        if ownsNear { close(near) }
        closeFar()
    }

    func closeFar() {
        if far >= 0 { close(far) }
        far = -1
    }

    func write(_ bytes: [UInt8]) throws {
        guard Glibc.write(far, bytes, bytes.count) == bytes.count else { throw SocketError(errno) }
    }

    /// Waits for what comes out at `far`, on a thread of its own: heartbeats need the pool that tests run on.
    func readFar() async -> [UInt8] {
        let far = far
        return await withCheckedContinuation { continuation in
            onThread {
                var bytes = [UInt8](repeating: 0, count: 65_536)
                let count = read(far, &bytes, bytes.count)
                continuation.resume(returning: Array(bytes.prefix(max(0, count))))
            }
        }
    }

    /// Whether nothing waits to be read at `far`.
    var hasNothingFar: Bool {
        var byte: UInt8 = 0
        return recv(far, &byte, 1, Int32(MSG_DONTWAIT | MSG_PEEK)) < 0 && errno == EAGAIN
    }

    /// Forgets what waits to be read at `far`.
    func emptyFar() {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        while recv(far, &bytes, bytes.count, Int32(MSG_DONTWAIT)) > 0 {}
    }

    /// What waits to be read at `near`.
    func readNear() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = recv(near, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        return Array(bytes.prefix(max(0, count)))
    }
}

struct SocketError: Error {
    var number: Int32
    init(_ number: Int32) { self.number = number }
}
