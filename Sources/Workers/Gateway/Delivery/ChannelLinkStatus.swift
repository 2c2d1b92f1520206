internal import IPCHub

/// What a channel's worker says of its connection to the network, and since when. Times are milliseconds since 1970.
struct ChannelLinkStatus: Sendable {
    private(set) var facts = ChannelFacts()

    /// The bot's id on its network; empty as long as nobody told.
    var botID: String { facts.botID }

    /// Bounds of what a worker may fill our memory with.
    static let mostWarnings = 32
    static let longestText = 2000

    init() {}

    mutating func changed(to status: HubChannelStatus, now: Int64) {
        if status.connected, !facts.isConnected { facts.connectedAt = now }
        if !status.connected, facts.isConnected { facts.disconnectedAt = now }
        facts.isConnected = status.connected
        facts.error = Self.cut(status.error)
        // A status that tells of one thing alone leaves the name as it is.
        if !status.name.isEmpty { facts.name = Self.cut(status.name) }
        if !status.botID.isEmpty { facts.botID = Self.cut(status.botID) }
        if !status.mode.isEmpty { facts.mode = Self.cut(status.mode) }
        facts.warnings = status.warnings.prefix(Self.mostWarnings).map(Self.cut)
        facts.reconnects = Int(status.reconnects)
    }

    /// Its worker has no link any more. Name and warnings are what was known last.
    mutating func lost(now: Int64) {
        if facts.isConnected { facts.disconnectedAt = now }
        facts.isConnected = false
    }

    private static func cut(_ text: String) -> String { String(text.prefix(longestText)) }
}
