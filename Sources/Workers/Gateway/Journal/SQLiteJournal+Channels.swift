extension SQLiteJournal {
    func figures(of channels: [String], ignoredSince: Int64) throws(JournalError) -> [String: ChannelFigures] {
        var figures = Dictionary(channels.map { ($0, ChannelFigures()) }) { first, _ in first }
        try countWork(&figures)
        for channel in figures.keys { try readLast(channel, ignoredSince, &figures[channel, default: .init()]) }
        return figures
    }

    /// By the indexes on `state`: what is settled, and that is nearly all, is not looked at.
    private func countWork(_ figures: inout [String: ChannelFigures]) throws(JournalError) {
        let counts = try database.rows(
            """
            SELECT channel, 'inbox', count(*) FROM inbox WHERE state IN ('received', 'normalizing') GROUP BY channel
            UNION ALL
            SELECT channel, 'turns', count(*) FROM turns WHERE state IN ('queued', 'buffered', 'running') GROUP BY channel
            UNION ALL
            SELECT channel, 'outbox', count(*) FROM outbox WHERE state IN ('pending', 'inflight') GROUP BY channel
            UNION ALL
            SELECT channel, 'dead', count(*) FROM inbox WHERE state = 'dead' GROUP BY channel
            UNION ALL
            SELECT channel, 'dead', count(*) FROM turns WHERE state = 'dead' GROUP BY channel
            UNION ALL
            SELECT channel, 'dead', count(*) FROM outbox WHERE state = 'dead' GROUP BY channel
            """
        ) { ($0.text(0), $0.text(1), $0.count(2)) }
        for (channel, what, count) in counts where figures[channel] != nil {
            switch what {
            case "outbox": figures[channel]?.outboxPending += count
            case "dead": figures[channel]?.deadLetters += count
            default: figures[channel]?.journalPending += count
            }
        }
    }

    private func readLast(_ channel: String, _ since: Int64, _ figures: inout ChannelFigures) throws(JournalError) {
        // One seek in (channel, state, row) for each state.
        for state in ["received", "normalizing", "normalized", "ignored", "dead", "dropped"] {
            let at = try database.first(
                "SELECT received_at FROM inbox WHERE channel = ? AND state = ? ORDER BY row DESC LIMIT 1",
                .text(channel),
                .text(state)
            ) { $0.integer(0) }
            figures.lastInboundAt = max(figures.lastInboundAt, at ?? 0)
        }
        figures.lastOutboundAt =
            try database.first(
                "SELECT settled_at FROM outbox WHERE channel = ? AND state = 'sent' ORDER BY row DESC LIMIT 1",
                .text(channel)
            ) { $0.integer(0) } ?? 0
        let ignored = try database.first(
            "SELECT settled_at, reason FROM inbox WHERE channel = ? AND state = 'ignored' ORDER BY row DESC LIMIT 1",
            .text(channel)
        ) { ($0.integer(0), $0.text(1)) }
        figures.lastIgnoredAt = ignored?.0 ?? 0
        figures.lastIgnoredReason = ignored?.1 ?? ""
        figures.ignored =
            try database.first(
                "SELECT count(*) FROM inbox WHERE state = 'ignored' AND settled_at >= ? AND channel = ?",
                .integer(since),
                .text(channel)
            ) { $0.count(0) } ?? 0
    }
}
