/// An upgrade before its exec: a new executable that proves itself as a child.
final class Upgrade {
    let executable: NewExecutable
    let pid: Int32
    let output: Descriptor
    let token: UInt64
    let deadline: Instant
    /// What it has said.
    var words: [UInt8] = []
    var isKilled = false
    /// It is what it should be: executed as soon as nothing is on its way.
    var isProven = false

    init(
        _ executable: consuming NewExecutable,
        pid: Int32,
        output: consuming Descriptor,
        token: UInt64,
        deadline: Instant
    ) {
        self.executable = executable
        self.pid = pid
        self.output = output
        self.token = token
        self.deadline = deadline
    }
}
