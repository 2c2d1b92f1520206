internal import IPCControl

/// What `top` shows at one moment, and what it remembers for that.
struct TopView {
    /// Order of the workers.
    enum Order: String, CaseIterable {
        case memory
        case cpu
        case name
    }

    /// One look at the supervisor.
    struct Look {
        /// Its answer to `status`; nil: it does not answer.
        var status: Block?
        var rows: [WorkerRow]
        /// The last events, oldest first.
        var events: [Block] = []
        /// Tenths of a percent of a processor, by pid.
        var cpu: [Int64: Int64] = [:]
        /// Wall clock.
        var now: Int64
    }

    /// Samples that a minute has at most; the memory figures themselves come every two seconds.
    static let historyLimit = 120

    var order = Order.memory
    private var history: [String: [(at: Int64, kilobytes: Int64)]] = [:]

    /// Remembers the memory of every worker for the sparklines.
    mutating func remember(_ look: Look) {
        for row in look.rows {
            var samples = history[row.id] ?? []
            samples.append((look.now, row.isLiving ? row.memoryKB : 0))
            samples.removeAll { look.now - $0.at > 60_000 }
            history[row.id] = samples.suffix(Self.historyLimit)
        }
        history = history.filter { id, _ in look.rows.contains { $0.id == id } }
    }

    /// The page, no line wider than the terminal, no more lines than it has; for a pipe as long as it comes.
    func page(_ look: Look, size: TerminalSize?, style: Style, isUTF8: Bool) -> [String] {
        let width = size?.columns ?? 80
        guard let status = look.status else { return waiting(look, width) }
        var lines = head(status, look, width, style)
        let body = table(look, width, style, isUTF8)
        let room = size.map { $0.rows - lines.count } ?? .max
        lines.append("")
        lines += body.prefix(max(1, room - 1))
        guard let size else { return lines }
        return Array((lines + events(look, rows: size.rows - lines.count, width, style)).prefix(size.rows))
    }

    private func waiting(_ look: Look, _ width: Int) -> [String] {
        ["No gateway answers at the moment; this page goes on when it does.", "Start it with:  clawhold gateway"]
            .flatMap { Words.wrapped($0, width: width, indent: 0) }
    }

    // MARK: Head

    private func head(_ status: Block, _ look: Look, _ width: Int, _ style: Style) -> [String] {
        let summary = Summary(status, look.rows)
        let uptime = "up " + Words.duration(milliseconds: status.integer("UPTIME_MS") ?? 0)
        let left = "Clawhold \(Words.plain(status["VERSION"] ?? Build.version))  "
        let right = "\(uptime)  \(Words.clock(milliseconds: look.now))"
        let word = summary.word
        let gap = max(2, width - left.count - word.count - right.count)
        let first = style.bold(left) + summary.paint(word, style) + String(repeating: " ", count: gap) + right
        let cpu = look.cpu.isEmpty ? "" : "  cpu \(Words.tenths(look.cpu.values.reduce(0, &+)))%"
        let counts = summary.states.map { "\($0.count) \($0.state)" }.joined(separator: ", ")
        let second = "\(look.rows.count) workers: \(counts)  restarts \(summary.restarts)\(cpu)"
        return [first, String(second.prefix(width)), memory(summary, width, style)]
    }

    private func memory(_ summary: Summary, _ width: Int, _ style: Style) -> String {
        let total = summary.totalKB
        let words =
            "\(Words.whole(kilobytes: summary.usedKB))"
            + (total > 0 ? " of \(Words.whole(kilobytes: total)) MB" : " MB")
            + (summary.grantedKB > 0 ? ", \(Words.whole(kilobytes: summary.grantedKB)) granted" : "")
            + (summary.reserveKB > 0 ? ", \(Words.whole(kilobytes: summary.reserveKB)) reserved" : "")
        let room = width - words.count - 9
        guard total > 0, room >= 10 else { return String("memory \(words)".prefix(width)) }
        let filled = MemoryBar.filled(summary.usedKB, of: total, min(room, 40))
        let bar =
            String(repeating: "#", count: filled) + String(repeating: "-", count: max(0, min(room, 40) - filled))
        let isTight = summary.usedKB > total - total / 10
        return "memory " + (isTight ? style.bad(bar) : style.good(bar)) + "  " + words
    }

    // MARK: Table

