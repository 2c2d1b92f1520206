internal import Config
internal import IPCControl

/// An amount of memory that the supervisor resolves: a part of the total, at least and at most so much. The plan does not
/// know the machine.
struct MemoryAmount: Sendable, Equatable {
    /// KiB; the whole amount where there is no percentage.
    var leastKB = 0
    /// Of the total of machine or container; 0: fixed.
    var percent = 0
    /// KiB; 0: no bound.
    var mostKB = 0

    init(leastMB: Int = 0, percent: Int = 0, mostMB: Int = 0) {
        leastKB = leastMB * 1024
        self.percent = percent
        mostKB = mostMB * 1024
    }

    /// Mebibytes as a number, or a string such as `30%`; nil for anything else, which the check has reported.
    init?(_ value: ConfigValue?) {
        if let megabytes = value?.integer {
            self.init(leastMB: megabytes)
        } else if let percent = value?.percentage {
            self.init(percent: percent)
        } else {
            return nil
        }
    }

    /// A third more, to put a hard limit above a soft one.
    var thirdMore: MemoryAmount {
        var amount = self
        amount.leastKB = leastKB * 4 / 3
        amount.percent = min(100, percent * 4 / 3)
        return amount
    }

    /// What no worker may have: the kernel's own, the supervisor's, the pages of executable and database.
    static func reserve(_ config: LoadedConfig) -> MemoryAmount {
        MemoryAmount(config.ownValue(["memory", "reserve"])) ?? MemoryAmount(leastMB: 32, percent: 15, mostMB: 512)
    }

    /// As `<name>_KB`, `<name>_PERCENT`, `<name>_MAX_KB`.
    func write(_ name: String, to block: inout Block) {
        block["\(name)_KB"] = String(leastKB)
        if percent > 0 { block["\(name)_PERCENT"] = String(percent) }
        if mostKB > 0 { block["\(name)_MAX_KB"] = String(mostKB) }
    }
}
