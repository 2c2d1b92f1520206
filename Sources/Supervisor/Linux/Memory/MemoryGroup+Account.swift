extension MemoryGroup {
    /// What the next image of this supervisor has to know of a group: where it is, it can tell by its name.
    struct Account: Sendable, Equatable, Carried {
        var hardLimitBytes: Int64?
        var peakBytes: Int64 = 0
        var limitsTasks = false
        /// The eventfd of the notices, on loan, -1 without; it stays registered.
        var notices: Int32 = -1
        var noticesTotal: UInt64 = 0
        var machineKills: UInt64?
        var condemnedAt: Int64?
        /// The group's own counters at the sample before the last.
        var ownHits: UInt64?
        var ownKills: UInt64?
        /// The user of this worker alone.
        var uid: UInt32?

        /// What has to survive exec.
        var descriptors: [Int32] { notices < 0 ? [] : [notices] }

        mutating func carry(_ fields: inout StateFields) throws(StateError) {
            try fields.carry("HARD_BYTES", &hardLimitBytes)
            try fields.carry("PEAK_BYTES", &peakBytes)
            try fields.carry("LIMITS_TASKS", &limitsTasks)
            try fields.carry("NOTICES", &notices)
            try fields.carry("NOTICES_TOTAL", &noticesTotal)
            try fields.carry("MACHINE_KILLS", &machineKills)
            try fields.carry("CONDEMNED_AT", &condemnedAt)
            try fields.carry("OWN_HITS", &ownHits)
            try fields.carry("OWN_KILLS", &ownKills)
            try fields.carry("OWN_UID", &uid)
        }
    }
}

extension CgroupLayout: Carried {
    package mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry("MEMORY_V1", &memoryV1)
        try fields.carry("UNIFIED", &unified)
        try fields.carry("PIDS_V1", &pidsV1)
    }
}
