internal import ArgumentParser
internal import Runtime

/// `pairing`: strangers who wrote to the bot and wait to be let in.
struct PairingCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "pairing",
            abstract: "Who wrote to the bot and waits to be let in; letting them in.",
            subcommands: [List.self, Approve.self],
            defaultSubcommand: List.self
        )
    }

    /// `pairing list`.
    struct List: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Who waits, with the code that they were given.")
        }

        @Argument(help: "A channel (telegram). All without it.")
        var name: String?

        @Option(help: ArgumentHelp("The same as the argument.", valueName: "channel"))
        var channel: String?

        @OptionGroup var common: CommonOptions

        func validate() throws {
            if name != nil, channel != nil { throw ValidationError("Name the channel once, with or without --channel") }
        }

        func run() throws {
            let wanted = (name ?? channel).map { ChannelName($0).channel }
            var params = JSONObject()
            params["channel"] = wanted.map(JSON.string)
            let answer = try common.discovery.gateway().call("pairing.list", .object(params), repeats: true)
            guard !common.json else {
                // OpenClaw's shape, and ours beside it.
                var members = JSONObject()
                members["channel"] = wanted.map(JSON.string)
                members["requests"] = answer["requests"] ?? []
                return Terminal.say(JSON.object(members).text)
            }
            let width = TerminalSize.now()?.columns
            Terminal.say(PairingPage.text(answer, of: wanted, now: Terminal.now(), style: common.style, width: width))
        }
    }

    /// `pairing approve`.
    struct Approve: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Lets a sender in, for good.",
                discussion: "clawhold pairing approve telegram ABCD2345   (or: --channel telegram ABCD2345)"
            )
        }

        @Argument(help: "The channel, and the code that the sender was given.")
        var words: [String]

        @Option(help: ArgumentHelp("The channel, instead of the first argument.", valueName: "channel"))
        var channel: String?

        @Flag(help: "Tells the sender in the chat.")
        var notify = false

        @OptionGroup var common: CommonOptions

        func validate() throws {
            guard words.count == (channel == nil ? 2 : 1) else {
                throw ValidationError("A channel and a code are needed:  clawhold pairing approve telegram ABCD2345")
            }
        }

        func run() throws {
            let name = ChannelName(channel ?? words[0]).channel
            let code = words[words.count - 1].uppercased()
            let answer = try common.discovery.gateway().call(
                "pairing.approve",
                ["channel": .string(name), "code": .string(code), "notify": .bool(notify)]
            )
            guard !common.json else { return Terminal.say(answer.text) }
            let told = notify && answer["notified"]?.bool == true ? " and is told so" : ""
            let id = Words.plain(answer["id"]?.string ?? "")
            Terminal.say("Approved \(name) sender \(id).\(told.isEmpty ? "" : " The sender is let in\(told).")")
        }
    }
}
