internal import Runtime

/// What a provider told of a call, in one form for all of them.
struct CallEvent: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        case initiated
        case ringing
        case answered
        case active
        /// Our voice is done.
        case spoken
        /// The caller's final words.
        case speech(String)
        case ended(CallRecord.State)
        /// Of no consequence; the provider's name for it.
        case other(String)
    }

    /// The same for the same event, however often it comes.
    var id: String
    var kind: Kind
    /// The provider's name of the call.
    var providerCallId: String
    /// Ours, as the provider gives it back; nil when it has none.
    var callId: String?
    var direction = CallRecord.Direction.outbound
    var from = ""
    var to = ""
}
