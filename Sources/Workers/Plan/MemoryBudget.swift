internal import Config
internal import IPCControl

/// Anonymous and kernel memory of a worker, in KiB.
struct MemoryBudget: Sendable, Equatable {
    /// Drained and replaced between two messages.
    var softKB: Int
    /// Killed inside its group.
    var hardKB: Int
    /// Below this it is parked rather than started.
    var floorKB: Int
    /// Who gives way first when the machine is too small: the smaller one.
    var weight: Int

    /// Sized by what each kind is for: an agent holds histories and images, a channel holds one connection.
    static func standard(_ kind: WorkerKind) -> MemoryBudget {
        let (soft, hard, floor, weight) =
            switch kind {
            case .gateway: (96, 128, 48, 100)
            case .agent: (96, 128, 48, 90)
            case .model: (64, 96, 32, 60)
            case .channel: (64, 96, 32, 50)
            case .tunnel: (96, 128, 32, 40)
            case .sidecar: (192, 256, 32, 20)
            case .tool: (192, 256, 32, 10)
            }
        return MemoryBudget(softKB: soft * 1024, hardKB: hard * 1024, floorKB: floor * 1024, weight: weight)
    }

    /// The standard one with what `clawhold.json` says about the kind, then about this worker.
    static func of(_ id: WorkerID, config: LoadedConfig, extra: ConfigPath? = nil) -> MemoryBudget {
        var budget = standard(id.kind)
        let workers: ConfigPath = ["memory", "workers"]
        for path in [workers + id.kind.rawValue, workers + id.rawValue] + (extra.map { [$0] } ?? []) {
            let soft = config.ownValue(path + "soft")?.integer
            let hard = config.ownValue(path + "hard")?.integer
            if let hard { budget.hardKB = hard * 1024 }
            // A hard limit alone keeps the standard distance between the two.
            if let soft { budget.softKB = soft * 1024 } else if hard != nil { budget.softKB = budget.hardKB * 3 / 4 }
            if let soft, hard == nil, soft * 1024 > budget.hardKB { budget.hardKB = soft * 1024 * 4 / 3 }
        }
        budget.softKB = min(budget.softKB, budget.hardKB)
        budget.floorKB = min(budget.floorKB, budget.hardKB)
        return budget
    }
}
