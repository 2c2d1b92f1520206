internal import ArgumentParser
internal import Runtime

/// `queue`: what waits, what failed, and what becomes of it.
struct QueueCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "queue",
            abstract: "Messages and answers that wait, run, or were given up, with the reason.",
            discussion: """
                clawhold queue                       what is open, the newest first
                clawhold queue show ID               all of one
                clawhold queue retry ID…             back into its queue, once more
                clawhold queue drop ID…              not answered, not sent, and that is on record

                Exit codes: 0 done or shown, 1 it failed for one at least, 2 typed wrongly.
                """,
            subcommands: [List.self, Show.self, Retry.self, Drop.self],
            defaultSubcommand: List.self
        )
    }

    /// `queue list`.
    struct List: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "What is open, or what --state says; the newest first.")
        }

        @Argument(help: "A network (telegram), an account (telegram:work) or webchat. All without it.")
        var channel: String?

        @Option(
            help: ArgumentHelp(
                "open (all but the last two), waiting, running, dead, expired, rejected, dropped, all.",
                valueName: "state"
            )
        )
        var state: String?

        @Option(name: [.customShort("n"), .customLong("limit")], help: "How many (100; 500 at most).")
        var limit: Int?

        @OptionGroup var common: CommonOptions

        static let states = ["open", "waiting", "running", "dead", "expired", "rejected", "dropped", "all"]

        func validate() throws {
            if let limit, !(1...500).contains(limit) { throw ValidationError("--limit must be between 1 and 500") }
            if let state, !Self.states.contains(state) {
                let near = NearestName.of(state, among: Self.states).map { " Did you mean \($0)?" } ?? ""
                throw ValidationError(
                    "There is no state \"\(state)\".\(near) There are: \(Self.states.joined(separator: ", "))"
                )
            }
        }

        func run() throws {
            var params = JSONObject()
            params["channel"] = channel.map(JSON.string)
            params["state"] = state.map(JSON.string)
            params["limit"] = limit.map { .integer(Int64($0)) }
            let list = try common.discovery.gateway().call("queue.list", .object(params), repeats: true)
            guard !common.json else { return Terminal.say(list.text) }
            let width = TerminalSize.now()?.columns
            Terminal.say(QueuePage.list(list, now: Terminal.now(), style: common.style, width: width))
        }
    }

    /// `queue show`.
    struct Show: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "All that the journal knows of one message or part of an answer.")
        }

        @Argument(help: "Its id, as `queue` shows it, or the beginning of it.")
        var id: String

        @OptionGroup var common: CommonOptions

        func run() throws {
            let gateway = try common.discovery.gateway()
            let id = try QueueChoice.id(self.id, gateway)
            let answer = try gateway.call("queue.show", ["id": .string(id)], repeats: true)
            guard !common.json else { return Terminal.say(answer.text) }
            let width = TerminalSize.now()?.columns
            Terminal.say(QueuePage.item(answer, now: Terminal.now(), style: common.style, width: width))
        }
    }

    /// `queue retry`.
    struct Retry: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Puts them back into their queues, once, however old they are.")
        }

        @OptionGroup var target: QueueArguments
        @OptionGroup var common: CommonOptions

        func run() throws {
            try QueueChoice.perform("queue.retry", target.ids, common) { "\($0) is back in its queue" }
        }
    }

    /// `queue drop`.
    struct Drop: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Gives them up: not answered and not sent.")
        }

        @OptionGroup var target: QueueArguments
        @OptionGroup var common: CommonOptions

        func run() throws {
            try QueueChoice.perform("queue.drop", target.ids, common) { "\($0) is dropped" }
        }
    }
}

/// The items that a command is for.
struct QueueArguments: ParsableArguments {
    @Argument(help: ArgumentHelp("Ids as `queue` shows them, or beginnings of them.", valueName: "id"))
    var ids: [String]
}

extension JSON {
    /// On one line.
    var text: String { String(decoding: encoded(), as: UTF8.self) }
}
