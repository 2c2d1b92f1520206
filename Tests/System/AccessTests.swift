import Glibc
import Testing

extension SystemTests {
    @Suite("Who may talk, on the running whole", .serialized)
    struct AccessTests {
        private func type(_ world: World, _ words: String...) async throws -> (code: Int32, text: String) {
            let process = try ChildProcess(
                [try Place.executable()] + words + ["--state-dir", world.gateway.state.path],
                environment: ["PATH": "/usr/bin:/bin", "HOME": "/tmp"]
            )
            let code = try await process.ended(within: 60)
            return (code, process.lines.items.joined(separator: "\n"))
        }

        @Test("a stranger is given a code, let in by it without a restart, told of it, and stays in over one")
        func pairing() async throws {
            let world = try await World.start {
                $0.config = $0.config?.with("channels", "telegram", "dmPolicy", value: "pairing")
            }
            _ = try await world.telegram.write("let me in", chat: 77)
            let told = try #require(try await world.telegram.answer(to: "Pairing code: ", within: 30))
            #expect(told.hasPrefix("OpenClaw: access not configured."))
            let line = told.split(separator: "\n").first { $0.hasPrefix("Pairing code: ") }
            let code = try #require(line?.split(separator: " ").last.map(String.init))
            let again = try await world.telegram.write("please", chat: 77)
            try await world.telegram.confirmed(again)
            let list = try await type(world, "pairing", "list", "telegram")
            #expect(list.code == 0 && list.text.contains(code), "\(list.text)")
            let wrong = try await type(world, "pairing", "approve", "telegram", "ZZZZZZZZ")
            #expect(wrong.code == 1 && wrong.text.contains("No pending pairing request found for code: ZZZZZZZZ"))
            let approved = try await type(world, "pairing", "approve", "telegram", code, "--notify")
            #expect(approved.code == 0, "\(approved.text)")
            #expect(try await world.telegram.answer(to: "access approved", within: 30) != nil)
            _ = try await world.telegram.write("now then", chat: 77)
            #expect(try await world.telegram.answer(to: "now then", within: 30) != nil)
            _ = try await world.gateway.kill("gateway")
            _ = try await world.telegram.write("still there", chat: 77)
            #expect(try await world.telegram.answer(to: "still there", within: 30) != nil)
            #expect(try await world.answers(to: "Pairing code").count == 1)
            let why = try await type(world, "why", "telegram")
            #expect(why.code == 0 && why.text.contains("77"), "\(why.text)")
        }
    }
}
