extension SQLiteJournal {
    /// Whose claims are released. Without a worker everybody's.
    struct Scope {
        var worker: String?
        /// This incarnation and all before it.
        var incarnation: UInt64

        var values: (SQLValue, SQLValue) { (worker.map { .text($0) } ?? .null, .incarnation(incarnation)) }
    }

    func exit(
        worker: String,
        incarnation: UInt64,
        cause: String,
        death: Death,
        sentence: String,
        limits: PoisonLimits,
        now: Int64
    ) throws(JournalError) -> ReleaseReport {
        let last = try database.first("SELECT incarnation FROM exits WHERE worker = ?", .text(worker)) {
            $0.incarnation(0)
        }
        if let last, last >= incarnation {
            var report = ReleaseReport()
            report.wasKnown = true
            return report
        }
        let scope = Scope(worker: worker, incarnation: incarnation)
        var report = try release(scope, death: death, cause: cause, sentence: sentence, limits: limits, now: now)
        if worker == "gateway", death == .ownDoing {
            // What was parsed when the gateway died of it may be what it died of. Its channel lives and parses it again.
            try releaseInbox(Scope(worker: nil, incarnation: .max), death, cause, limits, now, &report)
        }
        try database.run(
            """
            INSERT INTO exits(worker, incarnation, cause, own_doing, at) VALUES(?, ?, ?, ?, ?)
            ON CONFLICT(worker) DO UPDATE SET incarnation = excluded.incarnation, cause = excluded.cause,
              own_doing = excluded.own_doing, at = excluded.at
            """,
            .text(worker),
            .incarnation(incarnation),
            .text(cause),
            .flag(death == .ownDoing),
            .integer(now)
        )
        return report
    }

    func release(
        _ scope: Scope,
        death: Death,
        cause: String,
        sentence: String,
        limits: PoisonLimits,
        now: Int64
    ) throws(JournalError) -> ReleaseReport {
        var report = ReleaseReport()
        try releaseInbox(scope, death, cause, limits, now, &report)
        try releaseTurns(scope, death, sentence, limits, now, &report)
        try releaseOutbox(scope, death, cause, limits, now, &report)
        return report
    }

    /// Deaths after this one, and whether they are too many.
    private struct Toll {
        var own: Int64
        var unknown: Int64
        var isTooMuch: Bool

        init(own: Int64, unknown: Int64, death: Death, limits: PoisonLimits) {
            self.own = own + (death == .ownDoing ? 1 : 0)
            self.unknown = unknown + (death == .unknown ? 1 : 0)
            isTooMuch = self.own >= Int64(limits.ownDeaths) || self.unknown >= Int64(limits.unknownDeaths)
        }
    }

    private func releaseInbox(
        _ scope: Scope,
        _ death: Death,
        _ cause: String,
        _ limits: PoisonLimits,
        _ now: Int64,
        _ report: inout ReleaseReport
    ) throws(JournalError) {
        let held = try database.rows(
            """
            SELECT row, channel, event_key, own_deaths, unknown_deaths FROM inbox
            WHERE state = 'normalizing' AND (?1 IS NULL OR channel = ?1) AND incarnation <= ?2 ORDER BY row
            """,
            scope.values.0,
            scope.values.1
        ) {
            (
                DeadItem(row: $0.integer(0), worker: $0.text(1), name: $0.text(2), reason: ""), $0.integer(3),
                $0.integer(4)
            )
        }
        for (item, own, unknown) in held {
            let toll = Toll(own: own, unknown: unknown, death: death, limits: limits)
            let reason = toll.isTooMuch ? "what read it died of it (\(cause))" : ""
            try database.run(
                """
                UPDATE inbox SET state = ?, own_deaths = ?, unknown_deaths = ?, reason = ?, settled_at = ? WHERE row = ?
                """,
                .text(toll.isTooMuch ? "dead" : "received"),
                .integer(toll.own),
                .integer(toll.unknown),
                .text(reason),
                .integer(toll.isTooMuch ? now : 0),
                .integer(item.row)
            )
            if toll.isTooMuch {
                report.deadInbox.append(DeadItem(row: item.row, worker: item.worker, name: item.name, reason: reason))
            }
        }
    }

