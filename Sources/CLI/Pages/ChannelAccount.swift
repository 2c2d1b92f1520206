internal import Runtime

/// One account of `channels.status`.
struct ChannelAccount {
    var channel: String
    var label: String
    /// As the gateway told it.
    var json: JSON

    var account: String { json["accountId"]?.string ?? "default" }
    var name: ChannelName { ChannelName(channel: channel, account: account) }

    func text(_ member: String) -> String { Words.plain(json[member]?.string ?? "") }
    func number(_ path: String...) -> Int64 {
        var value: JSON? = json
        for member in path { value = value?[member] }
        return value?.integer ?? 0
    }

    /// All accounts in the gateway's order.
    static func all(in answer: JSON) -> [ChannelAccount] {
        (answer["channelOrder"]?.array ?? []).compactMap(\.string).flatMap { channel in
            let label = answer["channelLabels"]?[channel]?.string ?? channel
            return (answer["channelAccounts"]?[channel]?.array ?? []).map {
                ChannelAccount(channel: channel, label: Words.plain(label), json: $0)
            }
        }
    }

    /// Those that `name` means. Throws what to type instead.
    static func choose(_ name: String?, among accounts: [ChannelAccount]) throws(CommandFailure) -> [ChannelAccount] {
        guard let name else { return accounts }
        let wanted = ChannelName(name)
        let chosen = accounts.filter { wanted.means($0.name) }
        guard chosen.isEmpty else { return chosen }
        throw ChannelChoice.unknown(name, among: accounts.map(\.name))
    }

    /// In a word: `connected`, `disabled`, `not configured`, or the state of its worker.
    var state: String {
        if json["enabled"]?.bool == false { return "disabled" }
        if json["configured"]?.bool == false { return "not set up" }
        if json["connected"]?.bool == true { return "connected" }
        let state = Words.plain(json["worker"]?["state"]?.string ?? "")
        switch state {
        case "ready": return "connecting"
        case "": return json["running"]?.bool == true ? "running" : "stopped"
        default: return state
        }
    }

    /// As what it is connected.
    var shownName: String {
        let bot = json["bot"]?["username"]?.string.map(Words.plain) ?? ""
        return bot.isEmpty ? text("name") : (bot.hasPrefix("@") || channel != "telegram" ? bot : "@\(bot)")
    }
}
