import FoundationEssentials
import Glibc
import IPCControl
import TestSupport
import Testing

extension SystemTests {
    /// The crash tests that every channel must pass, on each network. Kill points cover what can be aimed at exactly
    /// (killed between journal and acknowledgement, between answer and outbox, between request and response); these are
    /// the others.
    @Suite("Crash tests of every channel", .serialized)
    struct CrashTests {
        static let rounds = Extent.of(4, full: 20)

        @Test(
            "messages handed over before the gateway journaled them, and the worker killed: each is answered once",
            arguments: Chat.allCases
        )
        func handedOver(_ chat: Chat) async throws {
            let world = try await World.start(on: [chat]) { setup in
                setup.config = setup.config?.with("messages", "queue", "mode", value: "followup")
            }
            let fake = try await settled(world, chat)
            var random = SplitMix(seed: 1)
            for round in 0..<Self.rounds {
                let gateway = try await world.gateway.pid(of: "gateway")
                let worker = try await world.gateway.pid(of: chat.worker)
                Glibc.kill(gateway, SIGSTOP)
                for number in 0..<3 { try await fake.say("round-\(round)-\(number)-end") }
                // Somewhere between "not yet fetched" and "sent up to a gateway that does not read".
                try await Task.sleep(for: .milliseconds(Int.random(in: 0..<40, using: &random)))
                Glibc.kill(worker, SIGKILL)
                Glibc.kill(gateway, SIGCONT)
                for number in 0..<3 {
                    let word = "round-\(round)-\(number)-end"
                    guard try await fake.answer(to: word, within: 40) != nil else {
                        throw TestFailure("no answer to \(word):\n\(world.gateway.process.tail())")
                    }
                }
            }
            #expect(try await world.gateway.stop() == 0)
            for round in 0..<Self.rounds {
                for number in 0..<3 {
                    #expect(try world.transcript("user", containing: "round-\(round)-\(number)-end").count == 1)
                    #expect(try await fake.answers(to: "round-\(round)-\(number)-end").count == 1)
                }
            }
        }

        @Test(
            "a worker killed in the middle of a long answer sends the rest, and nothing again",
            arguments: Chat.allCases
        )
        func middleOfAnAnswer(_ chat: Chat) async throws {
            let world = try await World.start(on: [chat])
            let fake = try await settled(world, chat)
            let before = try await fake.sent(from: 0, within: 0).count
            let lines = chat == .telegram ? 160 : 80
            try await fake.say("write \(lines) lines")
            _ = try await fake.sent(count: before + 3)
            try await world.gateway.kill(chat.worker)
            #expect(try await fake.answer(to: "line \(lines) of", within: 40) != nil, "\(world.gateway.process.tail())")
            let texts = try await fake.sent(from: before, within: 0).compactMap(fake.text)
            #expect(texts.count >= 5, "\(texts.count) chunks")
            let whole = texts.joined(separator: "\n")
            #expect(try await world.gateway.stop() == 0)
            let marked = try await world.markedTexts()
            for line in 1...lines {
                let words = "line \(line) of \(lines):"
                let times = whole.components(separatedBy: words).count - 1
                let isMarked = chat == .telegram && marked.contains { $0.contains(words) }
                #expect(times == 1 || (times == 2 && isMarked), "\(words) \(times) times")
            }
            let order = texts.compactMap { text in (1...lines).first { text.contains("line \($0) of") } }
            #expect(order == order.sorted() || !marked.isEmpty, "\(order)")
        }

        @Test(
            "a journal that is empty or garbage: it starts, says so, takes what is pending and skips nothing",
            arguments: Chat.allCases,
            ["", "not a database at all, but long enough to look at\n"]
        )
        func lostJournal(_ chat: Chat, _ content: String) async throws {
            let world = try await World.start(on: [chat])
            let fake = try await settled(world, chat)
            #expect(try await world.gateway.stop() == 0)
            guard let path = try world.gateway.state.paths(endingWith: "journal.sqlite").first else {
                throw TestFailure("no journal")
            }
            for name in try world.gateway.state.paths(endingWith: "journal.sqlite-wal") { unlink(name) }
            try Data(content.utf8).write(to: URL(filePath: path))
            if chat == .telegram { try await fake.say("pending-one") }
            let again = try await World.start(
                on: [chat],
                telegram: chat == .telegram ? world.telegram : nil,
                discord: chat == .discord ? world.discord : nil,
                model: world.model,
                state: world.gateway.state
            )
            if chat == .telegram {
                #expect(try await fake.answer(to: "pending-one", within: 30) != nil, "\(again.gateway.process.tail())")
                #expect(try await fake.answers(to: "pending-one").count == 1)
            } else {
                #expect(try await again.discord.log("ready", from: 1).count >= 1)
            }
            try await fake.say("afterwards")
            #expect(try await fake.answer(to: "afterwards", within: 30) != nil, "\(again.gateway.process.tail())")
            #expect(try await fake.state()["violations"]?.array == [])
            #expect(try await again.gateway.stop() == 0)
        }

