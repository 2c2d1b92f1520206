internal import IPCControl

/// What an image does after it took over: its own plan, its own gateway, then the other workers one by one.
///
/// Pure. Ask `next` after each step and whenever something happened; it says what to do, or to wait.
struct Rollout: Equatable {
    /// From the start of the new gateway to its READY.
    static let gatewayLimit = Duration.seconds(2)

    /// What a worker is to a rollout.
    struct Row: Equatable {
        var status: WorkerStatus
        /// Its process is of another build, or it has none and waits to be started.
        var isDue: Bool
    }

    enum Step: Equatable {
        case wait
        /// Replace the worker's process.
        case renew(WorkerID)
        /// The new gateway serves: there is no way back from here.
        case commit(took: Duration?)
        case goBack(String)
        /// This worker of the new build did not get ready; its own policy goes on with it.
        case failed(WorkerID)
        case replaced(WorkerID)
        case finish
    }

    private var stage: Stage
    private let canGoBack: Bool

    private enum Stage: Equatable {
        case planning
        case gateway
        /// The incarnation that goes, and when the one after it began.
        case nextGateway(after: UInt64, startedAt: Instant?)
        case workers
        case worker(WorkerID, after: UInt64)
        case over
    }

    /// - Parameters:
    ///   - needsPlan: wait for `planned` before anything is replaced.
    ///   - canGoBack: there is an image before this one.
    init(needsPlan: Bool, canGoBack: Bool) {
        stage = needsPlan ? .planning : .gateway
        self.canGoBack = canGoBack
    }

    /// Whether the plan that comes next is this one's, to be followed worker by worker.
    var isPlanning: Bool { stage == .planning }

    /// The plan is there.
    mutating func planned() {
        if stage == .planning { stage = .gateway }
    }

    /// When `next` has to be asked although nothing happened.
    var deadline: Instant? {
        guard canGoBack, case .nextGateway(_, let startedAt?) = stage else { return nil }
        return startedAt + Self.gatewayLimit
    }

    mutating func next(_ rows: [Row], now: Instant) -> Step {
        switch stage {
        case .planning, .over: return .wait
        case .gateway: return gateway(rows, now)
        case .nextGateway(let after, let startedAt): return nextGateway(after, startedAt, rows, now)
        case .workers:
            let due = rows.first { $0.isDue && $0.status.id.kind != .gateway && $0.status.pid > 0 }
            guard let due else {
                stage = .over
                return .finish
            }
            stage = .worker(due.status.id, after: due.status.incarnation)
            return .renew(due.status.id)
        case .worker(let id, let after):
            guard let row = rows.first(where: { $0.status.id == id }) else {
                stage = .workers
                return next(rows, now: now)
            }
            return worker(row, after, rows, now)
        }
    }

    private mutating func gateway(_ rows: [Row], _ now: Instant) -> Step {
        guard let status = Self.gateway(rows)?.status, status.state != .stopped else {
            // A person keeps it stopped: nothing to prove.
            stage = .workers
            return .commit(took: nil)
        }
        if rows.contains(where: { $0.isDue && $0.status.id == status.id }) {
            stage = .nextGateway(after: status.incarnation, startedAt: nil)
            return .renew(status.id)
        }
        // Started by this image already.
        stage = .nextGateway(after: status.incarnation - min(1, status.incarnation), startedAt: nil)
        return nextGateway(status.incarnation - min(1, status.incarnation), nil, rows, now)
    }

    private mutating func nextGateway(_ after: UInt64, _ began: Instant?, _ rows: [Row], _ now: Instant) -> Step {
        guard let status = Self.gateway(rows)?.status, status.state != .stopped else {
            stage = .workers
            return .commit(took: nil)
        }
        guard status.incarnation > after else { return .wait }
        // Of all its starts, if the first fails.
        let startedAt = began ?? status.since
        if status.state == .ready {
            stage = .workers
            return .commit(took: now - startedAt)
        }
        stage = .nextGateway(after: after, startedAt: startedAt)
        guard canGoBack, now >= startedAt + Self.gatewayLimit else { return .wait }
        stage = .over
        let death = status.pid == 0 ? status.lastDeath.map { " (\($0.text))" } : nil
        return .goBack("its gateway was not ready within \(Self.gatewayLimit.inWords)\(death ?? "")")
    }

    private mutating func worker(_ row: Row, _ after: UInt64, _ rows: [Row], _ now: Instant) -> Step {
        switch row.status.state {
        case .ready where row.status.incarnation > after:
            stage = .workers
            return .replaced(row.status.id)
        case .ready, .starting, .draining: return .wait
        case .stopped:
            // A person wanted it so meanwhile.
            stage = .workers
            return next(rows, now: now)
        case .backoff, .quarantined, .parked:
            stage = .workers
            return .failed(row.status.id)
        }
    }

    private static func gateway(_ rows: [Row]) -> Row? { rows.first { $0.status.id.kind == .gateway } }
}
