package import IPCHub

/// Why one attempt at a provider came to nothing, in the terms of the failover rules.
package struct CallFailure: Error, Equatable, Sendable {
    package var kind: HubModelEvent.Failed.Kind
    /// For the log and the ledger: bounded, without secrets.
    package var cause: String
    /// HTTP status of the answer; 0: none came.
    package var status = 0
    /// How long the provider asked to be left alone; nil when it did not say.
    package var retryAfter: Duration?
    /// What the failure is true of.
    package var scope = Scope.model
    /// The provider's own word on whether asking again is of use (`x-should-retry`); nil when it gave none.
    package var shouldRetry: Bool?

    /// What a failure is true of: which cooldown it makes.
    package enum Scope: String, Sendable {
        /// This key with this model.
        case model
        /// This key, whatever it asks for.
        case key
        /// Every key of this provider with this model.
        case provider
    }

    /// Longest cause, in scalars.
    package static let causeLimit = 1000

    package init(_ kind: HubModelEvent.Failed.Kind, _ cause: String, status: Int = 0, retryAfter: Duration? = nil) {
        self.kind = kind
        self.cause = cause.prefix(scalars: Self.causeLimit)
        self.status = status
        self.retryAfter = retryAfter
    }
}

extension StringProtocol {
    /// At most so many scalars. A bound in characters is none: a character may be made of any number of scalars, and what a
    /// provider says goes into frames.
    package func prefix(scalars limit: Int) -> String {
        String(String.UnicodeScalarView(unicodeScalars.prefix(limit)))
    }
}
