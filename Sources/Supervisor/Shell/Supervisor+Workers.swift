internal import Glibc
internal import IPCControl

extension Supervisor {
    /// Starts an incarnation and gives it its opening.
    func spawn(_ id: WorkerID, _ incarnation: UInt64) -> SupervisorEvent {
        guard let site, let worker = plan?.worker(id) else {
            return .spawnFailed(id, incarnation, text: "it is not in the plan")
        }
        do {
            let process = try start(worker, incarnation, site)
            processes[id] = process
            if id.kind == .gateway { feed.gatewayStarted(knowing: tree.statuses.map(\.id)) }
            flush(process)
            return .spawned(id, incarnation, pid: process.pid)
        } catch let error as SpawnError {
            let isForbidden = worker.spec.isForeign && error.cause.code == EACCES && error.step == "exec"
            let hint = isForbidden ? " (its user must be allowed to reach and run it)" : ""
            return .spawnFailed(id, incarnation, text: "\(error)\(hint)")
        } catch {
            return .spawnFailed(id, incarnation, text: "\(error)")
        }
    }

    private func start(
        _ worker: PlannedWorker,
        _ incarnation: UInt64,
        _ site: Site
    ) throws -> WorkerProcess {
        let id = worker.spec.id
        let output = try Descriptor.pipe()
        let errors = try Descriptor.pipe()
        let hardKB = tree.status(of: id)?.grant.hardKB ?? 0
        let hardBytes = hardKB.multipliedReportingOverflow(by: 1024)
        let group = try site.ladder.makeGroup(
            worker: id.rawValue,
            incarnation: incarnation,
            hardLimitBytes: hardKB > 0 && !hardBytes.overflow ? hardBytes.partialValue : nil
        )
        var request = SpawnRequest(
            executable: .descriptor(spawner.ownExecutable),
            arguments: ["clawhold: \(id)", "worker"],
            environment: environment.forWorkers,
            descriptors: [-1, output.write.raw, errors.write.raw],
            identity: site.identities.identity(for: id.rawValue, class: worker.userClass),
            memoryEntries: group.entries,
            dataLimitBytes: group.dataLimitBytes,
            oomScoreAdjustment: Self.oomScore(of: id.kind)
        )
        if worker.spec.isForeign {
            request.executable = .path(worker.arguments.first ?? "")
            request.arguments = worker.arguments
            request.environment = worker.environment + worker.secrets.map { "\($0.name)=\($0.value)" }
            setHome(of: worker, site, &request)
            // Programs not made for it do not live on a stack of 1 MB. Without a cgroup their stacks count as memory.
            if group.dataLimitBytes == nil { request.stackLimitBytes = 8 << 20 }
            request.taskLimit = group.taskLimit(hasOwnUser: worker.userClass == .own && request.identity != nil)
            if !group.holdsAll {
                request.environment.append(WorkerOrigin.mark(worker: id.rawValue, incarnation: incarnation))
            }
        }
        var started: Int32?
        do {
            let process: WorkerProcess
            if worker.spec.isForeign {
                let pid = try spawner.spawn(request).pid
                started = pid
                process = WorkerProcess(id: id, incarnation: incarnation, pid: pid, group: group, build: nil)
                process.readyWatch = worker.spec.readySign.map { ReadyWatch($0, now: .now()) }
            } else {
                let pair = try SocketPair()
                request.descriptors.append(pair.theirs.raw)
                if id.kind == .gateway { request.descriptors += site.listeners.map(\.fd) }
                let pid = try spawner.spawn(request).pid
                started = pid
                process = WorkerProcess(id: id, incarnation: incarnation, pid: pid, group: group)
                let fd = pair.ours.raw
                process.lifeline = .init(pair.ours, token: try watch(fd, .read, .lifeline(id)))
                writeOpening(worker, incarnation, site, to: process)
            }
            group.entered(
                WorkerOrigin(
                    pid: process.pid,
                    worker: id.rawValue,
                    incarnation: incarnation,
                    uid: worker.userClass == .own ? request.identity?.uid : nil,
                    isForeign: worker.spec.isForeign
                )
            )
            let (outputFD, errorsFD) = (output.read.raw, errors.read.raw)
            let outputToken = try watch(outputFD, .read, .output(id, isError: false))
            process.output = .init(output.read, token: outputToken)
            let errorsToken = try watch(errorsFD, .read, .output(id, isError: true))
            awaitTaskNotice(process)
            process.errors = .init(errors.read, token: errorsToken)
            return process
        } catch {
            // What runs already without a place in the table is nobody's.
            if let started { ProcessSignal.send(SIGKILL, toGroupOf: started) }
            site.ladder.dispose(group)
            throw error
        }
    }

