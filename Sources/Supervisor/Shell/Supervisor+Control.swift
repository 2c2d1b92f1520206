internal import Glibc
internal import IPCControl

extension Supervisor {
    func acceptClients() {
        guard let site else { return }
        // A few per turn: a flood of connections must not starve the workers.
        for _ in 0..<8 {
            do {
                guard let accepted = try site.control.accept() else { return }
                admit(accepted, site)
            } catch {
                pauseAccepting(site)
                return
            }
        }
    }

    /// Out of descriptors, the socket stays readable: polled on, it would cost a whole processor. Whoever waits, waits.
    private func pauseAccepting(_ site: Site) {
        guard let controlToken else { return }
        try? poller.modify(site.control.fd, [], token: controlToken)
        control.acceptAgainAt = .now() + ControlClients.acceptPause
    }

    private func acceptAgain() {
        guard let site, let controlToken else { return }
        control.acceptAgainAt = nil
        try? poller.modify(site.control.fd, .read, token: controlToken)
    }

    private func admit(_ connection: consuming Descriptor, _ site: Site) {
        guard !control.isFull, let peer = try? PeerCredentials(of: connection) else { return }
        let isOfGroup = site.adminGroup.map { PeerCredentials.isPeer(of: connection, inGroup: $0) } ?? false
        guard isAdmin(peer, isOfGroup: isOfGroup, site) else { return }
        let number = control.newNumber()
        let fd = connection.raw
        guard let token = try? watch(fd, .read, .client(number)) else { return }
        control.add(ControlClient(number: number, descriptor: connection, token: token, uid: peer.uid, now: .now()))
    }

    /// A person with the right user, and no worker: whoever takes over a worker must not command the supervisor.
    private func isAdmin(_ peer: PeerCredentials, isOfGroup: Bool, _ site: Site) -> Bool {
        guard peer.pid > 0, isOfGroup || site.admins.contains(peer.uid) else {
            log.say("control socket: uid \(peer.uid) (PID \(peer.pid)) is turned away")
            return false
        }
        // Whatever descends from us was started by a worker, an orphan that came to us included.
        var workers = Set(processes.values.map(\.pid) + [getpid()])
        for process in processes.values { workers.formUnion(process.group.members) }
        guard !ProcessFacts.descends(peer.pid, from: workers) else {
            log.say("control socket: PID \(peer.pid) belongs to a worker and is turned away")
            return false
        }
        return true
    }

