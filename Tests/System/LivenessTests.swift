import Glibc
import IPCControl
import Testing

extension SystemTests {
    /// What supervision promises of real workers: silence is noticed, replacement loses nothing, a budget kills one alone.
    @Suite("Workers under supervision", .serialized)
    struct LivenessTests {
        static let workers = ["gateway", World.telegramWorker, World.agentWorker, World.modelWorker]

        @Test("a stopped worker is replaced after ten seconds, whatever its kind, and the next message is answered")
        func stopped() async throws {
            let world = try await World.start()
            #expect(try await world.ask("before").contains("before"))
            try await replaced(in: world) { pid, _ in Glibc.kill(pid, SIGSTOP) }
            #expect(try await world.ask("after").contains("after"))
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("a worker whose event loop stands still is replaced, although all its other threads run")
        func heldLoop() async throws {
            let world = try await World.start()
            #expect(try await world.ask("before").contains("before"))
            var holds: [ChildProcess] = []
            try await replaced(in: world) { pid, _ in
                let hold = try ChildProcess(
                    [
                        try await Peers.shared.interpreter(), Place.root + "/Tests/peers/hold_thread.py", "\(pid)",
                        "NIO-ELT",
                    ]
                )
                try await hold.line(containing: "HELD")
                holds.append(hold)
            }
            for hold in holds { #expect(try await hold.ended() == 0) }
            #expect(try await world.ask("after").contains("after"))
            #expect(try await world.gateway.stop() == 0)
        }

        /// Does `harm` to one worker of each kind at once and waits until each is replaced for being silent.
        private func replaced(in world: World, _ harm: (pid_t, String) async throws -> Void) async throws {
            let before = try await world.gateway.workers()
            for id in Self.workers {
                guard let pid = before[id]?.integer("PID"), pid > 1 else { throw TestFailure("\(id) does not run") }
                try await harm(pid_t(pid), id)
            }
            for id in Self.workers {
                let old = before[id]?.integer("INCARNATION") ?? 0
                let row = try await world.gateway.worker(id, within: 40) {
                    ($0.integer("INCARNATION") ?? 0) > old || $0["STATE"] == "stopped"
                }
                #expect(row["CAUSE"] == "watchdog", "\(row)")
            }
            for id in ["gateway", World.telegramWorker] { try await world.gateway.worker(id, within: 40) }
        }

        @Test("workers that are replaced under load: every message is answered once, in order, and none is in doubt")
        func replacedUnderLoad() async throws {
            let world = try await World.start { setup in
                setup.config = Self.severalPeople(setup.config)
            }
            #expect(try await world.ask("first of all").contains("first of all"))
            try await world.model.control("pace", ["seconds": 0.01])
            let rounds = 8
            async let restarts: Void = {
                for _ in 0..<3 {
                    for id in [World.agentWorker, World.telegramWorker, World.modelWorker] {
                        try await world.gateway.command("restart", id: id)
                    }
                }
            }()
            for round in 0..<rounds {
                for chat in Self.people { try await world.telegram.write("message-\(round)-\(chat)-end", chat: chat) }
                // The next ones come while the last ones are being answered.
                _ = try await world.telegram.sent(count: 1 + round * Self.people.count, within: 60)
            }
            _ = try await world.telegram.sent(count: 1 + rounds * Self.people.count, within: 60)
            try await restarts
            try await expectEachOnce(world, rounds: rounds)
        }

        @Test(
            "an agent above its soft limit sheds, ends what it has in hand and is replaced; what came meanwhile waits for the next"
        )
        func softLimit() async throws {
            let world = try await World.start { setup in
                setup.config = Self.severalPeople(setup.config)
                setup.ownConfig = ["memory": ["workers": ["agent": ["soft": 8, "hard": 96]]]]
            }
            #expect(try await world.ask("first of all").contains("first of all"))
            // An agent within its first minute is left alone.
            let born = try await world.gateway.worker(World.agentWorker).integer("SINCE_MS") ?? 0
            try await world.gateway.worker(World.agentWorker, within: 70) { _ in Self.milliseconds() > born + 57_000 }
            try await world.model.control("hold")
            let client = try await WebSocketClient.connected(to: world.gateway.port, token: Gateway.token)
            let runs = (0..<4).map { "run-\($0)" }
            for run in runs {
                // In front: of a message this long the model is told the first 256 KiB.
                let text = "\(run)-end " + String(repeating: "x", count: 400_000)
                _ = try await client.chat(text, key: run, session: "agent:main:\(run)")
            }
            _ = try await world.model.calls(from: runs.count, within: 20)
            try await world.gateway.worker(World.agentWorker, within: 40) { $0["STATE"] == "draining" }
            try await world.telegram.write("message-0-42-end", chat: World.chat)
            try await world.model.control("release")
            for run in runs {
                let outcome = try await client.outcome(of: run, within: 60)
                #expect(outcome["state"] == "final" && WebSocketClient.text(outcome).contains("\(run)-end"))
            }
            _ = try await world.telegram.sent(count: 2, within: 60)
            let next = try await world.gateway.worker(World.agentWorker)
            #expect(next["INCARNATION"] == "2" && next["CAUSE"] == "stopped", "\(next)")
            try await world.gateway.process.line(containing: "asked to give back what it can", within: 1)
            try await world.gateway.process.line(containing: "drained and replaced", within: 1)
            #expect(try await world.answers(to: "message-0-42-end").count == 1)
            #expect(try await world.model.calls().count == 2 + runs.count, "no call was made twice")
            for run in runs { #expect(try world.transcript("assistant", containing: "\(run)-end").count == 1) }
            #expect(try await world.gateway.stop() == 0)
        }

        private static func milliseconds() -> Int64 {
            var now = timespec()
            clock_gettime(CLOCK_REALTIME, &now)
            return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
        }

        private static let people: [Int64] = [World.chat, 43, 44]

        /// Three people may write, each in a conversation of their own.
        private static func severalPeople(_ config: JSONValue?) -> JSONValue {
            (config ?? [:]).with("session", "dmScope", value: "per-channel-peer")
                .with("channels", "telegram", "allowFrom", value: .array(people.map { .integer($0) }))
        }

        private func expectEachOnce(_ world: World, rounds: Int) async throws {
            #expect(try await world.gateway.stop() == 0)
            let sent = try await world.telegram.sent(from: 0, within: 0)
            for chat in Self.people {
                let texts = sent.filter { $0["chat_id"]?.integer == chat }.compactMap { $0["text"]?.string }
                let order = texts.compactMap { text in
                    (0..<rounds).first { text.contains("message-\($0)-\(chat)-end") }
                }
                #expect(order == Array(0..<rounds), "chat \(chat): \(order)\n\(world.gateway.process.tail(100))")
            }
            #expect(try await world.markedTexts() == [])
        }

        @Test(
            "a history that is too large for the agent's budget kills the agent alone; its sender is told, others are answered"
        )
        func hardLimit() async throws {
            let world = try await World.start { setup in
                setup.config = Self.severalPeople(setup.config)
                setup.ownConfig = ["memory": ["workers": ["agent": ["hard": 24]]]]
            }
            try await world.telegram.write("begin", chat: 43)
            _ = try await world.telegram.sent(count: 1)
            let before = try await world.gateway.workers()
            guard let path = try world.gateway.state.paths(endingWith: ".jsonl").first else {
                throw TestFailure("no transcript")
            }
            // Small values in masses: a few megabytes on disk are many times that in memory.
            let filler =
                #"{"type":"custom","id":"filler","data":["#
                + Array(repeating: "[]", count: 1_200_000).joined(separator: ",") + "]}\n"
            let file = open(path, O_WRONLY | O_APPEND)
            let bytes = Array(filler.utf8)
            #expect(write(file, bytes, bytes.count) == bytes.count)
            close(file)
            try await world.telegram.write("too much", chat: 43)
            try await world.telegram.write("meanwhile", chat: 44)
            #expect(try await world.telegram.answer(to: "crash repeatedly", within: 60) != nil)
            let told = try await world.telegram.sent(from: 0, within: 0).first {
                $0["text"]?.string?.contains("crash repeatedly") == true
            }
            #expect(told?["chat_id"]?.integer == 43, "\(told?.text ?? "")")
            #expect(
                try await world.telegram.answer(to: "ran out of memory", within: 20) != nil,
                "the owner is told:\n\(world.gateway.process.tail())"
            )
            #expect(try await world.telegram.answer(to: "meanwhile", within: 20) != nil)
            #expect(try await world.answers(to: "meanwhile").count == 1)
            let after = try await world.gateway.workers()
            #expect(["oom-own", "allocation"].contains(after[World.agentWorker]?["CAUSE"] ?? ""), "\(after)")
            for id in ["gateway", World.telegramWorker, World.modelWorker] {
                #expect(after[id]?["PID"] == before[id]?["PID"], "\(id) was not touched")
            }
            #expect(try await world.ask("still there").contains("still there"))
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("a gateway that keeps dying at its start serves in safe mode, says so, and comes back when it is told to")
        func safeMode() async throws {
            let world = try await World.start()
            for _ in 0..<3 {
                let pid = try await world.gateway.pid(of: "gateway")
                Glibc.kill(pid, SIGABRT)
                try await world.gateway.worker("gateway") { $0["STATE"] == "ready" && $0["PID"] != "\(pid)" }
            }
            let health = try await HTTP.get(world.gateway.port, "/healthz", within: 10)
            #expect(health.status == 200 && String(decoding: health.body, as: UTF8.self).contains("safe mode"))
            let ready = try await HTTP.get(world.gateway.port, "/readyz", within: 10)
            #expect(ready.status == 503 && String(decoding: ready.body, as: UTF8.self).contains("safe mode"))
            let client = try await WebSocketClient.connected(to: world.gateway.port, token: Gateway.token)
            #expect(try await client.request("health")["payload"]?["safeMode"]?.string?.contains("died") == true)
            #expect(try await world.gateway.worker("gateway")["TEXT"]?.contains("clawhold restart gateway") == true)
            let update = try await world.telegram.write("kept by Telegram", chat: World.chat)
            #expect(try await world.telegram.state()["violations"]?.array.isEmpty == true)
            #expect(try await world.telegram.sent(from: 0, within: 0).isEmpty)
            try await world.gateway.command("restart", id: "gateway")
            try await world.telegram.confirmed(update, within: 90)
            _ = try await world.telegram.sent(count: 1, within: 90)
            #expect(try await world.answers(to: "kept by Telegram").count == 1)
            #expect(try await world.gateway.stop() == 0)
        }
    }
}
