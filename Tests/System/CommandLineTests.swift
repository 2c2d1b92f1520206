import Glibc
import Testing

extension SystemTests {
    @Suite("The command line against the running whole", .serialized)
    struct CommandLineTests {
        /// Types a command as the state's owner would; exit code, and what it printed.
        private func type(_ world: World, _ words: String...) async throws -> (code: Int32, text: String) {
            let process = try ChildProcess(
                [try Place.executable()] + words + ["--state-dir", world.gateway.state.path],
                environment: ["PATH": "/usr/bin:/bin", "HOME": "/tmp"]
            )
            let code = try await process.ended(within: 60)
            return (code, process.lines.items.joined(separator: "\n"))
        }

        /// The same with `--json`.
        private func json(_ world: World, _ words: String...) async throws -> JSONValue {
            let process = try ChildProcess(
                [try Place.executable()] + words + ["--json", "--state-dir", world.gateway.state.path],
                environment: ["PATH": "/usr/bin:/bin", "HOME": "/tmp"]
            )
            let code = try await process.ended(within: 60)
            try #require(code == 0, "\(words): \(process.tail())")
            return try JSONValue(process.lines.items.joined(separator: "\n").utf8)
        }

        @Test("channels: who is connected, last in and out, probe, restart; an overview that has them too")
        func channels() async throws {
            let world = try await World.start()
            #expect(try await world.ask("hello there") != "")
            let status = try await json(world, "channels", "status", "--probe")
            let telegram = status["channelAccounts"]?["telegram"]?[0]
            #expect(
                telegram?["connected"] == true && telegram?["tokenSource"] == "env"
                    && telegram?["dmPolicy"] == "allowlist"
            )
            #expect((telegram?["lastInboundAt"]?.integer ?? 0) > 0 && (telegram?["lastOutboundAt"]?.integer ?? 0) > 0)
            #expect(telegram?["probe"]?["ok"]?.bool != nil, "\(telegram?.text ?? "")")
            #expect(status["channelAccounts"]?["webchat"]?[0]?["connected"] == true)
            let list = try await type(world, "channels", "list")
            #expect(list.code == 0 && list.text.contains("- Telegram default: enabled, configured, running"))
            let overview = try await type(world, "status")
            #expect(overview.text.contains("CHANNELS") && overview.text.contains("telegram"))

            let before = try await world.gateway.pid(of: World.telegramWorker)
            let restart = try await type(world, "channels", "restart", "telegram")
            #expect(restart.code == 0 && restart.text.contains("channel:telegram:default restarted"), "\(restart.text)")
            #expect(try await world.gateway.pid(of: World.telegramWorker) != before)
            let stop = try await type(world, "channels", "stop", "telegram")
            #expect(stop.code == 0)
            let stopped = try await json(world, "channels")["channelAccounts"]?["telegram"]?[0]
            #expect(stopped?["running"] == false && stopped?["connected"] == false)
            let typo = try await type(world, "channels", "start", "telgram")
            #expect(typo.code == 2 && typo.text.contains("Did you mean telegram?"))
        }

        @Test("a gateway that is killed between two words is waited for; one that is gone is told of")
        func restart() async throws {
            let world = try await World.start()
            for _ in 0..<3 {
                try await world.gateway.kill("gateway")
                let answer = try await json(world, "call", "health")
                #expect(answer["ok"] == true)
            }
            let unknown = try await type(world, "call", "no.such.method")
            #expect(unknown.code == 1 && unknown.text.contains("unknown method: no.such.method"))
            try await world.gateway.stop()
            let gone = try await type(world, "queue")
            #expect(gone.code == 1 && gone.text.contains("No gateway is running"), "\(gone.text)")
            #expect(try await json(world, "channels") == ["running": false])
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
