package import Journal

/// What the channel methods ask of the engine.
package protocol ChannelDesk: Sendable {
    /// What is known of these channels (`channel:telegram:default`, `webchat`): of the link, and of the journal.
    ///
    /// `ignoredSince` bounds the count of messages that started no turn, milliseconds since 1970.
    func channels(_ ids: [String], ignoredSince: Int64) async -> [String: ChannelFacts]

    /// Asks a worker that runs. Throws when it does not answer within `milliseconds`.
    func ask(
        worker: String,
        method: String,
        params: [UInt8],
        milliseconds: Int64
    ) async throws(ConversationError) -> [UInt8]
}

/// One channel, as of now. Times are milliseconds since 1970, 0 for never or not known.
package struct ChannelFacts: Sendable, Equatable {
    /// Whether its worker has a link and says that the network answers.
    package var isConnected = false
    /// The account's own name on the network.
    package var name = ""
    package var botID = ""
    /// Why it is not connected.
    package var error = ""
    /// What the network keeps from it, with the place to click.
    package var warnings: [String] = []
    package var mode = ""
    package var reconnects = 0
    package var connectedAt: Int64 = 0
    package var disconnectedAt: Int64 = 0
    /// nil: the journal cannot answer now.
    package var figures: ChannelFigures?

    package init() {}
}
