package import IPCHub

/// What a chat network brings to the channel contract; everything else (journal handshake, results kept until they are
/// acknowledged, drain) is the same for all and lives in `ChannelWorker`.
///
/// A network keeps nothing on disk. Where it resumes is the cursor: opaque bytes that the gateway commits together with
/// the events before it (Telegram: the next update id; Discord: session id, sequence number and resume address).
package protocol ChannelNetwork: Sendable {
    /// Connects and hands every event to `intake`, for ever. Confirms an event to the network only after
    /// `intake.deliver` returned. Retries by itself; throws only what no retry mends, as `ChannelFatal`.
    func run(_ intake: ChannelIntake) async throws

    /// Parses a journaled event. Pure: no network, the same result for the same bytes.
    func normalize(_ raw: [UInt8]) -> ChannelNormalization

    /// Delivers one chunk and says what became of it.
    func send(_ send: HubSend) async -> HubSendResult

    /// Shows that the conversation is being worked on. May do nothing.
    func activity(_ target: [UInt8]) async

    /// Answers a question of the gateway; nil when there is no such method. `params` and answer are JSON, `params` may be
    /// empty. Every channel has `probe` {timeoutMs}. Cancelled after 30 s; return then.
    func answer(method: String, params: [UInt8]) async -> [UInt8]?

    /// Where the files come from that messages of this network carry; nil when they carry none.
    var media: (any MediaOwner)? { get }
}

extension ChannelNetwork {
    package func answer(method: String, params: [UInt8]) async -> [UInt8]? { nil }

    package var media: (any MediaOwner)? { nil }
}

/// What a raw event turned out to be.
package enum ChannelNormalization: Sendable, Equatable {
    case message(HubChatMessage)
    /// Not for the agent; the reason is shown to the operator.
    case ignored(String)
    /// The same of somebody whom the worker itself turned away: who it was, and the reason.
    case refused(HubChatMessage, String)
}

/// What no retry mends: the channel is parked with this reason until its configuration or token changes.
package struct ChannelFatal: Error, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}

/// One event of a network as it came.
package struct ChannelEvent: Sendable, Equatable {
    /// Unique for ever: `telegram:default:upd:123`.
    package var key: String
    package var raw: [UInt8]
    /// Where to go on once this event is journaled.
    package var cursor: [UInt8]

    package init(key: String, raw: [UInt8], cursor: [UInt8]) {
        self.key = key
        self.raw = raw
        self.cursor = cursor
    }
}
