/// What becomes of a message that comes while its lane is busy.
///
/// Source: spec/channels-voice-tunnel.md 1.10; `steer` is `followup` here (`docs/decisions/0125`).
package struct QueueRule: Sendable, Equatable {
    package enum Mode: Sendable {
        /// One turn after another.
        case followup
        /// All that wait become one turn.
        case collect
        /// What runs and what waits is ended, the newest is answered.
        case interrupt
    }

    /// What goes when too much waits. Raw values are the configuration's.
    package enum Drop: String, Sendable {
        /// The newcomer.
        case new
        /// The oldest.
        case old
        /// The oldest, and the next turn is told of it in a line.
        case summarize
    }

    package var mode = Mode.followup
    /// `collect`: how long it has to be quiet, in milliseconds.
    package var debounce: Int64 = 0
    /// Messages that may wait in one lane.
    package var cap = 20
    package var drop = Drop.summarize

    package init() {}
}

/// The rule of each channel.
package struct QueueRules: Sendable {
    package var standard = QueueRule()
    /// By worker, or `webchat`.
    package var byChannel: [String: QueueRule] = [:]

    package init() {}

    package subscript(channel: String) -> QueueRule { byChannel[channel] ?? standard }
}

/// What putting a turn into its queue changed besides.
package struct Entered: Sendable, Equatable {
    /// Turns that were ended for it, or dropped because too much waits.
    package var stopped: [StoppedTurn] = []
    /// Something waits for this time, milliseconds since 1970.
    package var dueAt: Int64?
    /// Not taken because too much waits: the sentence.
    package var refusal: String?

    package init() {}

    mutating func add(_ other: Entered) {
        stopped += other.stopped
        dueAt = [dueAt, other.dueAt].compactMap(\.self).min()
        refusal = refusal ?? other.refusal
    }
}
