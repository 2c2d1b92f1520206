import Glibc
import IPCControl
import Synchronization
import TestSupport
import Testing

extension SystemTests {
    /// Random kills find what named kill points do not: two deaths at once, a death while something else starts.
    @Suite("The long run", .serialized)
    struct LongRunTests {
        @Test(
            "numbered messages on both networks while a random process of the tree dies every one to three seconds: none unaccounted for"
        )
        func longRun() async throws {
            let total = Extent.of(400, full: 10_000)
            let tree = try await Tree(seed: 4)
            try await tree.discord.ready()
            let killing = Task { try await tree.killAtRandom() }
            let clock = ContinuousClock()
            let began = clock.now
            for number in 0..<total {
                try await tree.say(number)
                // Twenty a second are part of what is tested, half of them on each network.
                try await clock.sleep(until: began + .milliseconds(50 * (number + 1)))
            }
            killing.cancel()
            try await killing.value
            let heard = try await tree.answers(to: total, quiet: 60)
            let workers = try await tree.gateway.workers()
            for (id, row) in workers {
                #expect(["ready", "stopped"].contains(row["STATE"]), "\(id): \(row)")
            }
            let log = tree.log()
            #expect(!log.contains { $0.contains("quarantine") }, "\(log.filter { $0.contains("quarantine") })")
            #expect(try await tree.gateway.stop(within: 30) == 0)
            let rows = try await JournalRows(tree.gateway.state)
            #expect(rows.dead.isEmpty, "no turn here is guilty of anything: \(rows.dead.prefix(5))")
            var (missing, repeated, marked) = ([Int](), [Int](), 0)
            for number in 0..<total {
                let times = heard[number, default: 0]
                let word = Tree.word(number)
                if times == 0, !(rows.dead + rows.gaps).contains(where: { $0.contains(word) }) {
                    missing.append(number)
                }
                guard times > 1 else { continue }
                if Tree.chat(number) == .telegram, times - 1 <= rows.marked.count(where: { $0.contains(word) }) {
                    marked += times - 1
                } else {
                    repeated.append(number)
                }
            }
            #expect(
                missing.isEmpty,
                "\(missing.count) unaccounted: \(missing.prefix(10)) \(rows.states.text)\n\(log.suffix(80).joined(separator: "\n"))"
            )
            #expect(repeated.isEmpty, "answered more than once without a mark: \(repeated)")
            for chat in Chat.allCases {
                let state = try await tree.fake(chat).state()
                // A poll of a process that was just killed may still be open when the next one begins.
                #expect(state["violations"]?.array == [], "\(state["violations"]?.text ?? "")")
            }
            print(
                "\(total) messages, \(tree.kills) kills (\(tree.starts) of the supervisor): \(missing.count) unaccounted, "
                    + "\(repeated.count) repeated, \(marked) repeated and marked"
            )
        }
    }

    /// A gateway on both networks that is killed part by part, and started again when its supervisor is.
    final class Tree: Sendable {
        private struct State {
            var gateway: Gateway
            var random: SplitMix
            var kills = 0
            var starts = 0
            var log: [String] = []
        }

        let telegram: BotAPI
        let discord: DiscordFake
        private let model: ModelFake
        private let setup: Gateway.Setup
        private let state: Mutex<State>

        init(seed: UInt64) async throws {
            telegram = try await BotAPI()
            discord = try await DiscordFake()
            model = try await ModelFake()
            var setup = World.setup(telegram: telegram.root, discord: discord.root, model: model.root)
            setup.config = (setup.config ?? [:]).with("session", "dmScope", value: "per-channel-peer")
                .with("channels", "telegram", "dmPolicy", value: "open")
                .with("channels", "telegram", "allowFrom", value: ["*"])
                .with("channels", "discord", "dm", value: ["policy": "open", "allowFrom": ["*"]])
            self.setup = setup
            state = Mutex(State(gateway: try await Gateway.start(setup), random: SplitMix(seed: seed)))
        }

        var gateway: Gateway { state.withLock { $0.gateway } }
        var kills: Int { state.withLock { $0.kills } }
        var starts: Int { state.withLock { $0.starts } }

        /// What every supervisor so far has said.
        func log() -> [String] { state.withLock { $0.log + $0.gateway.process.lines.items } }

        func fake(_ chat: Chat) -> any ChatFake { chat == .telegram ? telegram : discord }

        static func chat(_ number: Int) -> Chat { number % 2 == 0 ? .telegram : .discord }
        static func word(_ number: Int) -> String { "number\(number)end" }

        /// Ten people on each network write in turn.
        func say(_ number: Int) async throws {
            let person = number / 2 % 10
            switch Self.chat(number) {
            case .telegram: try await telegram.write(Self.word(number), chat: 100 + Int64(person))
            case .discord: try await discord.write(Self.word(number), ["dm": true, "user": .string("person\(person)")])
            }
        }

        /// Kills until it is cancelled, and leaves a supervisor that runs. Every kind of process has its turn before one has
        /// another; in which order is random.
        func killAtRandom() async throws {
            var bag: [String] = []
            while !Task.isCancelled {
                let pause = state.withLock { Int.random(in: 1000...3000, using: &$0.random) }
                try? await Task.sleep(for: .milliseconds(pause))
                guard !Task.isCancelled else { break }
                if bag.isEmpty {
                    let kinds = ["supervisor", "gateway", World.agentWorker, World.modelWorker]
                    bag = state.withLock { (kinds + Chat.allCases.map(\.worker)).shuffled(using: &$0.random) }
                }
                let kind = bag.removeLast()
                if kind == "supervisor" {
                    gateway.process.signal(SIGKILL)
                    try await startAgain()
                } else if (try? await gateway.kill(kind)) == nil {
                    continue
                }
                state.withLock { $0.kills += 1 }
            }
        }

        private func startAgain() async throws {
            let old = gateway
            _ = try await old.process.ended(within: 20)
            let next = try Gateway.launch(setup, in: old.state, port: old.port)
            state.withLock { state in
                state.log += old.process.lines.items
                state.starts += 1
                state.gateway = next
            }
            try await next.healthy(within: 40)
        }

        /// How many messages of the bot contain each number: returns when all have one, or `quiet` seconds after the last.
        func answers(to total: Int, quiet: Double) async throws -> [Int: Int] {
            var found: [Int: Int] = [:]
            var seen: [Chat: Int] = [:]
            var last = ContinuousClock.now
            while found.count < total, ContinuousClock.now - last < .seconds(quiet) {
                for chat in Chat.allCases {
                    let rows = try await fake(chat).sent(from: seen[chat, default: 0], within: 0.3)
                    seen[chat, default: 0] += rows.count
                    for row in rows {
                        for number in Self.numbers(in: fake(chat).text(row) ?? "") { found[number, default: 0] += 1 }
                        last = .now
                    }
                }
            }
            // What is sent twice may come a moment after what was waited for.
            for chat in Chat.allCases {
                for row in try await fake(chat).sent(from: seen[chat, default: 0], within: 2) {
                    for number in Self.numbers(in: fake(chat).text(row) ?? "") { found[number, default: 0] += 1 }
                }
            }
            return found
        }

        private static func numbers(in text: String) -> Set<Int> {
            var found: Set<Int> = []
            for piece in text.split(whereSeparator: { !$0.isLetter && !$0.isNumber }) {
                guard piece.hasPrefix("number"), piece.hasSuffix("end") else { continue }
                if let number = Int(piece.dropFirst(6).dropLast(3)) { found.insert(number) }
            }
            return found
        }
    }
}
