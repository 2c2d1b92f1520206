import Glibc
import Testing

extension SystemTests {
    @Suite("The harness itself", .serialized)
    struct HarnessTests {
        @Test("the Bot API fake takes messages in and says what was sent")
        func botAPI() async throws {
            let telegram = try await BotAPI()
            let update = try await telegram.write("hello")
            let poll = try await HTTP.post(telegram.port, "/bot\(BotAPI.token)/getUpdates", ["timeout": 0])
            #expect(try JSONValue(poll.body)["result"]?[0] == update)
            let send: JSONValue = ["chat_id": 42, "text": "grüß dich 👋"]
            let sent = try await HTTP.post(telegram.port, "/bot\(BotAPI.token)/sendMessage", send)
            #expect(sent.status == 200)
            #expect(try await telegram.sent(count: 1).first?["text"] == "grüß dich 👋")
        }

        @Test("a child's output comes line by line and its end is seen")
        func child() async throws {
            let child = try ChildProcess(["/bin/sh", "-c", "echo one; echo two >&2; read line; kill -TERM $$"])
            try await child.line(containing: "two")
            child.closeInput()
            #expect(try await child.ended() == -SIGTERM)
            #expect(child.lines.items == ["one", "two"])
        }

        @Test("the executable is found")
        func executable() throws {
            #expect(try Place.executable().hasSuffix("/clawhold"))
        }
    }
}