    /// Tools and foreign programs go first when memory is out, the gateway last.
    private static func oomScore(of kind: WorkerKind) -> Int32 {
        switch kind {
        case .tool: 900
        case .sidecar: 800
        case .tunnel: 700
        case .model: 500
        case .channel: 400
        case .agent: 300
        case .gateway: 100
        }
    }

    private func writeOpening(
        _ worker: PlannedWorker,
        _ incarnation: UInt64,
        _ site: Site,
        to process: WorkerProcess
    ) {
        let id = worker.spec.id
        var start = Block(
            "START",
            [
                "ID": id.rawValue,
                "KIND": id.kind.rawValue,
                "INCARNATION": "\(incarnation)",
                "BUILD": Build.id,
                "REV": worker.spec.revision,
                "STATE_DIR": site.stateDirectory,
                "HUB": site.directory.hubSocket,
                "TOKEN": Hex.encode(HubToken.make(key: hubKey, worker: id, incarnation: incarnation)),
            ]
        )
        if id.kind == .gateway {
            let names = site.listeners.enumerated().map { "\($1.name):\($0 + 4)" }
            start["FDS"] = names.joined(separator: ",")
            start["HUB_KEY"] = Hex.encode(hubKey)
        } else {
            start["FDS"] = ""
        }
        if let reason = tree.status(of: id)?.safeReason {
            start["SAFE"] = "1"
            start["SAFE_REASON"] = reason
        }
        start["KILL_POINTS"] = worker.killPoints
        send(start, to: process)
        for piece in worker.configuration { send(Block("CONFIG", ["DATA": piece]), to: process) }
        for secret in worker.secrets {
            send(Block("SECRET", ["NAME": secret.name, "VALUE": secret.value]), to: process)
        }
        send(Block("GO"), to: process)
    }

    /// Queues a block; false when the worker has not read for so long that there is no room.
    @discardableResult
    func send(_ block: Block, to process: WorkerProcess) -> Bool {
        guard process.lifeline != nil, let bytes = block.encodedWithinBounds() else { return false }
        return process.outgoing.append(bytes)
    }

    /// Writes what the lifeline takes, and polls for the rest.
    func flush(_ process: WorkerProcess) {
        guard let lifeline = process.lifeline else { return }
        let outcome = process.outgoing.flush(to: lifeline.descriptor.raw)
        let isWriting = outcome == .blocked
        guard isWriting != lifeline.isWriting else { return }
        lifeline.isWriting = isWriting
        try? poller.modify(lifeline.descriptor.raw, isWriting ? [.read, .write] : .read, token: lifeline.token)
    }

    func drain(_ id: WorkerID, _ incarnation: UInt64, _ by: Duration, _ reason: DrainReason) {
        guard let process = processes[id], process.incarnation == incarnation else { return }
        guard process.lifeline != nil else {
            endReadyWatch(process)
            ProcessSignal.send(SIGTERM, toGroupOf: process.pid)
            return
        }
        send(Block("DRAIN", ["BY_MS": "\(by.wholeMilliseconds)", "REASON": reason.rawValue]), to: process)
        flush(process)
    }

