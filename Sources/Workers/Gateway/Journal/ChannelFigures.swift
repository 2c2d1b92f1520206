/// What the journal knows of one channel. Times are milliseconds since 1970, 0 for never.
package struct ChannelFigures: Sendable, Equatable {
    /// Events that are not parsed yet, and turns that wait or run.
    package var journalPending = 0
    /// Parts of answers that wait or are on their way.
    package var outboxPending = 0
    package var deadLetters = 0
    package var lastInboundAt: Int64 = 0
    package var lastOutboundAt: Int64 = 0
    /// Messages that started no turn, since the time that was asked for.
    package var ignored = 0
    package var lastIgnoredAt: Int64 = 0
    package var lastIgnoredReason = ""

    package init() {}
}
