/// A channel account that somebody wrote down or gave a token to, whether it runs or not: what status pages list.
package struct ChannelListing: Codable, Sendable, Equatable {
    /// Where a token comes from. OpenClaw's words.
    package enum TokenSource: String, Codable, Sendable {
        case config
        case tokenFile
        case env
        case none
    }

    /// `telegram`.
    package var channel: String
    /// `default`.
    package var account: String
    /// What its owner calls it; empty: nothing.
    package var name = ""
    /// Neither the account nor the channel as a whole is switched off.
    package var isEnabled = true
    package var tokenSource = TokenSource.none
    /// Whether this program can run it at all.
    package var isSupported = true

    package init(channel: String, account: String) {
        self.channel = channel
        self.account = account
    }

    /// `channel:telegram:default`.
    package var worker: String { "channel:\(channel):\(account)" }
}
