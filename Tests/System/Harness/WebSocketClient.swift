import FoundationEssentials
import TestSupport

/// A WebSocket client of the gateway, by the RFC and the protocol's description alone.
final class WebSocketClient: Sendable {
    /// Every JSON frame that came, in order.
    let frames = Mailbox<JSONValue>()
    private let socket: Socket

    /// Connects and upgrades; does not say `connect` yet.
    init(port: UInt16) async throws {
        socket = try await blocking {
            let socket = try Socket.tcp(port)
            let request =
                "GET / HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            try socket.write(Array(request.utf8))
            return socket
        }
        let (socket, frames) = (socket, frames)
        let upgraded = Mailbox<String>()
        onThread {
            Self.read(socket, upgraded, frames)
            upgraded.close()
            frames.close()
        }
        guard let head = await upgraded.first(where: { _ in true }), head.hasPrefix("HTTP/1.1 101") else {
            throw TestFailure("no WebSocket upgrade: \(upgraded.items)")
        }
    }

    deinit { socket.shutdown() }

    /// Connects and says who it is; the answer to `connect` is the payload of hello-ok.
    static func connected(to port: UInt16, token: String) async throws -> WebSocketClient {
        let client = try await WebSocketClient(port: port)
        let hello = try await client.request("connect", connectParams(token))
        guard hello["ok"]?.bool == true else { throw TestFailure("connect was refused: \(hello.text)") }
        return client
    }

    static func connectParams(_ token: String) -> JSONValue {
        [
            "minProtocol": 3, "maxProtocol": 3, "role": "operator", "scopes": ["operator.admin"],
            "client": ["id": "test", "version": "1", "platform": "linux", "mode": "test"],
            "auth": ["token": .string(token)],
        ]
    }

    /// Sends a request and waits for its answer, the whole `res` frame.
    func request(_ method: String, _ params: JSONValue = [:], within seconds: Double = 15) async throws -> JSONValue {
        let id = UUID().uuidString
        try await send(["type": "req", "id": .string(id), "method": .string(method), "params": params])
        let answer = await frames.first(within: seconds) { $0["type"]?.string == "res" && $0["id"]?.string == id }
        guard let answer else { throw TestFailure("no answer to \(method) within \(seconds) s") }
        return answer
    }

    /// `chat.send`; returns the payload of the answer.
    func chat(_ text: String, key: String, session: String = "agent:main:main") async throws -> JSONValue {
        let answer = try await request(
            "chat.send",
            ["sessionKey": .string(session), "message": .string(text), "idempotencyKey": .string(key)]
        )
        guard let payload = answer["payload"], answer["ok"]?.bool == true else {
            throw TestFailure("chat.send was refused: \(answer.text)")
        }
        return payload
    }

    /// The last chat event of a run: final, error or aborted.
    func outcome(of run: String, within seconds: Double = 30) async throws -> JSONValue {
        let event = await frames.first(within: seconds) { Self.isTerminal($0, of: run) }
        guard let payload = event?["payload"] else { throw TestFailure("run \(run) did not end within \(seconds) s") }
        return payload
    }

    static func isTerminal(_ frame: JSONValue, of run: String) -> Bool {
        frame["event"]?.string == "chat" && frame["payload"]?["runId"]?.string == run
            && ["final", "error", "aborted"].contains(frame["payload"]?["state"]?.string ?? "")
    }

    /// The text of a chat event's message.
    static func text(_ payload: JSONValue) -> String {
        payload["message"]?["content"]?.array.compactMap { $0["text"]?.string }.joined() ?? ""
    }

    func send(_ frame: JSONValue) async throws {
        let payload = frame.bytes
        var bytes: [UInt8] = [0x81]
        switch payload.count {
        case ..<126: bytes.append(0x80 | UInt8(payload.count))
        case ..<65536: bytes += [0xFE, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default: bytes += [0xFF] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        let mask: [UInt8] = [0x1B, 0x2C, 0x3D, 0x4E]
        bytes += mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
        let whole = bytes
        try await blocking { [socket] in try socket.write(whole) }
    }

    /// Ends the connection without ceremony.
    func drop() { socket.shutdown() }

    private static func read(_ socket: Socket, _ upgraded: Mailbox<String>, _ frames: Mailbox<JSONValue>) {
        var bytes: [UInt8] = []
        func fill() -> Bool {
            guard let more = try? socket.read(within: 3600), !more.isEmpty else { return false }
            bytes += more
            return true
        }
        let end: Int
        while true {
            if let range = bytes.firstRange(of: Array("\r\n\r\n".utf8)) {
                end = range.upperBound
                break
            }
            guard fill() else { return }
        }
        upgraded.append(String(decoding: bytes[..<end], as: UTF8.self))
        bytes.removeSubrange(..<end)
        var message: [UInt8] = []
        while true {
            guard let (opcode, isLast, payload, length) = frame(bytes) else {
                guard fill() else { return }
                continue
            }
            bytes.removeSubrange(..<length)
            switch opcode {
            case 0, 1:
                message += payload
                if isLast {
                    if let value = try? JSONValue(message) { frames.append(value) }
                    message = []
                }
            case 8: return
            case 9: try? socket.write([0x8A, 0x80 | UInt8(payload.count), 0, 0, 0, 0] + payload)
            default: break
            }
        }
    }

    /// The first frame in `bytes`: opcode, final, payload, and its length on the wire; servers do not mask.
    private static func frame(_ bytes: [UInt8]) -> (UInt8, Bool, [UInt8], Int)? {
        guard bytes.count >= 2 else { return nil }
        var (length, start) = (Int(bytes[1] & 0x7F), 2)
        if length == 126 {
            guard bytes.count >= 4 else { return nil }
            (length, start) = (Int(bytes[2]) << 8 | Int(bytes[3]), 4)
        } else if length == 127 {
            guard bytes.count >= 10 else { return nil }
            (length, start) = (bytes[2..<10].reduce(0) { $0 << 8 | Int($1) }, 10)
        }
        guard bytes.count >= start + length else { return nil }
        return (bytes[0] & 0x0F, bytes[0] & 0x80 != 0, Array(bytes[start..<(start + length)]), start + length)
    }
}
