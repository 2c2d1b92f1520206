internal import Config
internal import Journal

/// What today cost so far, and what that means for the next turn: pure.
struct SpendBook {
    /// What a limit says to a turn.
    enum Verdict: Equatable {
        case within
        /// The cheaper model answers; the notice is for the person.
        case cheaper(notice: String)
        /// Nothing answers; the sentence is for the person.
        case stop(sentence: String)
    }

    /// A limit that was come near to or reached.
    struct Warning: Equatable {
        /// Empty: the limit of everything together.
        var agent: String
        var spent: Int64
        var limit: Double
        var isReached: Bool
    }

    private let config: SpendConfig
    /// Empty: not read from the journal yet.
    private(set) var day = ""
    private var total: Int64 = 0
    private var byAgent: [String: Int64] = [:]
    /// Attempts of today that have no price.
    private(set) var unpriced = 0

    init(_ config: SpendConfig) {
        self.config = config
    }

    var isNeeded: Bool { config.hasLimits }

    /// What the journal knows of a day; in place of everything that was counted here.
    mutating func read(_ sums: [LedgerSum], day: String) {
        self.day = day
        (total, byAgent, unpriced) = (0, [:], 0)
        for sum in sums { add(sum.cost, agent: sum.agent, unpriced: sum.unpriced) }
    }

    /// An attempt that the journal did not know before.
    mutating func add(_ entry: LedgerEntry) {
        guard entry.day == day else { return }
        add(entry.cost ?? 0, agent: entry.agent, unpriced: entry.cost == nil ? 1 : 0)
    }

    private mutating func add(_ cost: Int64, agent: String, unpriced count: Int) {
        total = Self.sum(total, cost)
        byAgent[agent] = Self.sum(byAgent[agent] ?? 0, cost)
        unpriced += count
    }

    private static func sum(_ first: Int64, _ second: Int64) -> Int64 {
        let (sum, isOver) = first.addingReportingOverflow(second)
        return isOver ? .max : sum
    }

    /// What a turn of this agent may do on this day.
    func verdict(for agent: String, on today: String) -> Verdict {
        guard let reached = limits(of: agent, on: today).first(where: { $0.isReached }) else { return .within }
        let whose = reached.agent.isEmpty ? "Today's budget" : "Today's budget of \(reached.agent)"
        let spent = "\(whose) (\(Money.text(reached.limit))) is spent"
        switch config.then {
        case .cheaper: return .cheaper(notice: "\(spent): \(config.cheaperModel.model) answers until midnight.")
        case .stop:
            return .stop(
                sentence: "\(spent), so I answer again after midnight. The limit is models.spend in clawhold.json."
            )
        }
    }

    /// Everything that the owner should know of today.
    func warnings(on today: String) -> [Warning] {
        ([""] + config.perAgent.keys.sorted()).flatMap { limits(of: $0, on: today) }.reduce(into: []) { list, warning in
            if !list.contains(warning) { list.append(warning) }
        }
    }

    /// The limits that hold for this agent and are warned of or reached.
    private func limits(of agent: String, on today: String) -> [Warning] {
        let isToday = day == today
        var found: [Warning] = []
        func look(_ agent: String, _ spent: Int64, _ limit: Double) {
            let dollars = Double(spent) / 1e9
            guard dollars >= limit * config.warnAt else { return }
            found.append(Warning(agent: agent, spent: spent, limit: limit, isReached: dollars >= limit))
        }
        if let limit = config.perDay { look("", isToday ? total : 0, limit) }
        if !agent.isEmpty, let limit = config.perAgent[agent] { look(agent, isToday ? byAgent[agent] ?? 0 : 0, limit) }
        return found
    }
}
