internal import IPCHub

/// Why a call came to nothing, as far as the provider said, and whether asking again may help.
struct Failure: Error, Equatable, Sendable {
    var kind: HubModelEvent.Failed.Kind
    /// For the log, bounded, without secrets.
    var cause: String
    /// As the provider asked; nil when it did not.
    var retryAfter: Duration?
    /// The same call may succeed in a moment.
    var isTransient = false

    static let causeLimit = 1000

    init(_ kind: HubModelEvent.Failed.Kind, _ cause: String, retryAfter: Duration? = nil, isTransient: Bool = false) {
        self.kind = kind
        self.cause = String(cause.prefix(Self.causeLimit))
        self.retryAfter = retryAfter
        self.isTransient = isTransient
    }

    /// As the agent is told.
    func event(beforeContent: Bool) -> HubModelEvent.Failed {
        var failed = HubModelEvent.Failed()
        failed.kind = kind
        failed.cause = cause
        failed.beforeContent = beforeContent
        if let retryAfter {
            let (seconds, attoseconds) = retryAfter.components
            let milliseconds = min(max(seconds, 0), 1_000_000) * 1000 + attoseconds / 1_000_000_000_000_000
            failed.retryAfterMs = UInt32(clamping: milliseconds)
        }
        return failed
    }
}
