import Glibc
import IPCControl
import Testing

extension SystemTests {
    /// Missing fields, wrong types, deep nesting, huge and bidirectional text, files of 25 MB; see hostile.py.
    @Suite("Hostile updates", .serialized)
    struct HostileTests {
        @Test(
            "a thousand of them: nothing dies, memory stays, and the next message is answered",
            arguments: Chat.allCases
        )
        func hostile(_ chat: Chat) async throws {
            let discord = try await DiscordFake(heartbeat: 1000)
            let world = try await World.start(on: Set(Chat.allCases), discord: discord) { setup in
                // What can be read of them is refused at the door: the worker and the journal are tested here, not the model.
                setup.config = setup.config?.with("channels", "telegram", "allowFrom", value: [43])
                    .with("channels", "discord", "dm", "allowFrom", value: ["friend"])
            }
            let fake = try world.fake(chat)
            try await world.discord.ready()
            try await world.gateway.worker(Chat.telegram.worker)
            // The first hundred fill what is filled once: buffers, caches, statements.
            try await send(100, seed: 1, world, chat)
            let before = try await world.gateway.workers()
            let channel = try await ProcessFiles(pid: world.gateway.pid(of: chat.worker))
            let gateway = try await ProcessFiles(pid: world.gateway.pid(of: "gateway"))
            let memory = (channel.privateKB, gateway.privateKB)
            try await send(Extent.of(1000, full: 20_000), seed: 2, world, chat)
            // Rows are read in the order in which they came: once this one is answered, all before it were.
            switch chat {
            case .telegram: try await world.telegram.write("after-all-of-them", chat: 43)
            case .discord: try await world.discord.write("after-all-of-them", ["dm": true, "user": "friend"])
            }
            #expect(
                try await fake.answer(to: "after-all-of-them", within: 60) != nil,
                "\(world.gateway.process.tail())"
            )
            let after = try await world.gateway.workers()
            for id in ["gateway", Chat.telegram.worker, Chat.discord.worker] {
                #expect(
                    after[id]?["PID"] == before[id]?["PID"] && after[id]?["STATE"] == "ready",
                    "\(id): \(world.gateway.process.tail())"
                )
            }
            #expect(channel.privateKB - memory.0 < 8 * 1024, "\(memory.0) KiB became \(channel.privateKB)")
            #expect(gateway.privateKB - memory.1 < 16 * 1024, "\(memory.1) KiB became \(gateway.privateKB)")
            print(
                "hostile \(chat): channel \(memory.0) → \(channel.privateKB) KiB, gateway \(memory.1) → \(gateway.privateKB) KiB"
            )
            #expect(try await fake.state()["violations"]?.array == [])
            #expect(try await world.gateway.stop() == 0)
            let rows = try await JournalRows(world.gateway.state)
            #expect(rows.states["inbox.received"] == nil, "all were read: \(rows.states.text)")
        }

        @Test("hostile updates of somebody who may talk: the conversation goes on", arguments: Chat.allCases)
        func admitted(_ chat: Chat) async throws {
            let discord = chat == .discord ? try await DiscordFake(heartbeat: 1000) : nil
            let world = try await World.start(on: [chat], discord: discord)
            if chat == .discord { try await world.discord.ready() }
            #expect(try await world.ask("before", on: chat).contains("before"))
            let before = try await world.gateway.workers()
            try await send(Extent.of(100, full: 2000), seed: 3, world, chat)
            try await world.fake(chat).say("after-all-of-them")
            #expect(
                try await world.fake(chat).answer(to: "after-all-of-them", within: 120) != nil,
                "\(world.gateway.process.tail())"
            )
            let after = try await world.gateway.workers()
            for id in ["gateway", chat.worker, World.agentWorker] {
                #expect(after[id]?["PID"] == before[id]?["PID"], "\(id): \(world.gateway.process.tail())")
            }
            #expect(try await world.gateway.stop(within: 20) == 0)
        }

        /// Sends them and returns when the last one was taken.
        private func send(_ count: Int, seed: Int64, _ world: World, _ chat: Chat) async throws {
            let last = try await world.fake(chat).control(
                "hostile",
                ["seed": .integer(seed), "count": .integer(Int64(count))]
            )
            switch chat {
            case .telegram:
                try await world.telegram.confirmed(["update_id": last], within: 180)
            case .discord:
                // Every event has a number; the next heartbeat says the last one that was taken.
                let total = try await world.discord.state()["sequence"]?.integer ?? 0
                try await eventually(within: 180, "event \(total) was not taken") {
                    try await world.discord.state()["beat"]?.integer ?? 0 >= total
                }
            }
        }
    }
}
