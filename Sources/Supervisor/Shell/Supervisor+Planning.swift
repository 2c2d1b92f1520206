internal import Glibc
internal import IPCControl

/// A plan role at work.
final class Planning {
    /// A planner reads a few files; one that takes longer hangs (a dead network file system) and is killed.
    static let limit = Duration.seconds(10)

    let pid: Int32
    let lifeline: Descriptor
    let token: UInt64
    let deadline: Instant
    var decoder = BlockDecoder()
    var reader = PlanReader()
    var failure: String?
    /// Whether END was read.
    var isComplete = false

    init(pid: Int32, lifeline: consuming Descriptor, token: UInt64, now: Instant) {
        self.pid = pid
        self.lifeline = lifeline
        self.token = token
        deadline = now + Self.limit
    }
}

extension Descriptor {
    /// Takes O_NONBLOCK off an end that is about to be given away.
    fileprivate borrowing func setBlocking() throws(Errno) {
        let raw = raw
        let flags = try Errno.retrying("fcntl") { fcntl(raw, F_GETFL) }
        try Errno.retrying("fcntl") { fcntl(raw, F_SETFL, flags & ~O_NONBLOCK) }
    }
}

extension Supervisor {
    /// Makes a new plan; the workers follow it once it is complete.
    func replan() {
        guard !tree.isShuttingDown else { return }
        guard planning == nil else {
            isPlanWanted = true
            return
        }
        guard site != nil else { return }
        log.say("reading the configuration again", subsystem: "config")
        startPlanning()
    }

    /// HUP: be what is on the disk, configuration and program. An upgrade reads the configuration, too.
    func reload() {
        if site != nil, !tree.isShuttingDown, upgrade == nil, rollout == nil,
            NewExecutable.isReplaced(running: spawner.ownExecutable)
        {
            do {
                try startUpgrade(nil)
                return
            } catch {
                log.say("error: \(NewExecutable.own) was replaced, but there is no upgrade: \(error)")
            }
        }
        replan()
    }

    func startPlanning() {
        do {
            let pair = try SocketPair()
            let request = SpawnRequest(
                executable: .descriptor(spawner.ownExecutable),
                arguments: ["clawhold: plan", "plan"] + arguments,
                environment: environment.forPlanner,
                // Its standard output is ours for words to the operator, which are standard error's.
                descriptors: [-1, 2, 2, pair.theirs.raw],
                directory: nil,
                stackLimitBytes: 8 << 20,
                // It becomes the owner of the state directory by itself, before it parses anything: which directory
                // that is, it has to find out first.
                dropsPrivileges: false
            )
            // It writes with plain calls; only our end must never block.
            try pair.theirs.setBlocking()
            let process = try spawner.spawn(request)
            let fd = pair.ours.raw
            let token = try watch(fd, .read, .plan)
            planning = Planning(pid: process.pid, lifeline: pair.ours, token: token, now: .now())
        } catch {
            planningFailed("the planner could not be started: \(error)", code: 71)
            return
        }
        // The planner reads files meanwhile; nobody's budget shall be charged for the pages of the executable.
        if site == nil { _ = try? spawner.warmExecutable() }
    }

    func readPlan() {
        guard let planning else { return }
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        let count = chunk.withUnsafeMutableBytes { (try? planning.lifeline.read(into: $0)) ?? nil }
        guard let count else { return }
        planning.decoder.append(chunk.prefix(count))
        do {
            while !planning.isComplete, let block = try planning.decoder.next() {
                let plan = try planning.reader.read(block)
                if let format = planning.reader.logFormat { log.use(format) }
                for notice in planning.reader.takeNotices() { say(notice) }
                if let plan { complete(plan) }
            }
        } catch {
            planning.failure = "the planner wrote nonsense: \(error)"
            _ = Glibc.kill(planning.pid, SIGKILL)
            unwatch(planning.lifeline.raw, token: planning.token)
            return
        }
        // Its exit code, at its SIGCHLD, says why there is no END.
        if count == 0 { unwatch(planning.lifeline.raw, token: planning.token) }
    }

    private func say(_ notice: PlanReader.Notice) {
        let mark =
            switch notice.level {
            case "warn", "warning": "warning: "
            case "error": "error: "
            default: ""
            }
        log.say(mark + notice.text, subsystem: "config")
    }

    /// The plan counts from here on, whatever becomes of its process.
    private func complete(_ new: Plan) {
        planning?.isComplete = true
        if site == nil {
            open(new)
        } else {
            follow(new)
        }
    }

    /// The planner has exited.
    func plannerExited(_ facts: ExitFacts) {
        guard let planning else { return }
        if !planning.isComplete { readPlanToEnd() }
        unwatch(planning.lifeline.raw, token: planning.token)
        self.planning = nil
        if !planning.isComplete {
            let words = planning.failure ?? "the planner ended without a plan (\(facts))"
            planningFailed(words, code: facts.exitCode.flatMap { $0 == 0 ? nil : $0 } ?? 70)
        } else {
            control.planned(error: nil)
        }
        if isPlanWanted {
            isPlanWanted = false
            replan()
        }
    }

    private func readPlanToEnd() {
        // What is still in the socket, at most a plan's size.
        for _ in 0..<256 {
            guard let planning, !planning.isComplete, planning.failure == nil else { return }
            var poll = pollfd(fd: planning.lifeline.raw, events: Int16(POLLIN), revents: 0)
            guard Glibc.poll(&poll, 1, 0) > 0, poll.revents & Int16(POLLIN) != 0 else { return }
            readPlan()
        }
    }

    /// A refusal has said its own words on standard error; at the start its exit code is ours.
    private func planningFailed(_ words: String, code: Int32) {
        control.planned(error: words)
        guard site != nil else {
            let isRefusal = code == 1 || code == 78
            if !isRefusal { log.say(words) }
            tellService(refusal: isRefusal ? "the start is refused; the log says why" : words, code: code)
            exitCode = code
            return
        }
        if rollout?.machine.isPlanning == true { goBack(words) }
        log.say("\(words): the last configuration stays in force", subsystem: "config")
    }

    func checkPlanning(_ now: Instant) {
        guard let planning, now >= planning.deadline, planning.failure == nil else { return }
        planning.failure = "the planner did not finish within \(Planning.limit.inWords)"
        _ = Glibc.kill(planning.pid, SIGKILL)
    }

    /// Nobody waits for it any more: its end must not decide ours.
    func abandonPlanning() {
        guard let planning else { return }
        _ = Glibc.kill(planning.pid, SIGKILL)
        unwatch(planning.lifeline.raw, token: planning.token)
        self.planning = nil
    }
}
