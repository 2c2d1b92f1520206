import Glibc
import Testing

extension SystemTests {
    @Suite("The command line against the running whole", .serialized)
    struct CommandLineTests {
        @Test("channels: who is connected, last in and out, probe, restart; an overview that has them too")
        func channels() async throws {
            let world = try await World.start()
            #expect(try await world.ask("hello there") != "")
            let status = try await Terminal.json(world, "channels", "status", "--probe")
            let telegram = status["channelAccounts"]?["telegram"]?[0]
            #expect(
                telegram?["connected"] == true && telegram?["tokenSource"] == "env"
                    && telegram?["dmPolicy"] == "allowlist"
            )
            #expect((telegram?["lastInboundAt"]?.integer ?? 0) > 0 && (telegram?["lastOutboundAt"]?.integer ?? 0) > 0)
            #expect(telegram?["probe"]?["ok"]?.bool != nil, "\(telegram?.text ?? "")")
            #expect(status["channelAccounts"]?["webchat"]?[0]?["connected"] == true)
            let list = try await Terminal.type(world, "channels", "list")
            #expect(list.code == 0 && list.text.contains("- Telegram default: enabled, configured, running"))
            let overview = try await Terminal.type(world, "status")
            #expect(overview.text.contains("CHANNELS") && overview.text.contains("telegram"))

            let before = try await world.gateway.pid(of: World.telegramWorker)
            let restart = try await Terminal.type(world, "channels", "restart", "telegram")
            #expect(restart.code == 0 && restart.text.contains("channel:telegram:default restarted"), "\(restart.text)")
            #expect(try await world.gateway.pid(of: World.telegramWorker) != before)
            let stop = try await Terminal.type(world, "channels", "stop", "telegram")
            #expect(stop.code == 0)
            let stopped = try await Terminal.json(world, "channels")["channelAccounts"]?["telegram"]?[0]
            #expect(stopped?["running"] == false && stopped?["connected"] == false)
            let typo = try await Terminal.type(world, "channels", "start", "telgram")
            #expect(typo.code == 2 && typo.text.contains("Did you mean telegram?"))
        }

        @Test("who is not answered and why; a stranger is let in by his code and answered from then on")
        func strangers() async throws {
            let world = try await World.start { setup in
                setup.config = setup.config?.with("channels", "telegram", "dmPolicy", value: "pairing")
            }
            let telegram = try world.telegram
            let stranger: Int64 = 77
            _ = try await telegram.write("let me in", chat: stranger)
            let words = try await telegram.sent(count: 1, within: 30)
            #expect(telegram.text(words[0])?.contains("Pairing code: ") == true, "\(words)")
            let request = try await Terminal.json(world, "pairing", "list", "telegram")["requests"]?[0]
            let code = try #require(request?["code"]?.string)
            #expect(request?["id"] == .string("\(stranger)"))
            let why = try await Terminal.json(world, "why", "telegram")["items"]?[0]
            #expect(
                why?["sender"] == .string("\(stranger)") && why?["reason"]?.string?.isEmpty == false,
                "\(why?.text ?? "")"
            )
            let page = try await Terminal.type(world, "why", "telegram")
            #expect(page.code == 0 && page.text.contains("(\(stranger))") || page.text.contains("\(stranger)"))
            let status = try await Terminal.json(world, "channels")["channelAccounts"]?["telegram"]?[0]
            #expect(status?["pairing"] == 1 && (status?["ignored"]?["today"]?.integer ?? 0) > 0)