    /// Asks a worker to give back what it can spare. A foreign program understands no such thing.
    func shed(_ id: WorkerID, _ incarnation: UInt64) {
        guard let process = processes[id], process.incarnation == incarnation else { return }
        // Its answer is a heartbeat at once, which shows what that was worth.
        process.measuredAt = nil
        send(Block("SHED"), to: process)
        flush(process)
    }

    /// Moves a living worker's hard limit, and answers when another one than this is in force afterwards.
    func limit(_ id: WorkerID, _ incarnation: UInt64, hardKB: Int64) -> SupervisorEvent? {
        guard let process = processes[id], process.incarnation == incarnation, hardKB > 0 else { return nil }
        let before = (process.group.hardLimitBytes ?? 0) / 1024
        var wanted = hardKB
        // The kernel would kill for a limit below the use at this moment (v2), or refuse it (v1).
        if hardKB < before, let used = process.group.usage(pid: process.pid)?.usedBytes {
            wanted = max(hardKB, min(before, used / 1024 + PolicyTiming.memoryHeadroomKB))
        }
        let bytes = wanted.multipliedReportingOverflow(by: 1024)
        guard !bytes.overflow, (try? process.group.setHardLimit(bytes.partialValue)) != nil else {
            return before == hardKB ? nil : .limited(id, incarnation, hardKB: before)
        }
        return wanted == hardKB ? nil : .limited(id, incarnation, hardKB: wanted)
    }

    func kill(_ id: WorkerID, _ incarnation: UInt64) {
        guard let process = processes[id], process.incarnation == incarnation else { return }
        ProcessSignal.send(SIGKILL, toGroupOf: process.pid)
        process.group.killAll()
    }

    /// Buries those who have died. Own children are told apart from adopted orphans by their pid.
    ///
    /// At most so many a turn: a worker that makes orphans without end must not hold the loop.
    func reap() {
        for _ in 0..<256 {
            guard let facts = Reaper.peek() else { return }
            if facts.pid == planning?.pid {
                _ = try? Reaper.collect(pid: facts.pid)
                plannerExited(facts)
            } else if facts.pid == upgrade?.pid {
                _ = try? Reaper.collect(pid: facts.pid)
                selfCheckExited(facts)
            } else if let process = processes.values.first(where: { $0.pid == facts.pid }) {
                bury(process, facts)
            } else {
                _ = try? Reaper.collect(pid: facts.pid)
            }
        }
        isReaping = true
    }

    private func bury(_ process: WorkerProcess, _ facts: ExitFacts) {
        // First of all nothing of it may act any more: what it left behind dies with it. It is still a zombie, so the
        // number of its group cannot be anybody else's.
        ProcessSignal.send(SIGKILL, toGroupOf: process.pid)
        _ = try? Reaper.collect(pid: facts.pid)
        process.group.killAll()
        if !process.group.holdsAll, let origin = process.group.origin {
            let living = processes.values.filter { $0 !== process }.compactMap(\.group.origin)
            Descendants.endRest(of: origin, living: living)
        }
        // Its last words count: FATAL and LEAVE come just before the exit.
        readLifeline(process.id, .read)
        closeLifeline(process)
        for source in [process.output, process.errors] {
            guard let source else { continue }
            readRest(of: source, process)
            unwatch(source.descriptor.raw, token: source.token)
        }
        process.output = nil
        process.errors = nil
        endReadyWatch(process)
        endNotices(process)
        let evidence = process.group.evidence(exit: facts)
        site?.ladder.dispose(process.group)
        processes[process.id] = nil
        if process.id.kind == .gateway { feed.gatewayDied() }
        happen(.exited(process.id, process.incarnation, CauseOfDeath(exit: facts, evidence: evidence)))
    }

    /// The end: everything beneath us that is left was started by a worker, and nobody else will bury it.
    func killOrphans() {
        Descendants.endAll()
        Reaper.sweep()
    }

    func closeLifeline(_ process: WorkerProcess) {
        guard let lifeline = process.lifeline else { return }
        unwatch(lifeline.descriptor.raw, token: lifeline.token)
        process.lifeline = nil
        process.outgoing = WriteQueue(limit: 0)
    }
}
