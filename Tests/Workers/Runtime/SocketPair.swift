import Glibc

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

    /// Waits for what comes out at `far`.
    func readFar() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = read(far, &bytes, bytes.count)
        return Array(bytes.prefix(max(0, count)))
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
