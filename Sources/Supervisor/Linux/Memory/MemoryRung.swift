/// How memory budgets are enforced here.
package enum MemoryRung: String, Hashable, Sendable, CaseIterable {
    /// One v2 group per worker limits its memory and its tasks and is killed as a whole.
    case cgroupV2 = "cgroup v2"
    /// The limit is a v1 memory group; killing all of a worker goes through the v2 tree where there is one.
    case cgroupV1 = "cgroup v1"
    /// No writable memory group: RLIMIT_DATA, and sampling by the supervisor.
    case processLimit = "rlimit"
}
