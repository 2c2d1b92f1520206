/// Bounds of what this worker takes, keeps and sends.
enum DiscordLimits {
    /// One message of the gateway after inflating. The largest are GUILD_CREATEs of guilds with hundreds of channels.
    static let messageBytes = 8 << 20
    /// One message of the gateway as it comes over the wire.
    static let frameBytes = 4 << 20
    /// What may be sent to the gateway at once (Discord's own limit).
    static let outgoingBytes = 4096
    /// One event, with the names around it, that fits into a frame of the hub beside its key and its cursor.
    static let eventBytes = (1 << 20) - (24 << 10)
    /// An answer of the REST API that is kept whole.
    static let answerBytes = 4 << 20
    /// Events that wait for the journal; with more of them the connection is given up until there is room again.
    static let queuedEvents = 512
    static let queuedBytes = 8 << 20
    /// UTF-16 units of one message.
    static let textUnits = 2000
    /// Messages that are asked for again after a lost session, and how old they may be.
    static let backfillPages = 10
    /// Hundreds of messages that are looked through for one that may have been sent.
    static let lookPages = 5
    static let backfillAge = Duration.seconds(15 * 60)
    /// How long Discord remembers a nonce: "a few minutes"; two are certain.
    static let nonceWindow = Duration.seconds(120)
}
