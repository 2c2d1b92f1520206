import FoundationEssentials
import Glibc
import IPCControl
import Testing

extension SystemTests {
    @Suite("Bad input is answered in words", .serialized)
    struct BadInputTests {
        @Test("lan bind without a token is refused in OpenClaw's words, exit 1")
        func lanWithoutToken() async throws {
            let gateway = try Gateway.launch(
                Gateway.Setup(environment: ["OPENCLAW_GATEWAY_TOKEN": ""], arguments: ["--bind", "lan"])
            )
            #expect(try await gateway.process.ended() == 1)
            let said = gateway.process.tail()
            #expect(said.contains("Refusing to bind gateway to lan without auth."), "\(said)")
            #expect(said.contains("Set gateway.auth.token/password"), "\(said)")
        }

        @Test("a taken port is named with who has it, exit 75")
        func portTaken() async throws {
            let (taken, port) = try Socket.listening()
            let gateway = try Gateway.launch(port: port)
            #expect(try await gateway.process.ended() == 75)
            let said = gateway.process.tail()
            #expect(said.contains("\(port)") && said.contains("\(getpid())"), "\(said)")
            taken.shutdown()
        }

        @Test("a second instance exits 75 within a second and names the first")
        func secondInstance() async throws {
            let first = try await Gateway.start()
            let began = ContinuousClock.now
            let second = try Gateway.launch(in: first.state)
            #expect(try await second.process.ended() == 75)
            #expect(ContinuousClock.now - began < .seconds(1))
            #expect(second.process.tail().contains("\(first.process.pid)"), "\(second.process.tail())")
            try await first.healthy()
        }

        @Test("a config that does not parse: the last accepted one is in force, loudly")
        func lastAccepted() async throws {
            let world = try await World.start()
            try await world.gateway.worker(World.telegramWorker)
            #expect(try await world.gateway.stop() == 0)
            try world.gateway.state.write("openclaw.json", "{\n  channels: {\n  oh no\n")
            let again = try await World.start(telegram: world.telegram, model: world.model, state: world.gateway.state)
            {
                $0.config = nil
            }
            #expect(try await again.ask("still there?").contains("still there?"))
            try await again.gateway.process.line(containing: "last accepted")
            #expect(again.gateway.process.lines.items.contains { $0.contains("openclaw.json") && $0.contains("3") })
        }

        @Test("a config that does not parse and no accepted one: healthy, and no channels")
        func noneAccepted() async throws {
            let telegram = try await BotAPI()
            let model = try await ModelFake()
            let state = try StateDirectory()
            try state.write("openclaw.json", "{ channels: ")
            let world = try await World.start(telegram: telegram, model: model, state: state) { $0.config = nil }
            try await world.gateway.process.line(containing: "no channel")
            #expect(try await world.gateway.workers()[World.telegramWorker] == nil)
        }

        @Test("a wrong bot token parks the worker with the reason, and nothing loops")
        func wrongToken() async throws {
            let telegram = try await BotAPI(token: "123456:another")
            let world = try await World.start(telegram: telegram)
            let row = try await world.gateway.worker(World.telegramWorker) { $0["STATE"] == "parked" }
            #expect(row["TEXT"]?.contains("Telegram refused the bot token (401 Unauthorized)") == true, "\(row)")
            #expect(row["TEXT"]?.contains("TELEGRAM_BOT_TOKEN") == true)
            try await world.gateway.healthy()
            #expect(try await telegram.calls("getMe", within: 0).isEmpty, "the fake counts no call with a wrong token")
            #expect(try await world.gateway.workers()[World.telegramWorker]?["INCARNATION"] == "1")
        }

        @Test(
            "a state directory that cannot be written is said plainly",
            arguments: ["/proc/clawhold", "/dev/null/state"]
        )
        func stateDirectory(_ path: String) async throws {
            let gateway = try Gateway.launch(Gateway.Setup(environment: ["OPENCLAW_STATE_DIR": path]))
            #expect(try await gateway.process.ended() == 1)
            #expect(gateway.process.tail().contains(path), "\(gateway.process.tail())")
            #expect(gateway.process.tail().contains("OPENCLAW_STATE_DIR"), "\(gateway.process.tail())")
        }

        /// An upstream that fails for good: every call the same, so that retries see it too.
        struct Upstream: Sendable, CustomTestStringConvertible {
            var testDescription: String
            var fault: JSONValue
            /// What the log says of it.
            var logged: String
            /// What the owner is told besides, once; nil: nothing.
            var alert: String?
        }

        static let upstreams = [
            Upstream(
                testDescription: "401",
                fault: [
                    "mode": "error", "status": 401, "type": "authentication_error", "message": "invalid x-api-key",
                    "count": 50,
                ],
                logged: "401",
                alert: "the model's provider refuses our key"
            ),
            Upstream(
                testDescription: "429",
                fault: [
                    "mode": "error", "status": 429, "type": "rate_limit_error", "message": "rate words", "count": 50,
                    "headers": ["retry-after": "1"],
                ],
                logged: "rate words"
            ),
            Upstream(
                testDescription: "529",
                fault: [
                    "mode": "error", "status": 529, "type": "overloaded_error", "message": "busy words", "count": 50,
                ],
                logged: "busy words"
            ),
            Upstream(testDescription: "a cut stream", fault: ["mode": "cut", "count": 50], logged: "model"),
        ]

        @Test("an upstream that fails: the user gets a sentence, the log the cause", arguments: upstreams)
        func upstream(_ upstream: Upstream) async throws {
            let world = try await World.start()
            try await world.model.fault(upstream.fault)
            let answer = try await world.ask("one two three four", within: 60)
            #expect(answer.contains(" ") && !answer.hasPrefix("{") && !answer.contains("_error"), "\(answer)")
            #expect(!answer.hasPrefix("echo: one two three four"))
            try await world.gateway.process.line(containing: upstream.logged)
            try await world.model.control("clear-faults")
            // The owner may be told something in between.
            try await world.telegram.say("and now?")
            #expect(try await world.telegram.answer(to: "and now?", within: 60) != nil, "it recovers by itself")
            if let alert = upstream.alert {
                #expect(
                    try await world.telegram.answer(to: alert, within: 30) != nil,
                    "\(world.gateway.process.tail())"
                )
                #expect(try await world.answers(to: alert).count == 1)
            }
        }
    }
}
