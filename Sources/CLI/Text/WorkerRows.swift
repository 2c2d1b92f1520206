internal import Config
internal import IPCControl

/// One worker as the supervisor tells it.
struct WorkerRow: Equatable {
    var id: String
    var kind: String
    var state: String
    var incarnation: Int64
    var pid: Int64
    /// Wall clock, when the state began.
    var sinceMilliseconds: Int64
    var restarts: Int64
    var memoryKB: Int64
    var peakKB: Int64
    var softKB: Int64
    var hardKB: Int64
    /// Of the last death: its kind, its words, when it was (wall clock); empty and 0 before the first.
    var cause: String
    var death: String
    var diedMilliseconds: Int64
    /// When the next start is due; 0 unless it is in back-off or quarantine.
    var nextTryMilliseconds: Int64
    /// What it says of itself, or why it is parked.
    var text: String

    init?(_ block: Block) {
        guard block.type == "WORKER", let id = block["ID"] else { return nil }
        self.id = id
        kind = block["KIND"] ?? ""
        state = block["STATE"] ?? ""
        incarnation = block.integer("INCARNATION") ?? 0
        pid = block.integer("PID") ?? 0
        sinceMilliseconds = block.integer("SINCE_MS") ?? 0
        restarts = block.integer("RESTARTS") ?? 0
        memoryKB = block.integer("MEMORY_KB") ?? 0
        peakKB = block.integer("PEAK_KB") ?? 0
        softKB = block.integer("SOFT_KB") ?? 0
        hardKB = block.integer("HARD_KB") ?? 0
        cause = block["CAUSE"] ?? ""
        death = block["DEATH"] ?? ""
        diedMilliseconds = block.integer("DIED_MS") ?? 0
        nextTryMilliseconds = block.integer("NEXT_MS") ?? 0
        text = block["TEXT"] ?? ""
    }

    /// What a person should look at.
    var isTrouble: Bool { ["quarantined", "parked", "backoff"].contains(state) }

    /// Whether `name` means this worker: its id, or consecutive parts of it.
    func answers(to name: String) -> Bool {
        let wanted = name.lowercased().split(separator: ":", omittingEmptySubsequences: false)
        let parts = id.split(separator: ":")
        guard !wanted.isEmpty, wanted.count <= parts.count else { return false }
        return (0...(parts.count - wanted.count)).contains { parts[$0..<($0 + wanted.count)].elementsEqual(wanted) }
    }

    var json: String {
        JSONText.object([
            ("id", .string(id)), ("kind", .string(kind)), ("state", .string(state)),
            ("incarnation", .integer(incarnation)), ("pid", pid > 0 ? .integer(pid) : .null),
            ("sinceMs", .integer(sinceMilliseconds)), ("restarts", .integer(restarts)),
            ("memoryKb", .integer(memoryKB)), ("peakKb", .integer(peakKB)), ("softKb", .integer(softKB)),
            ("hardKb", .integer(hardKB)), ("lastCause", cause.isEmpty ? .null : .string(cause)),
            ("text", text.isEmpty ? .null : .string(text)),
        ])
    }
}

/// The table of `ps`, `top` and `status`.
enum WorkerTable {
    static func lines(_ rows: [WorkerRow], now: Int64, style: Style) -> [String] {
        var table = Table()
        table.rows.append(
            ["WORKER", "STATE", "PID", "MEMORY", "", "RESTARTS", "FOR", "LAST CAUSE"].enumerated().map { column, name in
                Table.Cell(text: name, paint: style.bold, isNumber: column == 2 || column == 5)
            }
        )
        for row in rows {
            let isTight = row.softKB > 0 && row.memoryKB > row.softKB
            let budget = row.hardKB > 0 ? " of \(row.hardKB / 1024)" : ""
            let known = row.sinceMilliseconds > 0
            table.rows.append([
                Table.Cell(text: row.id),
                Table.Cell(text: row.state, paint: { style.state(row.state, $0) }),
                Table.Cell(text: row.pid > 0 ? String(row.pid) : "-", isNumber: true),
                Table.Cell(text: Words.bar(row.memoryKB, of: row.hardKB), paint: { isTight ? style.bad($0) : $0 }),
                Table.Cell(text: row.pid > 0 ? Words.megabytes(kilobytes: row.memoryKB) + budget : "-"),
                Table.Cell(text: String(row.restarts), isNumber: true),
                Table.Cell(text: known ? Words.duration(milliseconds: now - row.sinceMilliseconds) : "-"),
                Table.Cell(
                    text: [row.cause, row.death].filter { !$0.isEmpty }.joined(separator: ": "),
                    paint: { row.isTrouble ? style.bad($0) : style.dim($0) }
                ),
            ])
        }
        return table.lines()
    }
}

/// JSON for scripts.
enum JSONText {
    enum Value {
        case string(String)
        case integer(Int64)
        case bool(Bool)
        case null
        /// JSON as it is.
        case raw(String)
    }

    static func object(_ members: [(String, Value)]) -> String {
        "{" + members.map { "\(JSONWriter.quoted($0.0)):\(text($0.1))" }.joined(separator: ",") + "}"
    }

    static func array(_ elements: [String]) -> String {
        "[" + elements.joined(separator: ",") + "]"
    }

    private static func text(_ value: Value) -> String {
        switch value {
        case .string(let string): JSONWriter.quoted(string)
        case .integer(let number): String(number)
        case .bool(let flag): flag ? "true" : "false"
        case .null: "null"
        case .raw(let json): json
        }
    }
}
