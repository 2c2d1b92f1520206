internal import Glibc

/// A WebSocket over the gateway's Unix socket, blocking, every wait with a deadline.
final class GatewaySocket {
    typealias Deadline = ContinuousClock.Instant

    /// How it ends before it was asked to.
    enum Failure: Error, Equatable {
        /// The socket file cannot be reached: `errno`.
        case refused(Int32)
        /// Nothing came in time.
        case late
        /// The other side ended, with the words of its close frame.
        case ended(String)
        case malformed(String)
    }

    private let fd: Int32
    private var frames = WebSocketFrames()

    /// Dials and shakes hands. While a gateway is replaced the kernel keeps the connection for the next one, so this waits.
    init(path: String, until deadline: Deadline) throws(Failure) {
        guard let fd = UnixStream.connect(path) else { throw .refused(errno) }
        self.fd = fd
        try send(Self.greeting(), until: deadline)
        try readGreeting(until: deadline)
    }

    deinit { close(fd) }

    /// Sends a text message.
    func send(text: [UInt8], until deadline: Deadline) throws(Failure) {
        try send(WebSocketFrames.encode(text), until: deadline)
    }

    /// The next text or binary message.
    func message(until deadline: Deadline) throws(Failure) -> [UInt8] {
        while true {
            let next: WebSocketFrames.Message?
            do {
                next = try frames.next()
            } catch {
                throw .malformed(error.text)
            }
            switch next {
            case .data(let bytes): return bytes
            case .ping(let bytes): try send(WebSocketFrames.encode(bytes, opcode: 10), until: deadline)
            case .close(let code, let reason): throw .ended(reason.isEmpty ? code.map { "code \($0)" } ?? "" : reason)
            case nil: frames.append(try read(until: deadline))
            }
        }
    }

    // MARK: Greeting

    /// The answer's `Sec-WebSocket-Accept` guards against caches that repeat an old answer; on this socket there are none,
    /// and its check would need SHA-1.
    private static func greeting() -> [UInt8] {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        let random = (0..<21).map { _ in letters[Int.random(in: 0..<letters.count)] }
        // Sixteen bytes end in two letters of which the second has four bits.
        let key = String(decoding: random, as: UTF8.self) + "A=="
        return [UInt8](
            """
            GET / HTTP/1.1\r
            Host: localhost\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Version: 13\r
            Sec-WebSocket-Key: \(key)\r
            \r

            """.utf8
        )
    }

    private static let longestHead = 16 * 1024

    private func readGreeting(until deadline: Deadline) throws(Failure) {
        var head: [UInt8] = []
        while true {
            if let end = Self.endOfHead(head) {
                let line = String(decoding: head.prefix { $0 != 13 }, as: UTF8.self)
                guard line.hasPrefix("HTTP/1.1 101") else { throw .malformed("it answers \"\(line.prefix(60))\"") }
                // The first messages may come in the same packet.
                return frames.append(head[end...])
            }
            guard head.count <= Self.longestHead else { throw .malformed("an answer without an end") }
            head += try read(until: deadline)
        }
    }

    private static func endOfHead(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        for index in 0...(bytes.count - 4) where bytes[index..<(index + 4)].elementsEqual([13, 10, 13, 10]) {
            return index + 4
        }
        return nil
    }

    // MARK: Bytes

    private func read(until deadline: Deadline) throws(Failure) -> ArraySlice<UInt8> {
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            try wait(for: Int16(POLLIN), until: deadline)
            let count = recv(fd, &chunk, chunk.count, Int32(MSG_DONTWAIT))
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { throw .ended("") }
            return chunk[..<count]
        }
    }

    private func send(_ bytes: [UInt8], until deadline: Deadline) throws(Failure) {
        var offset = 0
        while offset < bytes.count {
            try wait(for: Int16(POLLOUT), until: deadline)
            let count = bytes[offset...].withUnsafeBytes {
                Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { throw .ended("") }
            offset += count
        }
    }

    private func wait(for events: Int16, until deadline: Deadline) throws(Failure) {
        while true {
            let left = deadline - .now
            guard left > .zero else { throw .late }
            let milliseconds = min(left / .milliseconds(1), 60_000)
            var poll = pollfd(fd: fd, events: events, revents: 0)
            let count = Glibc.poll(&poll, 1, Int32(milliseconds.rounded(.up)))
            if count > 0 { return }
            if count < 0, errno != EINTR { throw .ended("") }
        }
    }
}
