/// The supervisor's request to finish, or the end of the lifeline.
package struct Drain: Sendable, Equatable {
    /// Why: `stop`, `restart`, `shutdown`, `soft`; `gone` when the supervisor is.
    package var reason: String
    /// How long there is, in milliseconds from when it came.
    package var milliseconds: Int64

    package init(reason: String, milliseconds: Int64) {
        self.reason = reason
        self.milliseconds = milliseconds
    }
}
