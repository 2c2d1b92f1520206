internal import Journal

/// Sums of the ledger for people and programs: pure.
struct UsageReport {
    /// Of what is added up.
    struct Sum: Equatable {
        var attempts = 0
        var tokens = LedgerTokens()
        /// Billionths of a dollar.
        var cost: Int64 = 0
        /// Attempts without a known price.
        var unpriced = 0
        /// By end: `finished`, `failed`, `cut`, `client-gone`.
        var ends: [String: Int] = [:]

        static func += (sum: inout Sum, more: LedgerSum) {
            sum.attempts += more.attempts
            sum.tokens += more.tokens
            sum.cost += more.cost
            sum.unpriced += more.unpriced
            sum.ends[more.end, default: 0] += more.attempts
        }
    }

    let days: [String]
    private let sums: [LedgerSum]

    /// `days` in order, without a gap.
    init(days: [String], sums: [LedgerSum]) {
        self.days = days
        self.sums = sums
    }

    /// OpenClaw's `usage.cost`: days on which something was used, oldest first.
    func cost(wall: Int64) -> WireValue {
        let byDay = Dictionary(grouping: sums, by: \.day)
        let daily = days.compactMap { day -> WireValue? in
            byDay[day].map { WireValue(members: [("date", .string(day))] + Self.costs(Self.sum($0))) }
        }
        return [
            "updatedAt": .integer(wall),
            "days": .number(days.count),
            "daily": .array(daily),
            "totals": WireValue(members: Self.costs(Self.sum(sums))),
        ]
    }

    /// Ours: every day, by model, agent and end.
    func report(wall: Int64) -> WireValue {
        let byDay = Dictionary(grouping: sums, by: \.day)
        let daily = days.map { day -> WireValue in
            let own = byDay[day] ?? []
            return WireValue(
                members: [("date", .string(day))] + Self.all(Self.sum(own)) + [("models", Self.models(own))]
            )
        }
        let agents = Dictionary(grouping: sums, by: \.agent).map { ($0.key, Self.sum($0.value)) }
        return [
            "updatedAt": .integer(wall),
            "days": .number(days.count),
            "daily": .array(daily),
            "totals": WireValue(members: Self.all(Self.sum(sums))),
            "models": Self.models(sums),
            "agents": .array(
                agents.sorted { ($0.1.cost, $0.1.tokens.total, $1.0) > ($1.1.cost, $1.1.tokens.total, $0.0) }.map {
                    WireValue(members: [("agentId", .string($0.0))] + Self.all($0.1))
                }
            ),
        ]
    }

    private static func models(_ sums: [LedgerSum]) -> WireValue {
        let models = Dictionary(grouping: sums) { "\($0.provider)/\($0.model)" }.map { ($0.key, sum($0.value)) }
        return .array(
            models.sorted { ($0.1.cost, $0.1.tokens.total, $1.0) > ($1.1.cost, $1.1.tokens.total, $0.0) }.map {
                WireValue(members: [("model", .string($0.0))] + all($0.1))
            }
        )
    }

    private static func sum(_ sums: [LedgerSum]) -> Sum { sums.reduce(into: Sum()) { $0 += $1 } }

    private static func costs(_ sum: Sum) -> [(String, WireValue)] {
        [
            ("input", .integer(sum.tokens.input)), ("output", .integer(sum.tokens.output)),
            ("cacheRead", .integer(sum.tokens.cacheRead)), ("cacheWrite", .integer(sum.tokens.cacheWrite)),
            ("totalTokens", .integer(sum.tokens.total)), ("totalCost", .double(Double(sum.cost) / 1e9)),
            ("missingCostEntries", .number(sum.unpriced)),
        ]
    }

    private static func all(_ sum: Sum) -> [(String, WireValue)] {
        let ends = sum.ends.sorted { $0.key < $1.key }.map { ($0.key, WireValue.number($0.value)) }
        return [("attempts", .number(sum.attempts)), ("ends", WireValue(members: ends))] + costs(sum)
    }
}
