internal import Runtime

/// What `usage` prints: a bar for each day, then who and what it was.
enum UsagePage {
    /// - Parameter width: no line is wider; nil: eighty columns.
    static func text(_ answer: JSON, style: Style, width: Int?) -> String {
        let daily = answer["daily"]?.array ?? []
        let totals = answer["totals"] ?? [:]
        var lines: [String] = []
        guard attempts(totals) > 0 else {
            lines.append("No model was called in \(days(daily.count)).")
            lines += limits(answer["spend"], style, width)
            return lines.joined(separator: "\n")
        }
        // Without a single price the bars are of tokens.
        let isPriced = daily.contains { dollars($0) > 0 }
        lines.append(style.bold("\(days(daily.count).capitalizedFirst), by day") + (isPriced ? "" : " (tokens)"))
        lines += bars(daily, isPriced: isPriced, style: style, width: min(max(40, width ?? 80), 200))
        lines.append("")
        lines += table(answer["models"]?.array ?? [], style, width)
        lines += ["", "Total  \(summary(totals))"]
        lines += limits(answer["spend"], style, width)
        return lines.joined(separator: "\n")
    }

    // MARK: Days

    private static func bars(_ daily: [JSON], isPriced: Bool, style: Style, width: Int) -> [String] {
        let values = daily.map { isPriced ? dollars($0) : Double(tokens($0)) }
        let top = max(values.max() ?? 0, .leastNonzeroMagnitude)
        let amounts = daily.map { isPriced ? Words.dollars(dollars($0)) : Words.count(tokens($0)) }
        let amountWidth = amounts.map(\.count).max() ?? 0
        // "2026-11-23  ####  $1.50  12 calls": two blanks between, room for the calls.
        let room = max(8, width - 10 - 2 - 2 - amountWidth - 2 - 11)
        return zip(zip(daily, values), amounts).map { pair, amount in
            let (day, value) = pair
            let calls = attempts(day)
            let share = (value / top * Double(room)).rounded()
            let length = value > 0 ? min(room, max(1, Int(min(max(share, 0), Double(room))))) : 0
            let bar = Words.padded(String(repeating: "#", count: length), room)
            let date = Words.plain(day["date"]?.string ?? "")
            guard calls > 0 else { return style.dim("\(date)  -") }
            let mark = unpriced(day) > 0 && isPriced ? "+?" : ""
            let text = "\(date)  \(style.good(bar))  \(Words.right(amount, amountWidth))\(mark)"
            return text + Words.right("\(Words.count(calls)) call\(calls == 1 ? "" : "s")", 11 - mark.count)
        }
    }

    // MARK: Models

    private static func table(_ models: [JSON], _ style: Style, _ width: Int?) -> [String] {
        let rows = models.prefix(40).map { model -> TextTable.Row in
            let cost =
                attempts(model) == unpriced(model) && dollars(model) == 0
                ? "?" : Words.dollars(dollars(model)) + (unpriced(model) > 0 ? "+?" : "")
            let ends = model["ends"]?.object?.members ?? []
            let others = ends.filter { $0.key != "finished" && ($0.value.integer ?? 0) > 0 }
                .map { "\(Words.count($0.value.integer ?? 0)) \(Words.plain($0.key))" }.joined(separator: ", ")
            return TextTable.Row(cells: [
                .init(text: Words.plain(model["model"]?.string ?? "-")),
                .init(text: cost, isNumber: true),
                .init(text: Words.count(integer(model["input"]) + integer(model["cacheWrite"])), isNumber: true),
                .init(text: Words.count(integer(model["cacheRead"])), isNumber: true),
                .init(text: Words.count(integer(model["output"])), isNumber: true),
                .init(text: Words.count(attempts(model)), isNumber: true),
                .init(text: others.isEmpty ? "-" : others, paint: others.isEmpty ? { $0 } : style.careful),
            ])
        }
        return TextTable.lines(
            ["MODEL", "COST", "IN", "CACHED", "OUT", "CALLS", "NOT FINISHED"],
            limits: [30, 12, 7, 7, 7, 7, nil],
            rows,
            style: style,
            width: width
        )
    }

    private static func summary(_ totals: JSON) -> String {
        let missing = unpriced(totals)
        let price = missing > 0 ? ", and \(Words.count(missing)) calls whose price nobody knows" : ""
        let calls = attempts(totals)
        return "\(Words.dollars(dollars(totals))) for \(Words.count(tokens(totals))) tokens in \(Words.count(calls)) "
            + "call\(calls == 1 ? "" : "s")\(price)"
            + (missing > 0 ? "\n       To give a model a price: models.prices in clawhold.json" : "")
    }

    // MARK: Limits

    private static func limits(_ spend: JSON?, _ style: Style, _ width: Int?) -> [String] {
        (spend?["limits"]?.array ?? []).prefix(100).flatMap { limit -> [String] in
            let agent = Words.plain(limit["agentId"]?.string ?? "")
            let isReached = limit["isReached"]?.bool == true
            let amount =
                "\(Words.dollars(limit["spent"]?.double ?? 0)) of \(Words.dollars(limit["limit"]?.double ?? 0))"
            let cheaper = Words.plain(spend?["cheaperModel"]?.string ?? "")
            let then = spend?["then"]?.string == "cheaper" ? "\(cheaper) answers" : "nothing answers"
            let text =
                "Today  \(amount)\(agent.isEmpty ? "" : " for \(agent)")"
                + (isReached ? ": the limit is reached, \(then) until midnight" : "")
            return Words.wrapped(text, width: width ?? .max, indent: 0).map { isReached ? style.bad($0) : $0 }
        }
    }

    // MARK: Reading

    private static func days(_ count: Int) -> String { count == 1 ? "one day" : "\(count) days" }
    private static func integer(_ value: JSON?) -> Int64 { min(max(0, value?.integer ?? 0), 1 << 60) }
    private static func attempts(_ value: JSON) -> Int64 { integer(value["attempts"]) }
    private static func tokens(_ value: JSON) -> Int64 { integer(value["totalTokens"]) }
    private static func unpriced(_ value: JSON) -> Int64 { integer(value["missingCostEntries"]) }

    private static func dollars(_ value: JSON) -> Double {
        let amount = value["totalCost"]?.double ?? 0
        return amount.isFinite ? min(max(0, amount), 1e12) : 0
    }
}

extension String {
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
