internal import Glibc
internal import IPCControl

// Live upgrade, second half: what one image knows, and how the next one goes on with it.

extension Supervisor {
    /// Everything that another image of this process needs.
    func snapshot() -> UpgradeState {
        var state = UpgradeState(plan: plan ?? .none)
        state.head = .init(pid: getpid(), startedAt: startedAt, hubKey: hubKey)
        state.tree = tree
        state.ledger = feed.ledger
        state.gone = feed.goneIDs
        state.log = log.state
        state.events = events
        state.processes = processes.values.map(\.state).sorted { $0.id.rawValue < $1.id.rawValue }
        state.clients = control.all.values.map(\.upgradeState)
        guard let site else { return state }
        let lock = site.lockDescriptors
        state.site = .init(
            runtimeDirectory: site.directory.path,
            lock: lock.directory,
            lockFile: lock.file,
            control: site.control.fd,
            layout: site.ladder.layout,
            users: site.identities.assigned
        )
        state.listeners = site.listeners.map { listener in
            .init(
                name: listener.name,
                fd: listener.fd,
                port: listener.socket.port,
                address: listener.socket.address
            )
        }
        return state
    }

    /// Goes on where another image was. A throw leaves every descriptor open as long as this object lives.
    func adopt(_ state: UpgradeState, _ handover: Handover) throws {
        guard state.site.lock > 2, state.site.control > 2 else { throw StateError.missing("the lock") }
        log.adopt(state.log)
        events = state.events
        tree = state.tree
        let site = try Site(adopting: state)
        self.site = site
        controlToken = try watch(site.control.fd, .read, .control)
        for process in state.processes { try adopt(process, site) }
        for client in state.clients { try adopt(client) }
        feed.adopt(state.ledger, gone: state.gone, knowing: tree.statuses.map(\.id))
        plan = state.plan
        rememberSecrets(of: [state.plan])
        leavePointer(site, state.plan)
        // Who died on the way.
        reap()
        beginRollout(state, handover)
    }

    private func adopt(_ state: UpgradeState.Process, _ site: Site) throws {
        let group = site.ladder.adoptGroup(worker: state.id.rawValue, incarnation: state.incarnation, state.group)
        let process = WorkerProcess(
            id: state.id,
            incarnation: state.incarnation,
            pid: state.pid,
            group: group,
            build: state.build
        )
        processes[state.id] = process
        group.entered(
            WorkerOrigin(
                pid: state.pid,
                worker: state.id.rawValue,
                incarnation: state.incarnation,
                uid: state.group.uid,
                isForeign: state.id.kind == .sidecar
            )
        )
        process.measuredAt = state.measuredAt
        if state.lifeline > 2 {
            let token = try watch(state.lifeline, .read, .lifeline(state.id))
            process.lifeline = .init(Descriptor(owning: state.lifeline), token: token)
            process.decoder.append(state.input)
            guard process.outgoing.append(state.outgoing) else { throw StateError.tooMuch("waiting bytes") }
            flush(process)
        }
        if state.output > 2 {
            let token = try watch(state.output, .read, .output(state.id, isError: false))
            process.output = .init(Descriptor(owning: state.output), token: token, state.outputLine)
        }
        if state.errors > 2 {
            let token = try watch(state.errors, .read, .output(state.id, isError: true))
            process.errors = .init(Descriptor(owning: state.errors), token: token, state.errorsLine)
        }
        // A foreign program that is not ready yet is looked at anew.
        if let record = tree.status(of: state.id), record.state == .starting {
            process.readyWatch = tree.records[state.id]?.spec.readySign.map { ReadyWatch($0, now: .now()) }
        }
    }

    private func adopt(_ state: UpgradeState.Client) throws {
        guard state.fd > 2 else { return }
        let number = control.newNumber()
        let token = try watch(state.fd, .read, .client(number))
        let client = ControlClient(
            number: number,
            descriptor: Descriptor(owning: state.fd),
            token: token,
            uid: state.uid,
            now: .now()
        )
        client.state = state.state
        client.deadline = state.deadline
        client.decoder.append(state.input)
        guard client.outgoing.append(state.outgoing) else { throw StateError.tooMuch("waiting bytes") }
        control.add(client)
    }
}

extension WorkerProcess {
    fileprivate var state: UpgradeState.Process {
        var state = UpgradeState.Process(id: id)
        state.incarnation = incarnation
        state.pid = pid
        state.build = build
        state.group = group.account
        state.measuredAt = measuredAt
        if let lifeline {
            state.lifeline = lifeline.descriptor.raw
            state.input = Array(decoder.pending)
            state.outgoing = Array(outgoing.pending)
        }
        if let output {
            state.output = output.descriptor.raw
            state.outputLine = output.splitter
        }
        if let errors {
            state.errors = errors.descriptor.raw
            state.errorsLine = errors.splitter
        }
        return state
    }
}

extension ControlClient {
    fileprivate var upgradeState: UpgradeState.Client {
        .init(
            fd: descriptor.raw,
            uid: uid,
            input: Array(decoder.pending),
            outgoing: Array(outgoing.pending),
            deadline: deadline,
            state: state
        )
    }
}

extension Plan {
    fileprivate static let none = Plan(
        settings: .init(stateDirectory: "", configPath: "", port: "", bind: "", version: ""),
        listeners: [],
        workers: []
    )
}
