internal import CLinux
internal import Glibc
internal import IPCControl

/// The supervisor: one thread, one epoll, around the policy's tree.
///
/// Whatever happens becomes an event for the tree; what the tree answers is done before the next event is looked at.
/// Nothing in here waits for a worker, for a client or for its own output.
final class Supervisor {
    let arguments: [String]
    let environment: Environment
    let poller: Poller
    let spawner: ProcessSpawner
    let log: LogWriter
    let startedAt: Instant
    let hubKey: [UInt8]

    var tree: SupervisorTree
    var plan: Plan?
    var planning: Planning?
    /// Another plan was asked for while one was being made.
    var isPlanWanted = false
    var site: Site?
    var processes: [WorkerID: WorkerProcess] = [:]
    var feed = GatewayFeed()
    var control = ControlClients()
    var events = EventLog()
    /// More have died than one turn buries.
    var isReaping = false
    /// The control socket's in the poll.
    var controlToken: UInt64?
    /// The service manager, where there is one.
    var service: ServiceLink?
    /// What it handed to us, until the first plan says what of it is of use.
    var inherited: InheritedListeners?
    /// A new executable that proves itself.
    var upgrade: Upgrade?
    /// What this image does after it took over from another.
    var rollout: RolloutRun?
    /// The result, once there is one.
    var exitCode: Int32?

    private let signals: SignalSource
    private let timer: DeadlineTimer
    private var armed: Instant?
    private var sources: [UInt64: Source] = [:]
    private var nextToken: UInt64 = 0
    private var blockedOutput: (fd: Int32, token: UInt64)?

    /// What a polled descriptor is.
    enum Source {
        case signals
        case timer
        case logOutput
        case plan
        case lifeline(WorkerID)
        case output(WorkerID, isError: Bool)
        case readyProbe(WorkerID)
        case softLimit(WorkerID)
        case taskLimit(WorkerID)
        case control
        case client(UInt64)
        case selfCheck
    }

    /// - Parameter head: of the image before, at an upgrade.
    init(
        arguments: [String],
        environment: Environment,
        output: Int32,
        after head: UpgradeState.Head? = nil
    ) throws(Errno) {
        startedAt = head?.startedAt ?? .now()
        self.arguments = arguments
        self.environment = environment
        // What it handed to the image before is among its listeners.
        inherited = head == nil ? InheritedListeners { environment[$0] } : nil
        service = ServiceLink(environment)
        // Before anything else: as PID 1 a TERM that comes earlier is lost.
        signals = try SignalSource()
        poller = try Poller()
        timer = try DeadlineTimer()
        spawner = try ProcessSpawner()
        log = LogWriter(output: output)
        if LogOutput.isJournal(output, environment["JOURNAL_STREAM"]) { log.use(.journal) }
        var key = head?.hubKey ?? [UInt8](repeating: 0, count: 32)
        if head == nil { try Errno.check(clinux_getrandom(&key, key.count), "getrandom") }
        hubKey = key
        let seed = key.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        tree = SupervisorTree(seed: SHA256.hash(key).prefix(8).reduce(seed) { $0 << 8 ^ UInt64($1) }, now: startedAt)
        _ = clinux_set_not_dumpable()
        if getpid() != 1 { try Reaper.becomeSubreaper() }
        var limit: UInt64 = 0
        _ = clinux_raise_file_limit(65_536, &limit)
        log.follower = { [unowned self] line in control.tell(line) }
    }

    /// Runs until the tree is empty or the start has failed.
    func run() -> Int32 {
        do {
            try watch(signals.fd, .read, .signals)
            try watch(timer.fd, .read, .timer)
        } catch {
            log.say("cannot start: \(error)")
            log.finish(within: 200)
            return 71
        }
        if site == nil { startPlanning() }
        while exitCode == nil {
            finishTurn()
            guard exitCode == nil, let happened = try? poller.wait() else { continue }
            for event in happened { handle(event) }
        }
        shutDown()
        return exitCode ?? 0
    }

    /// Adds a descriptor to the poll; the token names this one use of it.
    @discardableResult
    func watch(_ fd: Int32, _ readiness: Readiness, _ source: Source) throws(Errno) -> UInt64 {
        nextToken += 1
        sources[nextToken] = source
        do {
            try poller.add(fd, readiness, token: nextToken)
        } catch {
            sources[nextToken] = nil
            throw error
        }
        return nextToken
    }

    func unwatch(_ fd: Int32, token: UInt64) {
        sources[token] = nil
        try? poller.remove(fd)
    }

    /// Hands an event to the tree and does what it answers, and what comes of that.
    func happen(_ event: SupervisorEvent) {
        var queue = [event]
        var next = 0
        while next < queue.count {
            let effects = tree.handle(queue[next], at: .now())
            var dead: (id: WorkerID, incarnation: UInt64)?
            for effect in effects {
                if case .died(let id, let incarnation, let death) = effect {
                    feed.died(id, incarnation, death)
                    dead = (id, incarnation)
                    tell(death, of: id, incarnation, effects)
                } else if case .say(let id?, let text) = effect, let dead, id == dead.id {
                    // About the dead one, although the next may have its number already.
                    log.say(text)
                    tell(id, dead.incarnation, text)
                } else if let answer = perform(effect) {
                    queue.append(answer)
                }
            }
            next += 1
        }
    }

