internal import Config
internal import IPCControl

/// Anonymous and kernel memory of a worker. The reasons for the figures: decision 0081.
struct MemoryBudget: Sendable, Equatable {
    /// Killed inside its group.
    var hard: MemoryAmount
    /// Asked to shed, then replaced between two messages; nil: three quarters of the hard limit.
    var soft: MemoryAmount?
    /// Below this it is parked rather than started.
    var floorKB: Int
    /// Who gives way first when the machine is too small: the smaller one.
    var weight: Int

    /// Sized by what each kind is for: an agent holds histories and images, a channel holds one connection. The shares of
    /// gateway, one agent, two channels and two providers are 85 % of the total, which with the reserve is all of it.
    static func standard(_ kind: WorkerKind) -> MemoryBudget {
        let (percent, least, most, floor, weight) =
            switch kind {
            case .gateway: (20, 96, 512, 32, 100)
            case .agent: (25, 96, 1024, 32, 90)
            case .model: (10, 64, 256, 16, 60)
            case .channel: (10, 64, 256, 16, 50)
            case .tunnel: (10, 64, 256, 16, 40)
            case .sidecar: (20, 128, 1024, 16, 20)
            case .tool: (25, 128, 2048, 16, 10)
            }
        let hard = MemoryAmount(leastMB: least, percent: percent, mostMB: most)
        return MemoryBudget(hard: hard, floorKB: floor * 1024, weight: weight)
    }

    /// The standard one with what `clawhold.json` says about the kind, then about this worker.
    static func of(_ id: WorkerID, config: LoadedConfig, extra: ConfigPath? = nil) -> MemoryBudget {
        var budget = standard(id.kind)
        let workers: ConfigPath = ["memory", "workers"]
        for path in [workers + id.kind.rawValue, workers + id.rawValue] + (extra.map { [$0] } ?? []) {
            let hard = MemoryAmount(config.ownValue(path + "hard"))
            let soft = MemoryAmount(config.ownValue(path + "soft"))
            if let hard {
                budget.hard = hard
                // A hard limit alone keeps the standard distance between the two.
                budget.soft = soft
            } else if let soft {
                budget.soft = soft
                budget.raiseHard(above: soft)
            }
        }
        return budget
    }

    /// A soft limit alone lifts the hard one where it would be in the way.
    private mutating func raiseHard(above soft: MemoryAmount) {
        let wanted = soft.thirdMore
        if wanted.percent > hard.percent {
            hard.percent = wanted.percent
            hard.mostKB = 0
        }
        hard.leastKB = max(hard.leastKB, wanted.leastKB)
        if hard.mostKB > 0 { hard.mostKB = max(hard.mostKB, hard.leastKB) }
    }
}
