internal import ArgumentParser
internal import Runtime

/// `why CHANNEL`: who is ignored there, and what would change that.
struct WhyCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "why",
            abstract:
                "Messages that nobody answers: the reason, and the line of the configuration that would admit them.",
            discussion: """
                clawhold why telegram        the last that Telegram brought and that started no turn
                clawhold why                 of all channels

                Exit codes: 0 shown, 1 nothing runs or it does not answer, 2 typed wrongly.
                """
        )
    }

    @OptionGroup var target: ChannelArgument

    @Option(name: [.customShort("n"), .customLong("limit")], help: "How many (20; 500 at most).")
    var limit: Int = 20

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard (1...500).contains(limit) else { throw ValidationError("--limit must be between 1 and 500") }
    }

    func run() throws {
        let gateway = try common.discovery.gateway()
        var params = target.params
        params["limit"] = .integer(Int64(limit))
        if let wanted = target.wanted, ChannelName(wanted).channel != "webchat" {
            // A typing error would look like a channel where all is well.
            let status = try gateway.call("channels.status", repeats: true)
            _ = try ChannelAccount.choose(wanted, among: ChannelAccount.all(in: status))
        }
        let answer = try gateway.call("channels.why", .object(params), repeats: true)
        guard !common.json else { return Terminal.say(answer.text) }
        let width = TerminalSize.now()?.columns
        let page = WhyPage.text(answer, of: target.wanted, now: Terminal.now(), style: common.style, width: width)
        Terminal.say(page)
    }
}
