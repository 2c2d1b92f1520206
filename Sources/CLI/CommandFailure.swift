/// Why a command did not do what it was asked for: what happened, and what to type next.
struct CommandFailure: Error, Equatable {
    var text: String
    /// 1: it failed. 2: it was typed wrongly.
    var code: Int32 = 1
}