    private func releaseTurns(
        _ scope: Scope,
        _ death: Death,
        _ sentence: String,
        _ limits: PoisonLimits,
        _ now: Int64,
        _ report: inout ReleaseReport
    ) throws(JournalError) {
        let held = try database.rows(
            """
            SELECT \(Self.turnColumns), own_deaths, unknown_deaths FROM turns
            WHERE state = 'running' AND (?1 IS NULL OR agent = ?1) AND incarnation <= ?2 ORDER BY row
            """,
            scope.values.0,
            scope.values.1
        ) { (entry: Self.turnRow($0), own: $0.integer(13), unknown: $0.integer(14)) }
        for (entry, own, unknown) in held {
            let toll = Toll(own: own, unknown: unknown, death: death, limits: limits)
            let isStopped = !entry.interrupt.isEmpty
            let state = isStopped ? "aborted" : toll.isTooMuch ? "dead" : "queued"
            try database.run(
                """
                UPDATE turns SET state = ?, own_deaths = ?, unknown_deaths = ?, sentence = coalesce(?, sentence),
                  settled_at = ? WHERE row = ?
                """,
                .text(state),
                .integer(toll.own),
                .integer(toll.unknown),
                // That its sender was told of the wait is not forgotten.
                state == "queued" ? .null : .text(state == "dead" ? sentence : ""),
                .integer(state == "queued" ? 0 : now),
                .integer(entry.row)
            )
            let turn = Self.stopped(entry.turn, wasRunning: true)
            switch state {
            case "aborted":
                report.abortedTurns.append(turn)
                try ended(entry.row, turn.turnID, isAnswered: false, now: now)
            case "dead":
                report.deadTurns.append(turn)
                try tell(entry.turn, sentence: sentence, now: now)
                try ended(entry.row, turn.turnID, isAnswered: false, now: now)
            default:
                report.requeuedTurns.append(turn.turnID)
                report.requeuedAgents.insert(turn.agent)
            }
        }
    }

    private func releaseOutbox(
        _ scope: Scope,
        _ death: Death,
        _ cause: String,
        _ limits: PoisonLimits,
        _ now: Int64,
        _ report: inout ReleaseReport
    ) throws(JournalError) {
        let held = try database.rows(
            """
            SELECT row, channel, origin || '#' || chunk, own_deaths, unknown_deaths, in_doubt FROM outbox
            WHERE state = 'inflight' AND (?1 IS NULL OR channel = ?1) AND incarnation <= ?2 ORDER BY row
            """,
            scope.values.0,
            scope.values.1
        ) {
            (
                item: DeadItem(row: $0.integer(0), worker: $0.text(1), name: $0.text(2), reason: ""),
                own: $0.integer(3), unknown: $0.integer(4), wasInDoubt: $0.flag(5)
            )
        }
        for (item, own, unknown, wasInDoubt) in held {
            let toll = Toll(own: own, unknown: unknown, death: death, limits: limits)
            // At most one sending more of what may have arrived already.
            let isDead = toll.isTooMuch || wasInDoubt
            let reason =
                wasInDoubt
                ? "its worker died twice while sending it (\(cause)); it may have arrived"
                : isDead
                    ? "its worker died of it (\(cause)); it may have arrived"
                    : "its worker died while sending it (\(cause))"
            try database.run(
                """
                UPDATE outbox SET state = ?, own_deaths = ?, unknown_deaths = ?, in_doubt = 1, error = ?, settled_at = ?,
                  next_attempt_at = 0 WHERE row = ?
                """,
                .text(isDead ? "dead" : "pending"),
                .integer(toll.own),
                .integer(toll.unknown),
                .text(reason),
                .integer(isDead ? now : 0),
                .integer(item.row)
            )
            let told = DeadItem(row: item.row, worker: item.worker, name: item.name, reason: reason)
            if isDead { report.deadOutbox.append(told) } else { report.inDoubt.append(told) }
        }
    }
}
