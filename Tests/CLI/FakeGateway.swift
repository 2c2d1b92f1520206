import Glibc
import Runtime
import Synchronization

@testable import CLI

/// A gateway's Unix socket that follows a script, connection by connection, on a thread of its own.
final class FakeGateway: Sendable {
    /// What it does with one connection.
    enum Conversation: Sendable {
        /// Closes it before the WebSocket handshake is answered.
        case end
        /// Takes the handshake and `connect`, then closes instead of answering the request.
        case endInCall
        /// Refuses `connect` with this message.
        case refuse(String)
        /// Answers anything with these bytes and closes.
        case bytes(String)
        /// Takes everything and answers requests by the method's name and params.
        case serve(@Sendable (String, JSON) -> Answer)
        /// Says nothing.
        case silence
    }

    enum Answer: Sendable {
        case payload(JSON)
        case error(code: String, message: String)
    }

    let socket: String
    private let listener = Mutex<FakeListener?>(nil)
    private let script: Mutex<[Conversation]>
    private let calls = Mutex<[(method: String, params: JSON)]>([])

    /// The last conversation is repeated. nil when it cannot listen.
    init?(socket path: String, _ script: [Conversation]) {
        socket = path
        self.script = Mutex(script)
        guard
            let made = FakeListener(
                path,
                serve: { [weak self] fd in
                    guard let self else { return }
                    converse(fd, self.script.withLock { $0.count > 1 ? $0.removeFirst() : $0.first ?? .end })
                }
            )
        else { return nil }
        listener.withLock { $0 = made }
    }

    /// The calls so far, `connect` apart.
    var received: [(method: String, params: JSON)] { calls.withLock { $0 } }

    func stop() { listener.withLock { $0 }?.stop() }

    private func converse(_ fd: Int32, _ script: Conversation) {
        if case .end = script { return }
        if case .silence = script {
            var byte: UInt8 = 0
            while recv(fd, &byte, 1, 0) > 0 {}
            return
        }
        let reader = Reader(fd: fd)
        guard reader.head() else { return }
        if case .bytes(let text) = script { return Self.send(fd, [UInt8](text.utf8)) }
        // An event follows the handshake in the same packet, as the challenge does.
        let greeting = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        Self.send(
            fd,
            [UInt8](greeting.utf8) + Self.frame(#"{"type":"event","event":"connect.challenge","payload":{}}"#)
        )
        while let bytes = reader.message(), let request = try? JSON(parsing: bytes) {
            let (id, method) = (request["id"] ?? .null, request["method"]?.string ?? "")
            var answer = Answer.payload(["hello": true])
            if method == "connect" {
                if case .refuse(let text) = script { answer = .error(code: "INVALID_REQUEST", message: text) }
            } else {
                calls.withLock { $0.append((method, request["params"] ?? .null)) }
                guard case .serve(let body) = script else { return }
                answer = body(method, request["params"] ?? .null)
            }
            let response: JSON =
                switch answer {
                case .payload(let payload): ["type": "res", "id": id, "ok": true, "payload": payload]
                case .error(let code, let message):
                    [
                        "type": "res", "id": id, "ok": false,
                        "error": ["code": .string(code), "message": .string(message)],
                    ]
                }
            // A tick and a ping in between, and the answer in fragments.
            Self.send(fd, Self.frame(#"{"type":"event","event":"tick","payload":{"ts":1}}"#) + [0x89, 0])
            let encoded = response.encoded()
            let half = encoded.count / 2
            Self.send(fd, Self.frame(encoded[..<half], 0x01) + Self.frame(encoded[half...], 0x80))
        }
    }

    private static func frame(_ text: String) -> [UInt8] { frame(Array(text.utf8)[...], 0x81) }

    private static func frame(_ bytes: ArraySlice<UInt8>, _ first: UInt8) -> [UInt8] {
        let count = bytes.count
        let length: [UInt8] =
            count < 126
            ? [UInt8(count)]
            : count < 65536
                ? [126, UInt8(count >> 8), UInt8(count & 0xFF)]
                : [127] + (0..<8).map { UInt8(truncatingIfNeeded: count >> (56 - 8 * $0)) }
        return [first] + length + bytes
    }

    private static func send(_ fd: Int32, _ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Reads the client's half of the protocol: a head, then masked frames.
    private struct Reader {
        let fd: Int32

        func byte() -> UInt8? {
            var byte: UInt8 = 0
            return recv(fd, &byte, 1, 0) == 1 ? byte : nil
        }

        func bytes(_ count: Int) -> [UInt8]? {
            var bytes: [UInt8] = []
            while bytes.count < count {
                guard let next = byte() else { return nil }
                bytes.append(next)
            }
            return bytes
        }

        func head() -> Bool {
            var last: [UInt8] = []
            while let next = byte() {
                last = last.suffix(3) + [next]
                if last == [13, 10, 13, 10] { return true }
            }
            return false
        }

        /// The next text; pongs are passed over.
        func message() -> [UInt8]? {
            while let start = bytes(2) {
                guard start[1] & 0x80 != 0 else { return nil }
                let code = start[1] & 0x7F
                guard let long = bytes(code == 127 ? 8 : code == 126 ? 2 : 0) else { return nil }
                let count = long.isEmpty ? Int(code) : long.reduce(0) { $0 << 8 | Int($1) }
                guard let mask = bytes(4), let payload = bytes(count) else { return nil }
                let plain = payload.enumerated().map { $1 ^ mask[$0 & 3] }
                if start[0] == 0x81 { return plain }
            }
            return nil
        }
    }
}