            let wrong = try await Terminal.type(world, "pairing", "approve", "telegram", "WRONGCOD")
            #expect(wrong.code == 1 && wrong.text.contains("No pending pairing request found for code: WRONGCOD"))
            let approved = try await Terminal.type(
                world,
                "pairing",
                "approve",
                "--channel",
                "telegram",
                code.lowercased()
            )
            #expect(approved.code == 0 && approved.text.contains("Approved telegram sender \(stranger)."))
            #expect(try await Terminal.json(world, "pairing", "list")["requests"] == [])
            _ = try await telegram.write("am I in", chat: stranger)
            _ = try await telegram.sent(count: 2, within: 30)
            #expect(try await world.answers(to: "am I in") != [])
        }

        @Test(
            "the queue: what its network refuses is shown with the reason, tried again, dropped, and then gone from sight"
        )
        func queue() async throws {
            let world = try await World.start()
            #expect(try await Terminal.type(world, "queue").text == "Nothing waits and nothing was given up.")
            let refusal: JSONValue = [
                "method": "sendMessage", "status": 403, "description": "Forbidden: bot was blocked by the user",
            ]
            try await world.telegram.fault(refusal)
            try await world.telegram.say("the first one")
            let first = try await refused(world)
            let page = try await Terminal.type(world, "queue")
            #expect(page.code == 0 && page.text.contains("blocked by the user") && page.text.contains("queue retry ID"))
            let shown = try await Terminal.type(world, "queue", "show", first)
            #expect(shown.text.contains("State        rejected"), "\(shown.text)")
            #expect(try await world.answers(to: "the first one") == [])
            #expect(try await Terminal.type(world, "queue", "retry", first).code == 0)
            #expect(try await world.telegram.answer(to: "the first one", within: 20) != nil)
            let again = try await Terminal.type(world, "queue", "retry", first)
            #expect(again.code == 1, "\(again.text)")

            try await world.telegram.fault(refusal)
            try await world.telegram.say("the second one")
            let second = try await refused(world)
            #expect(second != first)
            #expect(try await Terminal.type(world, "queue", "drop", second).text.contains("\(second) is dropped"))
            #expect(try await Terminal.json(world, "queue", "--state", "rejected")["items"] == [])
            #expect(
                try await Terminal.json(world, "queue", "--state", "dropped")["items"]?[0]?["id"] == .string(second)
            )
            #expect(try await world.answers(to: "the second one") == [])
            let unknown = try await Terminal.type(world, "queue", "drop", "outbox:99999")
            #expect(unknown.code == 1 && unknown.text.contains("outbox:99999"), "\(unknown.text)")
            let typo = try await Terminal.type(world, "queue", "--state", "daed")
            #expect(typo.code == 2 && typo.text.contains("Did you mean dead?"), "\(typo.text)")
        }

        /// The id of the part that the network refused, once it is there.
        private func refused(_ world: World) async throws -> String {
            let deadline = ContinuousClock.now + .seconds(30)
            while ContinuousClock.now < deadline {
                let items = try await Terminal.json(world, "queue", "--state", "rejected")["items"]?.array ?? []
                if let id = items.first?["id"]?.string { return id }
            }
            throw TestFailure("nothing was refused:\n\(world.gateway.process.tail())")
        }

        @Test("a gateway that is killed between two words is waited for; one that is gone is told of")
        func restart() async throws {
            let world = try await World.start()
            for _ in 0..<3 {
                try await world.gateway.kill("gateway")
                let answer = try await Terminal.json(world, "call", "health")
                #expect(answer["ok"] == true)
            }
            let unknown = try await Terminal.type(world, "call", "no.such.method")
            #expect(unknown.code == 1 && unknown.text.contains("unknown method: no.such.method"))
            try await world.gateway.stop()
            let gone = try await Terminal.type(world, "queue")
            #expect(gone.code == 1 && gone.text.contains("No gateway is running"), "\(gone.text)")
            #expect(try await Terminal.json(world, "channels") == ["running": false])
        }

        @Test("a program that the gateway itself runs may not call it, whoever it runs as")
        func ownTree() async throws {
            let (executable, state) = (try Place.executable(), try StateDirectory())
            let script = "while :; do \(executable) call health --state-dir \(state.path) 2>&1; sleep 1; done"
            let world = try await World.start(state: state) { setup in
                setup.ownConfig = (setup.ownConfig ?? [:]).with(
                    "sidecars",
                    "caller",
                    // Its user is the owner of the state: by that alone it would be let in.
                    value: ["command": ["/bin/sh", "-c", .string(script)], "user": "owner"]
                )
            }
            let line = try await world.gateway.process.line(containing: "[caller] ")
            #expect(line.contains("not the gateway's own processes"), "\(line)")
        }
    }
}
