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
    /// The gateway after deaths at its start: it serves the page and answers nobody.
    var isSafeMode: Bool
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
        isSafeMode = block["SAFE"] == "1"
        cause = block["CAUSE"] ?? ""
        death = block["DEATH"] ?? ""
        diedMilliseconds = block.integer("DIED_MS") ?? 0
        nextTryMilliseconds = block.integer("NEXT_MS") ?? 0
        text = block["TEXT"] ?? ""
    }

    /// The same with nothing in it that a terminal would obey.
    var plain: WorkerRow {
        var row = self
        row.id = Words.plain(id)
        row.state = Words.plain(state)
        row.cause = Words.plain(cause)
        row.death = Words.plain(death)
        row.text = Words.plain(text)
        return row
    }

    /// What a person should look at.
    var isTrouble: Bool { ["quarantined", "parked", "backoff"].contains(state) || isSafeMode }

    /// Whether a process of it runs.
    var isLiving: Bool { pid > 0 }

    /// The name that a person would type: the id without what is usual.
    var shortName: String {
        id.hasSuffix(":default") ? String(id.dropLast(8)) : id
    }

    /// The last death in words, and how long ago; nil when there was none that nobody asked for.
    func lastDeath(now: Int64) -> String? {
        guard !cause.isEmpty, cause != "stopped" else { return nil }
        let ago = diedMilliseconds > 0 ? " \(Words.short(milliseconds: now - diedMilliseconds)) ago" : ""
        return "died\(ago): \(death.isEmpty ? cause : death)"
    }

    /// When it is tried again, in words; nil when it is not waiting for that.
    func nextTry(now: Int64) -> String? {
        guard nextTryMilliseconds > 0 else { return nil }
        let left = nextTryMilliseconds - now
        return left < 1000 ? "next try now" : "next try in \(Words.short(milliseconds: left))"
    }

    /// What else is to be said of it: its status or why it is parked, its last death, its next try; empty for nothing.
    func remarks(now: Int64) -> String {
        // FATAL's words are both why it is parked and what it died of.
        let death = lastDeath(now: now).flatMap { text.isEmpty || !$0.hasSuffix(text) ? $0 : nil }
        return [text, death ?? "", nextTry(now: now) ?? ""].filter { !$0.isEmpty }.joined(separator: "; ")
    }

    var json: String { JSONText.object(members) }

    /// The members of its JSON object (docs/cli.md).
    var members: [(String, JSONText.Value)] {
        let death: JSONText.Value =
            cause.isEmpty
            ? .null
            : .raw(
                JSONText.object([
                    ("cause", .string(cause)), ("text", .string(self.death)), ("atMs", .positive(diedMilliseconds)),
                ])
            )
        return [
            ("id", .string(id)), ("kind", .string(kind)), ("state", .string(state)),
            ("incarnation", .integer(incarnation)), ("pid", .positive(pid)),
            ("sinceMs", .positive(sinceMilliseconds)), ("restarts", .integer(restarts)),
            ("memoryKb", .integer(memoryKB)), ("peakKb", .integer(peakKB)), ("softKb", .integer(softKB)),
            ("hardKb", .integer(hardKB)), ("safeMode", .bool(isSafeMode)), ("text", .nonEmpty(text)),
            ("nextTryMs", .positive(nextTryMilliseconds)), ("lastDeath", death),
        ]
    }
}
