/// The Bot API fake, and what a test does on Telegram's side.
final class BotAPI: ChatFake {
    static let token = "123456:AAE-test_token"
    let server: FakeServer

    init(token: String = BotAPI.token) async throws {
        server = try await FakeServer("botapi_fake.py", ["--token", token])
    }

    func say(_ text: String) async throws { try await write(text, chat: World.chat) }

    func text(_ row: JSONValue) -> String? { row["text"]?.string }

    /// Somebody writes to the bot; returns the update.
    @discardableResult
    func write(_ text: String, chat: Int64 = World.chat, extra: JSONValue = [:]) async throws -> JSONValue {
        try await control("message", ["chat_id": .integer(chat), "text": .string(text), "extra": extra])
    }

    /// The calls of a method from index `index` on; waits until there is one.
    func calls(_ method: String, from index: Int = 0, within seconds: Double = 10) async throws -> [JSONValue] {
        try await server.rows("calls", from: index, within: seconds, "&method=\(method)")
    }

    /// Returns when the bot has confirmed an update to Telegram.
    func confirmed(_ update: JSONValue, within seconds: Double = 20) async throws {
        let id = update["update_id"]?.integer ?? 0
        let answer = try await server.get("wait-confirmed?id=\(id)&wait=\(seconds)", within: seconds + 5)
        guard answer.bool == true else { throw TestFailure("update \(id) was not confirmed within \(seconds) s") }
    }
}
