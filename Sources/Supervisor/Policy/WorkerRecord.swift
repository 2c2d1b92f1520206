package import IPCControl

/// All that the policy remembers of one worker.
struct WorkerRecord: Sendable, Equatable {
    var spec: WorkerSpec
    var phase = Phase.stopped
    var since: Instant
    /// The newest incarnation there was; numbers only grow, also over removal from the plan.
    var incarnation: UInt64
    /// A person stopped it: only a person, or a new plan without it, changes that.
    var isHeld = false
    /// It left the plan and goes as soon as its process is gone.
    var isRemoved = false
    /// Unasked restarts since the supervisor started.
    var restarts = 0
    var backoff: Backoff
    /// Before this moment the gateway's START waits: the worker left too soon after its last one.
    var restUntil: Instant?
    /// Its quarantine is half open: this one attempt decides.
    var isProbing = false
    /// The start that it waits for is an unasked one, to be paid from the tree's budget.
    var isRestart = false
    var pressure = SoftPressure()
    var history = FailureHistory()
    var lastDeath: CauseOfDeath?
    var diedAt: Instant?
    /// The living incarnation's own STATUS, or why it is parked. The words of its last death are in `lastDeath`.
    var text = ""
    /// The limits of the living incarnation, or what the next one would get.
    var grant = MemoryGrant()
    /// The limit in force is another one than was asked for.
    var isLimitOwed = false
    /// Why this incarnation of the gateway runs in safe mode; nil outside of it and for every other worker.
    var safeReason: String?
    var usedKB: Int64 = 0
    var peakKB: Int64 = 0

    init(spec: WorkerSpec, after incarnation: UInt64, now: Instant) {
        self.spec = spec
        self.incarnation = incarnation
        since = now
        backoff = Self.newBackoff(spec, now)
    }

    /// What the worker is doing.
    enum Phase: Sendable, Equatable {
        case stopped
        case starting(Life)
        case ready(Life)
        case draining(Life, Ending)
        case backoff(until: Instant)
        case quarantined(probeAt: Instant)
        /// Its configuration cannot work.
        case parked
        /// Its floor does not fit beside the others.
        case parkedForMemory
        /// Admitted; another worker must be ready first, or the moment has come.
        case waiting(until: Instant)
    }

    /// One process.
    struct Life: Sendable, Equatable {
        var pid: Int32 = 0
        var startedAt: Instant
        var readyAt: Instant?
        var liveness: Liveness
    }

    /// How a life is being ended and what comes after it.
    struct Ending: Sendable, Equatable {
        var reason: Reason
        var next: Next
        var killAt: Instant
        var isKilled = false
        /// Words for the death when the supervisor itself caused it.
        var text = ""

        enum Reason: String, Sendable { case asked, left, fatal, watchdog }
        enum Next: String, Sendable {
            case stop
            case start
            case park
            case policy
        }
    }

    /// The process, if there is one.
    var life: Life? {
        switch phase {
        case .starting(let life), .ready(let life), .draining(let life, _): life
        case .stopped, .backoff, .quarantined, .parked, .parkedForMemory, .waiting: nil
        }
    }

    /// The next moment at which something must be looked at.
    var deadline: Instant? {
        switch phase {
        case .starting(let life): spec.isForeign && spec.readySign == nil ? nil : life.liveness.lookAt
        case .ready(let life): spec.isForeign ? nil : life.liveness.lookAt
        case .draining(_, let ending): ending.isKilled ? nil : ending.killAt
        case .backoff(let until), .waiting(let until): until
        case .quarantined(let probeAt): probeAt
        case .stopped, .parked, .parkedForMemory: nil
        }
    }

    mutating func enter(_ phase: Phase, now: Instant) {
        self.phase = phase
        since = now
    }

    mutating func forgetFailures(now: Instant) {
        history = FailureHistory()
        backoff = Self.newBackoff(spec, now)
        pressure.reset()
        restUntil = nil
        isProbing = false
    }

    /// Never parked for memory: without them nothing else is of use.
    var isEssential: Bool { spec.id.kind == .gateway || spec.id.kind == .agent }

    /// Whether it starts when something else has happened.
    var isWaiting: Bool {
        switch phase {
        case .waiting, .parkedForMemory: true
        case .stopped, .starting, .ready, .draining, .backoff, .quarantined, .parked: false
        }
    }

    /// Whether memory is kept for it: it lives, or comes back without being asked.
    var isCounted: Bool {
        switch phase {
        case .starting, .ready, .draining, .backoff, .quarantined, .waiting: true
        case .stopped, .parked, .parkedForMemory: false
        }
    }

    /// The limits that follow from a share of the memory.
    func grant(of amountKB: Int64, totalKB: Int64?) -> MemoryGrant {
        let wantedKB = spec.memory.hard.resolved(totalKB: totalKB)
        let softKB = spec.memory.soft?.resolved(totalKB: totalKB)
        guard wantedKB > 0 else { return MemoryGrant(hardKB: 0, softKB: softKB ?? 0) }
        // The distance between the two shrinks with them.
        let shrunkKB = softKB.map { amountKB < wantedKB ? $0 * amountKB / wantedKB : $0 } ?? amountKB / 4 * 3
        return MemoryGrant(hardKB: amountKB, softKB: min(shrunkKB, amountKB))
    }

    private static func newBackoff(_ spec: WorkerSpec, _ now: Instant) -> Backoff {
        Backoff(
            cap: spec.id.kind == .gateway ? PolicyTiming.gatewayBackoffCap : PolicyTiming.backoffCap,
            now: now
        )
    }
}

/// One worker as `ps` and the gateway see it.
package struct WorkerStatus: Sendable, Equatable {
    package var id: WorkerID
    package var state: WorkerPhase
    package var incarnation: UInt64
    /// 0 without a process.
    package var pid: Int32
    /// When the state began.
    package var since: Instant
    package var restarts: Int
    package var usedKB: Int64
    package var peakKB: Int64
    /// The limits in force.
    package var grant = MemoryGrant()
    /// Why the gateway runs in safe mode: health and user interface, nothing is dispatched. nil outside of it.
    package var safeReason: String?
    package var lastDeath: CauseOfDeath?
    package var diedAt: Instant?
    /// When it is started again, of a worker in back-off or quarantine.
    package var nextTry: Instant?
    package var text: String
}

/// The states of DESIGN section 4.
package enum WorkerPhase: String, Sendable {
    case stopped
    case starting
    case ready
    case draining
    case backoff
    case quarantined
    case parked
}

extension WorkerRecord {
    var status: WorkerStatus {
        WorkerStatus(
            id: spec.id,
            state: publicPhase,
            incarnation: incarnation,
            pid: life?.pid ?? 0,
            since: since,
            restarts: restarts,
            usedKB: usedKB,
            peakKB: peakKB,
            grant: grant,
            safeReason: safeReason,
            lastDeath: lastDeath,
            diedAt: diedAt,
            nextTry: nextTry,
            text: text
        )
    }

    private var nextTry: Instant? {
        switch phase {
        case .backoff(let until): until
        case .quarantined(let probeAt): probeAt
        case .stopped, .starting, .ready, .draining, .parked, .parkedForMemory, .waiting: nil
        }
    }

    var publicPhase: WorkerPhase {
        switch phase {
        case .stopped: .stopped
        case .starting: .starting
        case .ready: .ready
        case .draining: .draining
        case .backoff, .waiting: .backoff
        case .quarantined: .quarantined
        case .parked, .parkedForMemory: .parked
        }
    }
}
