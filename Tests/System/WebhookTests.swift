import Glibc
import Testing

extension SystemTests {
    /// Telegram's webhook instead of polling: the fake delivers to the public URL's end on this machine, as a tunnel does.
    @Suite("Telegram's webhook", .serialized)
    struct WebhookTests {
        private static let url = "https://bot.example/telegram-webhook"

        private func world(_ port: UInt16) async throws -> World {
            let telegram = try await BotAPI()
            try await telegram.control("webhook-target", ["url": .string("http://127.0.0.1:\(port)")])
            return try await World.start(telegram: telegram) { setup in
                setup.config = setup.config?.with("channels", "telegram", "webhookUrl", value: .string(Self.url))
                    .with("channels", "telegram", "webhookSecret", value: "a-secret_1")
                    .with("channels", "telegram", "webhookHost", value: "127.0.0.1")
                    .with("channels", "telegram", "webhookPort", value: .integer(Int64(port)))
            }
        }

        @Test("what is delivered is answered once, also when the worker or the gateway dies before it said 200")
        func delivered() async throws {
            let world = try await world(try Socket.freePort())
            #expect(try await world.ask("by webhook").contains("by webhook"))
            let state = try await world.telegram.state()
            #expect(state["webhook"] == .string(Self.url) && state["secret"] == "a-secret_1", "\(state)")
            for (round, victim) in [Chat.telegram.worker, "gateway"].enumerated() {
                try await world.gateway.kill(victim)
                try await world.telegram.say("round-\(round)-end")
                #expect(
                    try await world.telegram.answer(to: "round-\(round)-end", within: 30) != nil,
                    "\(world.gateway.process.tail())"
                )
            }
            let before = try await world.telegram.server.rows("deliveries", from: 0, within: 0)
            #expect(before.last?["status"] == 200, "\(before)")
            for round in 0..<2 { #expect(try await world.answers(to: "round-\(round)-end").count == 1) }
            #expect(try await world.telegram.calls("getUpdates", within: 0).isEmpty, "no polling beside it")
            #expect(try await world.telegram.state()["violations"]?.array == [])
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("a delivery with another secret, none, or to another path is refused and answered by nobody")
        func wrongSecret() async throws {
            let port = try Socket.freePort()
            let world = try await world(port)
            #expect(try await world.ask("first").contains("first"))
            let update: JSONValue = [
                "update_id": 900_000_001,
                "message": [
                    "message_id": 99, "date": 1, "text": "forged", "chat": ["id": 42, "type": "private"],
                    "from": ["id": 42, "is_bot": false, "first_name": "Ada"],
                ],
            ]
            for path in ["/telegram-webhook", "/elsewhere"] {
                let answer = try await HTTP.post(port, path, update)
                #expect((400..<500).contains(answer.status), "\(path): \(answer.status)")
            }
            #expect(try await HTTP.get(port, "/healthz").status == 200)
            // The network's own secret changes under it: what comes with another one is refused and stays with Telegram.
            try await world.telegram.control("webhook", ["url": .string(Self.url), "secret": "another"])
            let count = try await world.telegram.server.rows("deliveries", from: 0, within: 0).count
            try await world.telegram.say("with another secret")
            let refused = try await world.telegram.server.rows("deliveries", from: count, within: 10)
            #expect(refused.first?["status"] == 401 || refused.first?["status"] == 403, "\(refused)")
            try await world.telegram.control("webhook", ["url": .string(Self.url), "secret": "a-secret_1"])
            #expect(try await world.telegram.answer(to: "with another secret", within: 20) != nil)
            #expect(try await world.answers(to: "forged").isEmpty)
            #expect(try await world.gateway.stop() == 0)
        }

        @Test(
            "through a tunnel: Telegram is told of a changed address, and delivers there",
            .enabled(if: Machine.isRoot)
        )
        func throughTunnel() async throws {
            let edge = try await TunnelEdge(isNamed: true)
            let telegram = try await BotAPI()
            let address = try #require(try await edge.state["address"]?.string)
            // Where the names lead to; which of them is asked for, the request says.
            try await telegram.control("webhook-target", ["url": .string("http://\(address):80")])
            let port = try Socket.freePort()
            let tunnel = try edge.tunnel("ngrok", ["expose": ["telegram"]])
            let world = try await World.start(telegram: telegram) { setup in
                setup.ownConfig = ["tunnel": tunnel]
                setup.wrapper = edge.wrapper
                setup.config = setup.config?.with(
                    "channels",
                    "telegram",
                    "webhookPort",
                    value: .integer(Int64(port))
                )
            }
            var url = ""
            for round in 0..<3 {
                url = try await edge.up("tunnel:ngrok", world.gateway, not: url)
                let told = url + "/telegram-webhook"
                try await eventually(within: 60, "round \(round): Telegram was not told of \(told)") {
                    try await telegram.state()["webhook"] == .string(told)
                }
                #expect(try await world.ask("round-\(round)", within: 60).contains("round-\(round)"))
                let host = url.split(separator: "/").last.map(String.init)
                #expect(
                    try await edge.state["requests"]?.array.contains {
                        $0["method"] == "POST" && $0["host"]?.string == host && $0["path"] == "/telegram-webhook"
                    } == true,
                    "round \(round): it came by the new address"
                )
                // The agent finds another address by itself; then it dies.
                if round == 0 { try await edge.server.post("order", ["order": "renew"]) }
                if round == 1, let pid = try await edge.starts.last?["pid"]?.integer { kill(pid_t(pid), SIGKILL) }
            }
            #expect(try await telegram.calls("setWebhook", within: 0).count == 3, "once for every address")
            #expect(try await telegram.calls("getUpdates", within: 0).isEmpty, "no polling beside it")
            #expect(try await telegram.state()["violations"]?.array == [])
            #expect(try await world.gateway.stop() == 0)
        }
    }
}
