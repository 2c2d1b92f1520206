/// The Discord fake, and what a test does on Discord's side.
final class DiscordFake: ChatFake {
    static let token = "ODAwMDAw.test.discord-token"
    static let bot = "800000000000000001"
    static let guild = "810000000000000001"
    static let general = "820000000000000001"
    static let forum = "823000000000000001"
    /// The one person who may talk.
    static let ada = "842000000000000042"

    let server: FakeServer

    init(token: String = DiscordFake.token, heartbeat milliseconds: Int = 41250) async throws {
        server = try await FakeServer("discord_fake.py", ["--token", token, "--heartbeat", "\(milliseconds)"])
    }

    func say(_ text: String) async throws { try await write(text, ["dm": true]) }

    func text(_ row: JSONValue) -> String? { row["content"]?.string }

    /// Somebody writes a message; `more`: user, channel, dm, mention, reply_to, attachments, extra. Returns the message.
    @discardableResult
    func write(_ text: String, _ more: JSONValue = [:]) async throws -> JSONValue {
        try await control("message", more.with("text", value: .string(text)))
    }

    /// The calls of a route ("POST /channels/{}/messages") from index `index` on; waits until there is one.
    func calls(_ route: String, from index: Int = 0, within seconds: Double = 10) async throws -> [JSONValue] {
        let name = route.utf8.map { byte in
            switch byte {
            case UInt8(ascii: " "): "%20"
            case UInt8(ascii: "{"): "%7B"
            case UInt8(ascii: "}"): "%7D"
            default: String(UnicodeScalar(byte))
            }
        }
        return try await server.rows("calls", from: index, within: seconds, "&route=\(name.joined())")
    }

    /// What happened at the gateway: `connected`, `identify`, `ready`, `resumed`, `resume-refused`, `closed`, `refused`.
    func log(_ what: String, from index: Int = 0, within seconds: Double = 10) async throws -> [JSONValue] {
        try await server.rows("log", from: index, within: seconds, "&what=\(what)")
    }

    /// Returns when the bot has identified and is told what happens.
    func ready(within seconds: Double = 15) async throws {
        guard try await !log("ready", within: seconds).isEmpty else {
            throw TestFailure("no bot identified within \(seconds) s: \(try await state().text)")
        }
    }
}
