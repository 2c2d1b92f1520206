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
    package var restart: RestartMode
    /// Of a foreign program; nil: it is ready as soon as it runs.
    package var readySign: ReadySign?
    /// Has no lifeline: shows in another way that it is ready, drained by SIGTERM, never missed for its heartbeat.
    package var isForeign: Bool { id.kind == .sidecar }
    /// How long a start may take until it is ready.
    package var startDeadline: Duration {
        readySign == nil ? PolicyTiming.startDeadline : PolicyTiming.foreignStartDeadline
    }

    package init(
        id: WorkerID,
        start: StartMode,
        revision: String,
        memory: MemoryTerms = .init(),
        after: [WorkerID] = [],
        restart: RestartMode = .always,
        readySign: ReadySign? = nil
    ) {
        self.id = id
        self.start = start
        self.revision = revision
        self.memory = memory
        self.after = after
        self.restart = restart
        self.readySign = readySign
    }
}

/// What comes after an end that nobody asked for. A start that failed before the program ran is always tried again.
package enum RestartMode: String, Sendable {
    case always
    /// After exit code 0 it stays stopped.
    case onFailure = "on-failure"
    /// It runs once: stopped after exit code 0, else parked.
    case never
}

/// How a foreign program, which says no READY, shows that it is ready.
package enum ReadySign: Sendable, Equatable, CustomStringConvertible {
    /// A line of its output contains this.
    case line(String)
    /// 127.0.0.1 accepts connections there.
    case port(UInt16)

    package var description: String {
        switch self {
        case .line(let text): "no line of its output contains \"\(text)\""
        case .port(let port): "127.0.0.1:\(port) accepts no connection"
        }
    }
}

/// When a worker is meant to live.
package enum StartMode: String, Sendable {
    /// Always.
    case permanent
    /// From a START command until it leaves.
    case demand
}
