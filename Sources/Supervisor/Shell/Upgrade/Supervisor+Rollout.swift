internal import Glibc
internal import IPCControl

/// Live upgrade, third part: what the new image does before it is trusted, and after.
final class RolloutRun {
    var machine: Rollout
    /// The image before this one, until this one's gateway serves.
    var previous: Descriptor?
    /// The plan that the image before went by.
    let oldPlan: Plan
    /// Why the image after this one was left.
    let failure: String?
    /// Workers that did not get ready.
    var failed: [WorkerID] = []

    init(_ machine: Rollout, previous: consuming Descriptor?, oldPlan: Plan, failure: String?) {
        self.machine = machine
        self.previous = previous
        self.oldPlan = oldPlan
        self.failure = failure
    }
}

extension Supervisor {
    func beginRollout(_ state: UpgradeState, _ handover: Handover) {
        let failure = handover.failure ?? state.head.failure
        let isBack = failure != nil
        if let failure {
            report("the upgrade failed: \(failure); back to build \(Build.id), PID \(getpid())")
        } else {
            report("upgrade: this is build \(Build.id) now, PID \(getpid()); before: \(state.head.build)")
        }
        let previous = handover.releasePrevious()
        let canGoBack = !isBack && previous != nil
        rollout = RolloutRun(
            Rollout(needsPlan: !isBack, canGoBack: canGoBack),
            previous: previous,
            oldPlan: state.plan,
            failure: failure
        )
        // The new gateway has to be given what the new build's planner makes of the configuration.
        if !isBack { startPlanning() }
    }

    /// Once per turn of the loop.
    func advanceRollout(_ now: Instant) {
        while let rollout {
            guard !tree.isShuttingDown else {
                self.rollout = nil
                finishUpgrade(error: "the gateway is shutting down")
                return
            }
            switch rollout.machine.next(rolloutRows, now: now) {
            case .wait: return
            case .renew(let id): renew(id)
            case .commit(let took):
                rollout.previous = nil
                if let took { report("upgrade: the gateway is ready after \(took.inWords)") }
            case .goBack(let reason):
                goBack(reason)
                return
            case .failed(let id):
                rollout.failed.append(id)
                report("error: upgrade: \(id) did not get ready; it is tried again as after any failure")
            case .replaced(let id): report("upgrade: \(id) is replaced")
            case .finish: finishRollout(rollout)
            }
        }
    }

    private var rolloutRows: [Rollout.Row] {
        tree.statuses.map { status in
            guard let process = processes[status.id] else {
                return .init(status: status, isDue: status.state == .backoff)
            }
            return .init(status: status, isDue: process.build.map { $0 != Build.id } ?? false)
        }
    }

    private func renew(_ id: WorkerID) {
        guard let spec = plan?.worker(id)?.spec else {
            happen(.stop(id))
            return
        }
        report("upgrade: \(id) is being replaced")
        happen(.renew(spec, by: id.kind == .gateway ? PolicyTiming.stopBy : PolicyTiming.softBy))
    }

    private func finishRollout(_ run: RolloutRun) {
        rollout = nil
        // Who is new in the plan, and who is gone from it.
        if let plan { happen(.planned(plan.workers.map(\.spec), reserve: plan.reserve)) }
        if let failure = run.failure {
            report("back on build \(Build.id)")
            finishUpgrade(error: "\(failure)\nThe build before serves on: \(Build.id), PID \(getpid()).")
        } else if run.failed.isEmpty {
            report("upgrade complete")
            finishUpgrade()
        } else {
            let names = run.failed.map(\.rawValue).joined(separator: ", ")
            report("upgrade complete, but not ready: \(names)")
            finishUpgrade(error: "the new build serves, but these are not ready: \(names)\nSee:  clawhold ps")
        }
    }

    /// Executes the image before this one. Returns when that is impossible.
    func goBack(_ reason: String) {
        guard let rollout, let previous = rollout.previous.take() else { return }
        report("error: the upgrade failed: \(reason); executing the build before")
        abandonPlanning()
        // Its gateway is nobody's to be asked: the old one shall start at once.
        if let gateway = processes.values.first(where: { $0.id.kind == .gateway && $0.build == Build.id }) {
            if let spec = rollout.oldPlan.worker(gateway.id)?.spec { happen(.renew(spec, by: .zero)) }
            kill(gateway.id, gateway.incarnation)
        }
        flushClients()
        log.flush()
        do {
            var state = snapshot()
            state.plan = rollout.oldPlan
            state.head.failure = reason
            let file = try StateFile.make(try state.encoded())
            throw Handover.execute(
                previous.raw,
                state: file.raw,
                previous: -1,
                keeping: state.descriptors,
                environment
            )
        } catch {
            report("error: the build before cannot be executed: \(error); this one goes on")
            self.rollout = nil
            finishUpgrade(error: "\(reason), and the build before cannot be executed: \(error)")
        }
    }
}
