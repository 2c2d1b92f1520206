package import IPCControl

/// What the policy must know of a worker. The plan's other columns (configuration, secrets, arguments) never reach it.
package struct WorkerSpec: Sendable, Equatable {
    package var id: WorkerID
    package var start: StartMode
    /// Changes exactly when the worker's configuration or secrets do. A worker is restarted or un-parked for nothing
    /// else.
    package var revision: String
    package var memory: MemoryTerms
    /// Workers that must be ready before this one is started; waited for no longer than a start may take.
    package var after: [WorkerID]
    /// Has no lifeline: ready as soon as it is started, drained by SIGTERM, never missed for its heartbeat.
    package var isForeign: Bool { id.kind == .sidecar }

    package init(
        id: WorkerID,
        start: StartMode,
        revision: String,
        memory: MemoryTerms = .init(),
        after: [WorkerID] = []
    ) {
        self.id = id
        self.start = start
        self.revision = revision
        self.memory = memory
        self.after = after
    }
}

/// When a worker is meant to live.
package enum StartMode: String, Sendable {
    /// Always.
    case permanent
    /// From a START command until it leaves.
    case demand
}
