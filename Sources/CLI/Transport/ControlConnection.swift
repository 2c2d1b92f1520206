internal import Glibc
internal import IPCControl

/// A connection to the supervisor's control socket: blocks, one after another, blocking.
final class ControlConnection {
    private let fd: Int32
    private let path: String
    private var decoder = BlockDecoder()

    /// How a connection fails.
    enum Refused: Error, Equatable {
        /// Nobody listens there.
        case gone
        /// The socket belongs to somebody else.
        case forbidden
        case other(String)
    }

    /// Connects to a socket in the file system.
    init(path: String) throws(Refused) {
        guard let fd = UnixStream.connect(path) else {
            switch errno {
            case ENOENT, ECONNREFUSED, ENOTDIR: throw .gone
            case EACCES, EPERM: throw .forbidden
            default: throw .other("\(path): \(String(cString: strerror(errno)))")
            }
        }
        self.fd = fd
        self.path = path
    }

    deinit { close(fd) }

    /// Sends a command and gives every block of the answer to `receive`, until the last one, which it returns.
    ///
    /// `timeoutSeconds` counts between two blocks; nil waits for ever. Throws the supervisor's own words when it says no.
    @discardableResult
    func ask(
        _ command: Block,
        timeoutSeconds: Int? = 40,
        receive: (Block) throws -> Void = { _ in }
    ) throws -> Block {
        var limit = timeval(tv_sec: timeoutSeconds ?? 0, tv_usec: 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        try send(try command.encoded())
        while let block = try next() {
            guard let end = block["END"] else {
                try receive(block)
                continue
            }
            guard end == "ok" else { throw CommandFailure(text: block["TEXT"] ?? "the supervisor says no") }
            return block
        }
        throw CommandFailure(
            text: "The supervisor closed the connection to \(path). "
                + "It answers root and the owner of its state directory only: try the same as that user."
        )
    }

    /// All blocks of an answer but the last.
    func blocks(_ command: Block) throws -> [Block] {
        var blocks: [Block] = []
        try ask(command) { blocks.append($0) }
        return blocks
    }

    private func send(_ bytes: [UInt8]) throws {
        var offset = 0
        while offset < bytes.count {
            let count = bytes[offset...].withUnsafeBytes {
                Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            // A connection that was closed at once still has its reason to be read.
            guard count > 0 else { return }
            offset += count
        }
    }

    private func next() throws -> Block? {
        var chunk = [UInt8](repeating: 0, count: 16 * 1024)
        while true {
            do {
                if let block = try decoder.next() { return block }
            } catch {
                throw CommandFailure(text: "The supervisor's answer on \(path) makes no sense: \(error)")
            }
            let count = recv(fd, &chunk, chunk.count, 0)
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN {
                throw CommandFailure(text: "The supervisor does not answer on \(path). `clawhold logs` may say why.")
            }
            guard count > 0 else { return nil }
            decoder.append(chunk[..<count])
        }
    }
}