    func serve(_ number: UInt64, _ readiness: Readiness) {
        guard let client = control.all[number] else { return }
        guard readiness.contains(.read) || readiness.contains(.hangup) else { return }
        var isAtEnd = false
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            do {
                guard let count = try client.descriptor.read(into: buffer) else { return }
                client.decoder.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                isAtEnd = count == 0
            } catch {
                isAtEnd = true
            }
        }
        do {
            while let block = try client.decoder.next() { answer(block, client) }
        } catch {
            client.finish(error: "malformed: \(error)")
            client.isBroken = true
        }
        if isAtEnd { client.isBroken = true }
    }

    private func answer(_ block: Block, _ client: ControlClient) {
        guard block.type == "COMMAND", case .idle = client.state else {
            client.finish(error: "one COMMAND at a time is understood here")
            client.isBroken = true
            return
        }
        switch block["CMD"] {
        case "status":
            client.send(statusBlock())
            client.finish()
        case "ps":
            for status in tree.statuses { client.send(row(status)) }
            client.finish()
        case "start", "stop", "restart", "reset":
            guard let id = worker(block["ID"], client) else { return }
            command(block["CMD"] ?? "", id, client)
        case "logs": sendLogs(block, client)
        case "events": sendEvents(block, client)
        case "replan":
            client.wait(for: .plan)
            replan()
            if planning == nil, case .plan = client.state { client.finish(error: "not while shutting down") }
        case "upgrade": upgrade(to: block["PATH"], client)
        case "shutdown":
            client.finish()
            terminate("asked by the command line")
        default: client.finish(error: "unknown command \(block["CMD"] ?? "")")
        }
    }

    /// Whoever names what is executed becomes its user: more than the right to command is needed.
    private func upgrade(to path: String?, _ client: ControlClient) {
        guard client.uid == 0 || client.uid == geteuid() else {
            client.finish(error: "only root and the gateway's own user (uid \(geteuid())) may upgrade it")
            return
        }
        do {
            client.wait(for: .upgrade)
            try startUpgrade(path)
        } catch {
            client.finish(error: "\(error)")
        }
    }

    private static func isSet(_ value: String?) -> Bool { value == "1" || value == "true" }

    private func statusBlock() -> Block {
        Block(
            "SUPERVISOR",
            [
                "PID": "\(getpid())",
                "VERSION": plan?.settings.version ?? Build.version,
                "BUILD": Build.id,
                "UPTIME_MS": "\((Instant.now() - startedAt).wholeMilliseconds)",
                "STATE_DIR": plan?.settings.stateDirectory ?? "",
                "CONFIG_PATH": plan?.settings.configPath ?? "",
                "PORT": "\(site?.port ?? 0)",
                "BIND": plan?.settings.bind ?? "",
                "MEMORY_RUNG": site?.ladder.rung.rawValue ?? "",
                "MEMORY_LADDER": site?.ladder.explanation ?? "",
                "MEMORY_KB": "\((site?.ladder.totalBytes ?? 0) / 1024)",
                "RESERVE_KB": "\(tree.reserve.resolved(totalKB: tree.totalKB))",
                "LOG_DROPPED": "\(log.dropped)",
            ]
        )
    }

    /// The worker that a name means; answers the client when it means none or several.
    private func worker(_ name: String?, _ client: ControlClient) -> WorkerID? {
        switch WorkerNames.find(name ?? "", among: tree.statuses.map(\.id)) {
        case .one(let id): return id
        case .none:
            let known = tree.statuses.map(\.id.rawValue).joined(separator: ", ")
            client.finish(error: "there is no worker \"\(name ?? "")\"; there are: \(known)")
        case .several(let ids):
            let candidates = ids.map(\.rawValue).joined(separator: ", ")
            client.finish(error: "\"\(name ?? "")\" could be any of: \(candidates)")
        }
        return nil
    }

    private func command(_ name: String, _ id: WorkerID, _ client: ControlClient) {
        guard !tree.isShuttingDown else {
            client.finish(error: "not while shutting down")
            return
        }
        let before = tree.status(of: id)?.incarnation ?? 0
        switch name {
        case "start":
            let isReady = tree.status(of: id)?.state == .ready
            client.wait(for: .ready(id, after: isReady || tree.status(of: id)?.state == .starting ? 0 : before))
            happen(.start(id, by: .person))
        case "stop":
            client.wait(for: .stopped(id))
            happen(.stop(id))
        case "restart":
            client.wait(for: .ready(id, after: before))
            happen(.restart(id))
        default:
            happen(.reset(id))
            // Waited for like a start, if it is one.
            let isStarting = tree.status(of: id).map { $0.state == .starting && $0.incarnation > before } ?? false
            if isStarting { client.wait(for: .ready(id, after: before)) } else { client.finish() }
        }
    }

    private func sendEvents(_ block: Block, _ client: ControlClient) {
        var id: WorkerID?
        if let name = block["ID"], !name.isEmpty {
            guard let found = worker(name, client) else { return }
            id = found
        }
        let count = Int(clamping: min(max(block.integer("LINES") ?? Int64(EventLog.limit), 0), Int64(EventLog.limit)))
        let entries = id == nil ? events.entries : events.entries.filter { $0.id == id }
        for entry in entries.suffix(count) { client.send(.event(entry)) }
        if Self.isSet(block["FOLLOW"]) { client.wait(for: .events(id)) } else { client.finish() }
    }

    private func sendLogs(_ block: Block, _ client: ControlClient) {
        var id: WorkerID?
        if let name = block["ID"], !name.isEmpty {
            guard let found = worker(name, client) else { return }
            id = found
        }
        let count = Int(clamping: min(max(block.integer("LINES") ?? 100, 0), 1000))
        let since = block.integer("SINCE_MS") ?? .min
        for line in log.recent(id, limit: count) where line.atMilliseconds >= since { client.send(.log(line)) }
        if Self.isSet(block["FOLLOW"]) { client.wait(for: .logs(id)) } else { client.finish() }
    }

    /// Answers those whose result is there, or whose time is over.
    func checkClients(_ now: Instant) {
        if let again = control.acceptAgainAt, again <= now { acceptAgain() }
        for client in control.all.values {
            switch client.state {
            case .ready(let id, let after): checkReady(id, after: after, client)
            case .stopped(let id):
                let state = tree.status(of: id)?.state
                if state == .stopped || state == nil { client.finish() }
            case .idle, .plan, .logs, .events, .upgrade: break
            }
            guard let deadline = client.deadline, deadline <= now else { continue }
            switch client.state {
            case .idle: client.isBroken = true
            case .ready(let id, _):
                let state = tree.status(of: id)?.state.rawValue ?? "gone"
                client.finish(error: "\(id) is \(state) after \(ControlClients.resultLimit.inWords)")
            case .stopped, .plan:
                client.finish(error: "not done after \(ControlClients.resultLimit.inWords)")
            case .logs, .events, .upgrade: break
            }
        }
    }

    private func checkReady(_ id: WorkerID, after: UInt64, _ client: ControlClient) {
        guard let status = tree.status(of: id) else {
            client.finish(error: "\(id) is no longer in the configuration")
            return
        }
        switch status.state {
        case .ready where status.incarnation > after: client.finish()
        case .ready, .starting, .draining: break
        case .stopped, .backoff, .quarantined, .parked:
            let why = [status.text, status.lastDeath?.text ?? ""].first { !$0.isEmpty } ?? "it did not start"
            let state = status.state == .backoff ? "in back-off" : status.state.rawValue
            client.finish(error: "\(id) is \(state): \(log.redactor.clean(why))")
        }
    }

    /// Writes what the clients take; closes those that are done for.
    func flushClients() {
        for client in control.all.values {
            let outcome = client.outgoing.flush(to: client.descriptor.raw)
            if outcome == .broken || client.isBroken {
                unwatch(client.descriptor.raw, token: client.token)
                control.remove(client.number)
                continue
            }
            let isWriting = outcome == .blocked
            guard isWriting != client.isWriting else { continue }
            client.isWriting = isWriting
            try? poller.modify(client.descriptor.raw, isWriting ? [.read, .write] : .read, token: client.token)
        }
    }
}
