internal import IPCControl

/// How the whole is, from the supervisor's status and its workers.
struct Summary {
    /// In words: `healthy`, `degraded`, `safe mode`, `down`.
    let word: String
    let troubled: [WorkerRow]
    let restarts: Int64
    /// KiB: by living workers, of the machine or container, promised to living workers, kept free of them.
    let usedKB: Int64
    let totalKB: Int64
    let grantedKB: Int64
    let reserveKB: Int64
    /// How many workers are in each state, `ready` first.
    let states: [(state: String, count: Int)]

    init(_ status: Block, _ rows: [WorkerRow]) {
        troubled = rows.filter(\.isTrouble)
        let gateway = rows.first { $0.kind == "gateway" }
        if gateway?.state != "ready" {
            word = "down"
        } else if gateway?.isSafeMode == true {
            word = "safe mode"
        } else {
            word = troubled.isEmpty ? "healthy" : "degraded"
        }
        let living = rows.filter(\.isLiving)
        restarts = rows.reduce(0) { $0 &+ max(0, $1.restarts) }
        usedKB = living.reduce(0) { $0 &+ max(0, $1.memoryKB) }
        grantedKB = living.reduce(0) { $0 &+ max(0, $1.hardKB) }
        totalKB = status.integer("MEMORY_KB") ?? 0
        reserveKB = status.integer("RESERVE_KB") ?? 0
        let counts = Dictionary(grouping: rows, by: { Words.plain($0.state) }).mapValues(\.count)
        states = counts.map { (state: $0.key, count: $0.value) }
            .sorted { ($0.state == "ready" ? "" : $0.state) < ($1.state == "ready" ? "" : $1.state) }
    }

    func paint(_ text: String, _ style: Style) -> String {
        switch word {
        case "healthy": style.good(text)
        case "degraded": style.careful(text)
        default: style.bad(text)
        }
    }
}
