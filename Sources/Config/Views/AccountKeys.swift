/// The keys of one account: its own, else the channel's.
package struct AccountKeys: Sendable {
    /// `telegram`.
    package var channel: String
    /// As it is written in the file.
    package var name: String
    /// `channels.<channel>.accounts.<name>`; nil where there is none.
    package var own: ConfigValue?
    /// `channels.<channel>`.
    package var top: ConfigValue?

    package init(channel: String, name: String, own: ConfigValue?, top: ConfigValue?) {
        self.channel = channel
        self.name = name
        self.own = own
        self.top = top
    }

    package subscript(key: String) -> ConfigValue? { own?[key] ?? top?[key] }

    /// Where the account's keys stand, or would be written.
    package var base: [String] {
        own == nil ? ["channels", channel] : ["channels", channel, "accounts", name]
    }

    /// Of these keys those that the account takes from the channel, with their places (`ChannelAccess.inherited`).
    package func inherited(_ keys: [String]) -> [String: [String]] {
        guard own != nil else { return [:] }
        let taken = keys.filter { own?[$0] == nil && top?[$0] != nil }
        return Dictionary(taken.map { ($0, ["channels", channel, $0]) }) { first, _ in first }
    }
}
