/// One telephone call as it is kept, and as `voicecall.status` shows it.
///
/// The gateway keeps it (`CALL_RECORD`, `docs/ipc.md` 2.5) and never looks into it but to show it. Names and states are
/// OpenClaw's (spec/channels-voice-tunnel.md 3.6).
package struct CallRecord: Codable, Sendable, Equatable {
    /// Forward only, in this order, `speaking` and `listening` to and fro; then one of the terminal ones.
    package enum State: String, Codable, Sendable, CaseIterable {
        case initiated, ringing, answered, active, speaking, listening
        case completed
        case hangupUser = "hangup-user"
        case hangupBot = "hangup-bot"
        case timeout, error, failed
        case noAnswer = "no-answer"
        case busy, voicemail

        package var isTerminal: Bool {
            switch self {
            case .initiated, .ringing, .answered, .active, .speaking, .listening: false
            case .completed, .hangupUser, .hangupBot, .timeout, .error, .failed, .noAnswer, .busy, .voicemail: true
            }
        }
    }

    package enum Direction: String, Codable, Sendable {
        case inbound, outbound
    }

    /// `notify` says something and hangs up, `conversation` stays.
    package enum Mode: String, Codable, Sendable {
        case notify, conversation
    }

    /// What was said.
    package struct Line: Codable, Sendable, Equatable {
        package enum Speaker: String, Codable, Sendable {
            case bot, user
        }

        /// Milliseconds since 1970.
        package var timestamp: Int64
        package var speaker: Speaker
        package var text: String
        package var isFinal = true

        package init(timestamp: Int64, speaker: Speaker, text: String) {
            self.timestamp = timestamp
            self.speaker = speaker
            self.text = text
        }
    }

    package var callId: String
    /// The provider's name for it; nil while the provider has not said it.
    package var providerCallId: String?
    /// `twilio`, `telnyx`, `mock`.
    package var provider: String
    package var direction: Direction
    package var state: State
    /// E.164.
    package var from: String
    package var to: String
    package var sessionKey: String?
    /// Milliseconds since 1970, like the two below.
    package var startedAt: Int64
    package var answeredAt: Int64?
    package var endedAt: Int64?
    /// A terminal state's name, or the provider's word.
    package var endReason: String?
    package var mode: Mode
    /// What is said first; empty: nothing.
    package var initialMessage = ""
    package var transcript: [Line] = []
    /// Names of the events that changed it, newest last, at most 64: none counts twice.
    package var processedEventIds: [String] = []
    /// The provider was asked to dial: from then on it is never asked again for this call.
    package var wasDialled = false

    package init(
        callId: String,
        provider: String,
        direction: Direction,
        state: State,
        from: String,
        to: String,
        startedAt: Int64,
        mode: Mode
    ) {
        self.callId = callId
        self.provider = provider
        self.direction = direction
        self.state = state
        self.from = from
        self.to = to
        self.startedAt = startedAt
        self.mode = mode
    }

    /// Bytes of a record; of a longer transcript the oldest lines go.
    package static var byteLimit: Int { 256 << 10 }
}
