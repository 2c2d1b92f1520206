package import IPCHub

/// What one attempt at a provider came to. Every attempt has one, whatever became of who asked: the ledger's row is made
/// of it.
package struct AttemptReport: Sendable {
    /// How it ended.
    package enum End: Sendable, Equatable {
        /// With the dialect's own sign of a whole answer. The last event, Finished, was not written: the caller adds what it
        /// knows and writes it.
        case finished(HubModelEvent.Finished)
        case failed(CallFailure)
        /// Who asked went away; the connection was closed.
        case clientGone
    }

    package var end: End
    /// Something of the answer was handed on: from here on nobody may try again behind the person's back.
    package var isCommitted = false
    package var usage = HubUsage()
    package var source = HubLedgerRow.Source.none
    /// As the provider names what answered; empty when it did not say.
    package var servedModel = ""
    /// HTTP status; 0: none came.
    package var status = 0
    /// From the request to the first content; nil: none came.
    package var firstContent: Duration?
    package var duration = Duration.zero

    package init(_ end: End) { self.end = end }
}