    private func table(_ look: Look, _ width: Int, _ style: Style, _ isUTF8: Bool) -> [String] {
        let rows = sorted(look).map(\.plain)
        let stateWidth = max(7, rows.map(\.state.count).max() ?? 0)
        // CPU%, USED, HARD, RST, FOR and the gaps between all columns.
        let fixed = stateWidth + 5 + 4 + 4 + 3 + 5 + 2 * 8
        // Names as far as eight cells are left for each of the two pictures.
        let names = WorkerTable.names(rows, fitting: max(8, width - fixed - 2 * 8))
        let nameWidth = max(6, names.map(\.count).max() ?? 0)
        let room = max(16, width - fixed - nameWidth)
        let spark = min(30, room / 2)
        let bar = min(30, room - spark)
        func line(_ cells: [String]) -> String {
            var line = cells.joined(separator: "  ")
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
        let head = line([
            Words.padded("WORKER", nameWidth), Words.padded("STATE", stateWidth), " CPU%", "USED", "HARD",
            Words.padded("MEMORY", bar), Words.padded(spark > 10 ? "LAST MINUTE" : "MINUTE", spark), "RST", "  FOR",
        ])
        var lines = [style.bold(head)]
        for (row, name) in zip(rows, names) {
            let isTight = row.softKB > 0 && row.memoryKB > row.softKB
            let text = MemoryBar.text(row, width: bar)
            let since = row.sinceMilliseconds > 0 ? Words.short(milliseconds: look.now - row.sinceMilliseconds) : "-"
            let restarts = Words.right(String(min(row.restarts, 999)), 3)
            lines.append(
                line([
                    Words.padded(name, nameWidth), style.state(row.state, Words.padded(row.state, stateWidth)),
                    Words.right(look.cpu[row.pid].map(Words.tenths) ?? "-", 5),
                    Words.right(row.isLiving ? Words.whole(kilobytes: row.memoryKB) : "-", 4),
                    Words.right(row.hardKB > 0 ? Words.whole(kilobytes: row.hardKB) : "-", 4),
                    isTight ? style.bad(text) : text,
                    Sparkline.text(minute(row.id, look.now, cells: spark), top: row.hardKB, isUTF8: isUTF8),
                    row.restarts > 0 ? style.careful(restarts) : restarts, Words.right(since, 5),
                ])
            )
            guard row.isTrouble else { continue }
            let words = row.remarks(now: look.now)
            if !words.isEmpty { lines.append(style.bad(String("  \(words)".prefix(width)))) }
        }
        return lines
    }

    /// The last minute in so many cells: the most that was seen in each, what was before where nothing was.
    private func minute(_ id: String, _ now: Int64, cells: Int) -> [Int64] {
        var values = [Int64](repeating: -1, count: cells)
        for sample in history[id] ?? [] {
            let age = min(max(0, now - sample.at), 60_000)
            let cell = cells - 1 - min(cells - 1, Int(age) * cells / 60_000)
            values[cell] = max(values[cell], sample.kilobytes)
        }
        for cell in values.indices.dropFirst() where values[cell] < 0 { values[cell] = values[cell - 1] }
        return values
    }

    private func sorted(_ look: Look) -> [WorkerRow] {
        look.rows.sorted { left, right in
            switch order {
            case .memory where left.memoryKB != right.memoryKB: left.memoryKB > right.memoryKB
            case .cpu where look.cpu[left.pid] ?? 0 != look.cpu[right.pid] ?? 0:
                look.cpu[left.pid] ?? 0 > look.cpu[right.pid] ?? 0
            case .memory, .cpu, .name: left.id < right.id
            }
        }
    }

    /// The rest of the screen: what happened last, the newest at the bottom, and the keys.
    private func events(_ look: Look, rows: Int, _ width: Int, _ style: Style) -> [String] {
        let keys = "q quit   m by memory   c by cpu   n by name   now by \(order.rawValue)"
        guard rows >= 2 else { return [] }
        var lines = [""]
        if rows > 3 {
            lines += look.events.suffix(rows - 2).map { event in
                let time = Words.clock(milliseconds: event.integer("AT_MS") ?? 0)
                return style.dim(String("\(time) \(EventsCommand.words(event, .plain))".prefix(width)))
            }
        }
        while lines.count < rows - 1 { lines.append("") }
        return lines + [style.dim(String(keys.prefix(width)))]
    }

    /// The same as one JSON object.
    func json(_ look: Look) -> String {
        let rows = sorted(look).map { row -> String in
            let cpu = look.cpu[row.pid].map(JSONText.Value.tenths) ?? .null
            return JSONText.object(row.members + [("cpuPercent", cpu)])
        }
        let status = look.status ?? Block("SUPERVISOR")
        return JSONText.object([
            ("time", .string(Words.time(milliseconds: look.now))),
            ("memoryKb", .integer(status.integer("MEMORY_KB") ?? 0)),
            ("usedKb", .integer(Summary(status, look.rows).usedKB)),
            ("workers", .raw(JSONText.array(rows))),
        ])
    }
}