    func perform(_ effect: SupervisorEffect) -> SupervisorEvent? {
        switch effect {
        case .spawn(let id, let incarnation): return spawn(id, incarnation)
        case .drain(let id, let incarnation, let by, let reason): drain(id, incarnation, by, reason)
        case .kill(let id, let incarnation): kill(id, incarnation)
        case .limit(let id, let incarnation, let hardKB, _): return limit(id, incarnation, hardKB: hardKB)
        case .shed(let id, let incarnation): shed(id, incarnation)
        case .died: break
        case .changed(let id):
            feed.changed(id)
            service?.isOutdated = true
        case .gone(let id):
            feed.gone(id)
            service?.isOutdated = true
            log.forget(id)
        case .say(let id, let text):
            log.say(text)
            if let id { tell(id, tree.status(of: id)?.incarnation ?? 0, text) } else { tell(nil, 0, text) }
        case .finished: exitCode = 0
        }
        return nil
    }

    /// Tells of a death, unless what is said about it names the cause too.
    private func tell(
        _ death: CauseOfDeath,
        of id: WorkerID,
        _ incarnation: UInt64,
        _ effects: [SupervisorEffect]
    ) {
        let isSaid = effects.contains { effect in
            if case .say(id, let text) = effect { text.contains(death.text) } else { false }
        }
        guard !isSaid else { return }
        tell(id, incarnation, "\(death.cause == .stopped ? "ended" : "died"): \(death.text)")
    }

    private func tell(_ id: WorkerID?, _ incarnation: UInt64, _ text: String) {
        let entry = EventLog.Entry(
            atMilliseconds: LogWriter.wallMilliseconds(),
            id: id,
            incarnation: incarnation,
            text: log.redactor.clean(text)
        )
        events.append(entry)
        control.tell(entry)
    }

    private func handle(_ event: Poller.Event) {
        // A token that is gone: the descriptor was closed earlier in this turn.
        guard let source = sources[event.token] else { return }
        switch source {
        case .signals: readSignals()
        case .timer:
            _ = timer.acknowledge()
            guard isReaping else { return }
            isReaping = false
            reap()
        case .logOutput: log.flush()
        case .plan: readPlan()
        case .lifeline(let id): readLifeline(id, event.readiness)
        case .output(let id, let isError): readOutput(id, isError: isError)
        case .readyProbe(let id): readyProbeAnswered(id)
        case .softLimit(let id): softLimitReached(id)
        case .taskLimit(let id): taskLimitReached(id)
        case .control: acceptClients()
        case .client(let number): serve(number, event.readiness)
        case .selfCheck: readSelfCheck()
        }
    }

    private func readSignals() {
        while let delivery = (try? signals.next()) ?? nil {
            switch delivery.signal {
            case SIGCHLD: reap()
            case SIGTERM, SIGINT, SIGQUIT: terminate(Signal.name(delivery.signal))
            case SIGHUP: reload()
            default: break
            }
        }
    }

    /// TERM before the first worker ends the start.
    func terminate(_ reason: String) {
        log.say("\(reason): shutting down")
        if site == nil {
            abandonPlanning()
            exitCode = 0
        } else {
            service?.isOutdated = true
            happen(.terminate)
        }
    }

    /// What is done once per turn of the loop: clock, output, feeds, the next alarm.
    private func finishTurn() {
        let now = Instant.now()
        checkPlanning(now)
        probeForeign(now)
        advanceUpgrade(now)
        advanceRollout(now)
        if let due = tree.nextDeadline, due <= now { happen(.tick) }
        tellGateway()
        checkClients(now)
        flushClients()
        tellService(now)
        log.flush()
        watchOutput()
        let deadlines = [
            tree.nextDeadline, planning?.deadline, control.deadline, probeDeadline, service?.deadline,
            isReaping ? now : nil, upgradeDeadline, rollout?.machine.deadline, nextMemoryLook,
        ]
        let next = deadlines.compactMap { $0 }.min()
        if next != armed {
            armed = next
            try? timer.set(next)
        }
    }

    /// Polls our own output only while it is blocked.
    private func watchOutput() {
        let wanted = log.isBlocked ? log.outputFD : nil
        guard wanted != blockedOutput?.fd else { return }
        if let watched = blockedOutput { unwatch(watched.fd, token: watched.token) }
        blockedOutput = nil
        // Refused for a regular file, which is never blocked.
        if let wanted, let token = try? watch(wanted, .write, .logOutput) { blockedOutput = (wanted, token) }
    }

    private func shutDown() {
        tellService(.now())
        if let site {
            killOrphans()
            site.ladder.shutDown()
            site.directory.removeSockets()
            RuntimePointer.remove(from: site.stateDirectory)
            log.say("stopped")
        }
        tellGateway()
        flushClients()
        log.finish(within: 200)
    }
}
