/// Which workers a person means.
enum WorkerChoice {
    /// The one worker of this name: its id, or consecutive parts of it that no other worker has. Throws what to type
    /// instead.
    static func one(_ name: String, among rows: [WorkerRow]) throws(CommandFailure) -> WorkerRow {
        if let row = rows.first(where: { $0.id == name }) { return row }
        let matches = rows.filter { $0.answers(to: name) }
        if matches.count == 1 { return matches[0] }
        let shown = Words.plain(String(name.prefix(60)))
        guard matches.isEmpty else {
            throw CommandFailure(
                text: "\"\(shown)\" could be any of: \(list(matches)). Type more of its name.",
                code: 2
            )
        }
        let near = nearest(to: name, among: rows)
        throw CommandFailure(
            text: "There is no worker \"\(shown)\"."
                + (near.map { " Did you mean \($0)?" } ?? (rows.isEmpty ? "" : " There are: \(list(rows))."))
                + "\nSee them all:  clawhold ps",
            code: 2
        )
    }

    private static func list(_ rows: [WorkerRow]) -> String {
        let names = rows.prefix(12).map { Words.plain($0.id) }
        return names.joined(separator: ", ") + (rows.count > 12 ? " and \(rows.count - 12) more" : "")
    }

    /// The shortest name of the worker that was probably meant, or nil when nothing comes near.
    static func nearest(to name: String, among rows: [WorkerRow]) -> String? {
        let wanted = name.lowercased().prefix(60)
        var best: (distance: Int, name: String)?
        for row in rows {
            let parts = row.id.split(separator: ":").map(String.init)
            for candidate in [row.id, row.shortName] + parts {
                let isUnique = candidate == row.id || rows.filter { $0.answers(to: candidate) }.count == 1
                guard isUnique else { continue }
                let isBeginning = wanted.count >= 2 && candidate.hasPrefix(wanted)
                let distance = isBeginning ? 0 : distance(Array(wanted.utf8), Array(candidate.utf8))
                // A third of it may be wrong.
                guard isBeginning || distance * 3 <= max(3, wanted.utf8.count) else { continue }
                if best.map({ distance < $0.distance }) ?? true { best = (distance, candidate) }
            }
        }
        return best.map { Words.plain($0.name) }
    }

    /// Insertions, deletions, substitutions and swaps of neighbours that make one of the other.
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        guard left.count <= 96, right.count <= 96 else { return .max / 4 }
        var rows = [Array(0...right.count)]
        for (i, byte) in left.enumerated() {
            var row = [i + 1]
            for (j, other) in right.enumerated() {
                var best = min(rows[i][j] + (byte == other ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, byte == right[j - 1], left[i - 1] == other { best = min(best, rows[i - 1][j - 1] + 1) }
                row.append(best)
            }
            rows.append(row)
        }
        return rows[left.count][right.count]
    }
}

extension WorkerRow {
    /// Whether `name` means this worker: its id, or consecutive parts of it.
    func answers(to name: String) -> Bool {
        let wanted = name.lowercased().split(separator: ":", omittingEmptySubsequences: false)
        let parts = id.split(separator: ":")
        guard !wanted.isEmpty, wanted.count <= parts.count else { return false }
        return (0...(parts.count - wanted.count)).contains { parts[$0..<($0 + wanted.count)].elementsEqual(wanted) }
    }
}
