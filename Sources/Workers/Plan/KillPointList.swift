/// `CLAWHOLD_KILL_POINTS`: `NAME@WORKER:INCARNATION[#HIT],…`; for tests.
struct KillPointList: Sendable {
    private var entries: [(worker: String, point: String)] = []

    init(_ text: String?) {
        for entry in (text ?? "").split(separator: ",") {
            guard let at = entry.firstIndex(of: "@") else { continue }
            let target = entry[entry.index(after: at)...]
            // A worker's name has colons of its own.
            guard let colon = target.lastIndex(of: ":") else { continue }
            entries.append((String(target[..<colon]), "\(entry[..<at])\(target[colon...])"))
        }
    }

    /// What stands in the worker's own block: `NAME:INCARNATION[#HIT],…`.
    func points(of worker: String) -> String {
        entries.filter { $0.worker == worker }.map(\.point).joined(separator: ",")
    }
}
