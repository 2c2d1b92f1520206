internal import IPCControl

extension Block {
    /// A worker's row, for the gateway and for `ps`.
    ///
    /// `wall` makes wall-clock milliseconds of the supervisor's own time.
    static func row(_ status: WorkerStatus, wall: (Instant) -> Int64) -> Block {
        var block = Block(
            "WORKER",
            [
                "ID": status.id.rawValue,
                "KIND": status.id.kind.rawValue,
                "STATE": status.state.rawValue,
                "INCARNATION": "\(status.incarnation)",
                "PID": "\(status.pid)",
                "SINCE_MS": "\(wall(status.since))",
                "RESTARTS": "\(status.restarts)",
                "MEMORY_KB": "\(status.usedKB)",
                "PEAK_KB": "\(status.peakKB)",
                "SOFT_KB": "\(status.grant.softKB)",
                "HARD_KB": "\(status.grant.hardKB)",
            ]
        )
        if status.safeReason != nil { block["SAFE"] = "1" }
        if !status.text.isEmpty { block["TEXT"] = status.text }
        if let next = status.nextTry { block["NEXT_MS"] = "\(wall(next))" }
        if let death = status.lastDeath {
            block["CAUSE"] = death.cause.rawValue
            block["DEATH"] = death.text
            if let diedAt = status.diedAt { block["DIED_MS"] = "\(wall(diedAt))" }
        }
        return block
    }

    static func exit(_ entry: ExitLedger.Entry) -> Block {
        Block(
            "EXIT",
            [
                "ID": entry.id.rawValue,
                "INCARNATION": "\(entry.incarnation)",
                "CAUSE": entry.death.cause.rawValue,
                "OWN_DOING": entry.death.isOwnDoing ? "1" : "0",
                "TEXT": entry.death.text,
            ]
        )
    }

    static func event(_ entry: EventLog.Entry) -> Block {
        var block = Block("EVENT", ["AT_MS": "\(entry.atMilliseconds)"])
        if let id = entry.id {
            block["ID"] = id.rawValue
            block["INCARNATION"] = "\(entry.incarnation)"
        }
        block["TEXT"] = entry.text
        return block
    }

    static func log(_ line: LogLine) -> Block {
        Block(
            "LOG",
            [
                "ID": line.worker?.rawValue ?? "supervisor",
                "INCARNATION": "\(line.incarnation)",
                "LEVEL": line.level.rawValue,
                "AT_MS": "\(line.atMilliseconds)",
                "TEXT": line.text,
            ]
        )
    }

    /// The wire form, TEXT shortened where percent-encoding makes it longer than a block may be; nil for a block that
    /// is malformed even so.
    func encodedWithinBounds() -> [UInt8]? {
        if let bytes = try? encoded() { return bytes }
        var shorter = self
        shorter["TEXT"] = self["TEXT"].map { String($0.prefix(2000)) }
        return try? shorter.encoded()
    }
}
