/// Which channels a person means: `telegram` for all its accounts, `telegram:work` for one, `webchat`.
struct ChannelName: Equatable {
    var channel: String
    /// nil: all of them.
    var account: String?

    /// `telegram`, `telegram:work`, `channel:telegram:work`; lower case, as ids are.
    init(_ text: String) {
        var name = Substring(text.lowercased())
        if name.hasPrefix("channel:") { name = name.dropFirst(8) }
        let halves = name.split(separator: ":", maxSplits: 1)
        channel = halves.first.map(String.init) ?? ""
        account = halves.count == 2 ? String(halves[1]) : nil
    }

    init(channel: String, account: String?) {
        self.channel = channel.lowercased()
        self.account = account?.lowercased()
    }

    /// Of a worker `channel:telegram:default`; nil for others.
    init?(worker: String) {
        guard worker.hasPrefix("channel:") else { return nil }
        self.init(worker)
        guard account != nil else { return nil }
    }

    func means(_ other: ChannelName) -> Bool {
        channel == other.channel && (account == nil || account == other.account)
    }

    /// As a person would type it.
    var short: String { account.map { $0 == "default" ? channel : "\(channel):\($0)" } ?? channel }
}

/// The workers of channels.
enum ChannelChoice {
    /// The workers of the channel that `name` means; without a name all channels. Throws what to type instead.
    static func workers(_ name: String?, among rows: [WorkerRow]) throws(CommandFailure) -> [WorkerRow] {
        let channels = rows.filter { ChannelName(worker: $0.id) != nil }
        guard let name else { return channels }
        let wanted = ChannelName(name)
        let chosen = channels.filter { row in ChannelName(worker: row.id).map(wanted.means) ?? false }
        guard chosen.isEmpty else { return chosen }
        throw unknown(name, among: channels.compactMap { ChannelName(worker: $0.id) })
    }

    /// What to say about a channel that is not there.
    static func unknown(_ name: String, among known: [ChannelName]) -> CommandFailure {
        let shown = Words.plain(String(name.prefix(60)))
        if ChannelName(name).channel == "webchat" {
            return CommandFailure(
                text: "WebChat is part of the gateway itself and has no process of its own:  clawhold restart gateway",
                code: 2
            )
        }
        let names = known.map(\.short) + known.map(\.channel)
        let near = NearestName.of(name, among: names).map { " Did you mean \(Words.plain($0))?" }
        let all = known.map { Words.plain($0.short) }.joined(separator: ", ")
        let rest = known.isEmpty ? " None is configured." : " There are: \(all)."
        return CommandFailure(
            text: "There is no channel \"\(shown)\".\(near ?? rest)\nSee them all:  clawhold channels",
            code: 2
        )
    }
}
