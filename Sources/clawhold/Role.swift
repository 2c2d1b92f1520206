/// What this process is to be, read off its arguments before any library is touched.
enum Role: Equatable {
    /// `clawhold gateway …`: the supervisor of the whole tree.
    case supervisor
    /// `clawhold plan …`, started by the supervisor.
    case plan
    /// `clawhold worker`, started by the supervisor; which one, its lifeline says.
    case worker
    /// `clawhold self-check`, started by the supervisor that is about to become this executable.
    case selfCheck
    /// Everything a person types besides.
    case commandLine

    /// Global options that take a value, and so hide the word behind them.
    private static let optionsWithValue: Set<String> = ["--profile", "--state-dir"]

    /// - Parameter arguments: without argv[0].
    init(_ arguments: ArraySlice<String>) {
        var words = arguments
        while let first = words.first, first.hasPrefix("-") {
            words = words.dropFirst(Self.optionsWithValue.contains(first) ? 2 : 1)
        }
        switch words.first {
        case "plan": self = .plan
        case "worker": self = .worker
        case "self-check": self = .selfCheck
        case "gateway":
            let next = words.dropFirst().first
            let runs = next == nil || next == "run" || next?.hasPrefix("-") == true
            let asksForHelp = words.contains("--help") || words.contains("-h")
            self = runs && !asksForHelp ? .supervisor : .commandLine
        default: self = .commandLine
        }
    }
}
