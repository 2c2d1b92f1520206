package import Failover
package import IPCHub
package import Runtime

/// Reads one answer of a provider, event by event. Total: what it does not know it skips and counts, what is broken or out
/// of bounds it throws as a failure.
package protocol AnswerReader: Sendable {
    /// What is common to all dialects: text, tool calls, usage, the end.
    var draft: AnswerDraft { get set }

    /// What an event means. Throws what the provider reports in it.
    mutating func take(_ event: ServerEvent) throws(CallFailure) -> [HubModelEvent]

    /// An answer that came as one JSON value, asked for or not: some servers know no streams.
    mutating func take(whole: JSON) throws(CallFailure) -> [HubModelEvent]

    /// The body is over: the last events. Throws `.cut` when the dialect's own sign of a whole answer has not come.
    mutating func end() throws(CallFailure) -> [HubModelEvent]
}

extension AnswerReader {
    package mutating func take(whole: JSON) throws(CallFailure) -> [HubModelEvent] {
        throw CallFailure(.badRequest, "the answer is no event stream but one JSON value")
    }

    package mutating func end() throws(CallFailure) -> [HubModelEvent] { try draft.end() }
}