        @Test(
            "Discord refuses for good: the worker parks with the reason and the place to click, and nothing loops",
            arguments: [4004, 4013, 4014]
        )
        func refusedByDiscord(_ code: Int64) async throws {
            let discord = try await DiscordFake()
            try await discord.control("identify", ["code": .integer(code)])
            let world = try await World.start(on: [.discord], discord: discord)
            let row = try await world.gateway.worker(Chat.discord.worker, within: 20) { $0["STATE"] == "parked" }
            let text = row["TEXT"] ?? ""
            switch code {
            case 4004: #expect(text.contains("DISCORD_BOT_TOKEN"), "\(text)")
            case 4014:
                #expect(text.contains("MESSAGE CONTENT INTENT") && text.contains("discord.com/developers"), "\(text)")
            default: #expect(text.contains("4013"), "\(text)")
            }
            #expect(try await discord.log("identify", within: 0).isEmpty)
            #expect(try await discord.state()["identifies"] == 1, "no loop")
            try await world.gateway.healthy()
            // Mended by the operator: one start brings it back.
            try await discord.control("identify", ["code": .null])
            try await world.gateway.command("start", id: Chat.discord.worker)
            try await discord.ready()
            #expect(try await world.ask("mended", on: .discord).contains("mended"))
            #expect(try await world.gateway.stop() == 0)
        }

        @Test(
            "a half-open Discord is noticed within two heartbeats and resumed, while Telegram is answered as quickly as ever"
        )
        func halfOpen() async throws {
            let beat = 1.0
            let discord = try await DiscordFake(heartbeat: Int(beat * 1000))
            let world = try await World.start(on: [.telegram, .discord], discord: discord)
            try await discord.ready()
            #expect(try await world.ask("first", on: .discord).contains("first"))
            let before = try await latencies(world, 12)
            try await discord.control("freeze", ["on": true])
            let began = ContinuousClock.now
            async let meanwhile = latencies(world, 12)
            // The frozen fake takes connections and says nothing on them: that it is called again is what shows.
            let connected = try await discord.log("connected", from: 1, within: 20)
            #expect(!connected.isEmpty, "\(world.gateway.process.tail())")
            #expect(ContinuousClock.now - began < .seconds(2 * beat + 3), "\(ContinuousClock.now - began)")
            let during = try await meanwhile
            // A machine may stall for a moment, once; who waited for Discord would wait until it is noticed, every time.
            #expect(during[during.count / 2] < max(0.25, 3 * before[before.count / 2]), "\(before) became \(during)")
            #expect(during[during.count - 2] < 0.5, "\(before) became \(during)")
            #expect(during[during.count - 1] < 2 * beat, "\(before) became \(during)")
            try await discord.say("said-while-frozen")
            try await discord.control("freeze", ["on": false])
            #expect(
                try await discord.answer(to: "said-while-frozen", within: 90) != nil,
                "\(world.gateway.process.tail())"
            )
            #expect(try await discord.answers(to: "said-while-frozen").count == 1)
            #expect(try await world.gateway.stop() == 0)
        }

        /// Seconds from question to answer on Telegram, sorted.
        private func latencies(_ world: World, _ count: Int) async throws -> [Double] {
            var found: [Double] = []
            for _ in 0..<count {
                let began = ContinuousClock.now
                _ = try await world.ask("quick")
                found.append((ContinuousClock.now - began) / .seconds(1))
            }
            return found.sorted()
        }

        @Test(
            "a worker that keeps crashing is quarantined, the other channel goes on, and one start clears it",
            arguments: Chat.allCases
        )
        func crashLoop(_ chat: Chat) async throws {
            let other: Chat = chat == .telegram ? .discord : .telegram
            let world = try await World.start(on: Set(Chat.allCases))
            try await world.discord.ready()
            #expect(try await world.ask("first", on: chat).contains("first"))
            var last: pid_t = 0
            let deadline = ContinuousClock.now + .seconds(60)
            while true {
                let row = try await world.gateway.workers()[chat.worker]
                if row?["STATE"] == "quarantined" { break }
                guard ContinuousClock.now < deadline else {
                    throw TestFailure("never quarantined: \(row.debugDescription)")
                }
                if let pid = row?.integer("PID"), pid > 1, pid_t(pid) != last {
                    last = pid_t(pid)
                    Glibc.kill(last, SIGSEGV)
                }
                try await Task.sleep(for: .milliseconds(5))
            }
            try await world.fake(chat).say("while quarantined")
            #expect(try await world.ask("still here", on: other).contains("still here"))
            try await world.gateway.healthy()
            try await world.gateway.command("start", id: chat.worker)
            #expect(
                try await world.fake(chat).answer(to: "while quarantined", within: 40) != nil,
                "\(world.gateway.process.tail())"
            )
            #expect(try await world.fake(chat).answers(to: "while quarantined").count == 1)
            #expect(try await world.gateway.stop() == 0)
        }

        /// The network's fake once a first message was answered.
        private func settled(_ world: World, _ chat: Chat) async throws -> any ChatFake {
            if chat == .discord { try await world.discord.ready() }
            #expect(try await world.ask("first of all", on: chat).contains("first of all"))
            return try world.fake(chat)
        }
    }
}
