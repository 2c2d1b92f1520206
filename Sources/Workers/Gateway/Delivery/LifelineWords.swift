internal import IPCControl
internal import Journal

/// What the supervisor tells the gateway, read from its blocks. Nil for what is malformed.
enum LifelineWords {
    static func event(of block: Block) -> DeliveryEvent? {
        switch block.type {
        case "WORKER": row(block).map(DeliveryEvent.row)
        case "EXIT": exit(block).map(DeliveryEvent.exit)
        case "GONE": block["ID"].map(DeliveryEvent.gone)
        default: nil
        }
    }

    private static func row(_ block: Block) -> WorkerRow? {
        guard let id = block["ID"], let kind = block["KIND"] else { return nil }
        var row = WorkerRow(id: id, kind: kind)
        row.state = block["STATE"] ?? row.state
        row.incarnation = UInt64(clamping: block.integer("INCARNATION") ?? 0)
        row.pid = Int32(clamping: block.integer("PID") ?? 0)
        row.sinceMilliseconds = block.integer("SINCE_MS") ?? 0
        row.restarts = Int(clamping: block.integer("RESTARTS") ?? 0)
        row.memoryKB = block.integer("MEMORY_KB") ?? 0
        row.peakKB = block.integer("PEAK_KB") ?? 0
        row.softKB = block.integer("SOFT_KB") ?? 0
        row.hardKB = block.integer("HARD_KB") ?? 0
        row.cause = block["CAUSE"] ?? ""
        row.death = block["DEATH"] ?? ""
        row.diedMilliseconds = block.integer("DIED_MS") ?? 0
        row.nextTryMilliseconds = block.integer("NEXT_MS") ?? 0
        row.text = block["TEXT"] ?? ""
        return row
    }

    private static func exit(_ block: Block) -> WorkerExit? {
        guard let id = block["ID"], let incarnation = block.integer("INCARNATION"), incarnation > 0 else { return nil }
        let cause = block["CAUSE"] ?? "signal"
        return WorkerExit(
            worker: id,
            incarnation: UInt64(incarnation),
            cause: cause,
            death: death(cause, block["OWN_DOING"] == "1"),
            text: block["TEXT"] ?? ""
        )
    }

    private static func death(_ cause: String, _ isOwnDoing: Bool) -> Death {
        if isOwnDoing { return .ownDoing }
        switch DeathCause(rawValue: cause) {
        // Ended on purpose, or before it had anything in hand.
        case .stopped, .fatal, .spawn: return .uncounted
        case .allocation, .exit, .oomContainer, .oomHost, .oomOwn, .signal, .watchdog, nil: return .unknown
        }
    }
}
