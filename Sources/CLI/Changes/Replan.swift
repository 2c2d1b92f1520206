internal import IPCControl

/// Asks a running gateway to read its files again.
enum Replan {
    /// What became of a change on the disk.
    enum Outcome: Equatable {
        case taken
        case notRunning
        /// Written, and not in force.
        case refused(String)

        var isWell: Bool { self == .taken || self == .notRunning }

        var text: String {
            switch self {
            case .taken: "The running gateway has taken it over."
            case .notRunning: "No gateway is running; the next start takes it."
            case .refused(let reason):
                "It is written, but the running gateway has not taken it over: \(reason)\nTry again:  clawhold reload"
            }
        }
    }

    static func afterChange(_ discovery: Discovery) -> Outcome {
        do {
            try ask(discovery)
            return .taken
        } catch is Discovery.NotRunning {
            return .notRunning
        } catch let failure as CommandFailure {
            return .refused(failure.text)
        } catch {
            return .refused("\(error)")
        }
    }

    static func ask(_ discovery: Discovery) throws {
        try discovery.find().connection.ask(Block("COMMAND", ["CMD": "replan"]))
    }
}
