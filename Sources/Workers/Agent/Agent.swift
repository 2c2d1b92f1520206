internal import Config
internal import FoundationEssentials
internal import IPCHub
internal import Logging
package import Runtime
internal import Synchronization

/// Runs an agent's worker to its end: sessions, transcripts and turns of one agent. No network, no keys.
package func runAgent(_ start: WorkerStart) -> Never {
    let config = try? decodeSlice(AgentConfig.self, from: start.config)  // reported below, where there is a log
    let directory = config.map { [$0.sessionsDirectory, $0.agentDirectory, $0.workspace, $0.mediaDirectory] } ?? []
    // Before any thread: from here on the process reckons in this zone.
    if let zone = config?.envelopeTimezone, !zone.isEmpty { Timestamp.useZone(zone) }
    // Landlock knows only what exists: the directories are made before the door is shut.
    for path in directory where !path.isEmpty { try? Disk.makeDirectory(path) }  // reported at the first write
    let writable = (config.map { ["\(start.stateDirectory)/agents/\($0.id)", $0.workspace] } ?? []) + directory
    runWorker(start, sandbox: Sandbox(network: false, writable: Array(Set(writable.filter { !$0.isEmpty })))) {
        worker in
        let config = try decodeSlice(AgentConfig.self, from: start.config)
        await AgentWorker(worker: worker, config: config).run()
    }
}

/// The agent as a process: desk, link, and the end.
struct AgentWorker {
    let worker: Worker
    let config: AgentConfig
    /// An agent leaves when nothing was asked of it for so long.
    var idleLimit = Duration.seconds(300)
    /// Of a drain's time, what is kept for the last frames.
    static let closingTime = Duration.milliseconds(150)

    func run() async {
        let log = worker.log
        let linkState = LinkState(on: worker.eventLoop)
        let store = SessionStore(
            directory: config.sessionsDirectory,
            agent: config.id,
            workspace: config.workspace,
            report: { log.error("\($0)") }
        )
        let link = LinkSlot()
        let desk = AgentDesk(place: place(store, linkState, link)) { await link.send($0) }
        link.desk.withLock { $0 = desk }
        let folder = MediaFolder(path: config.mediaDirectory)
        let files = MediaServer(worker: worker, owner: OutboundOwner(folder: folder) { desk.worked() })
        sweep()
        let questions = AgentQuestions(store: store, model: config.model, contextTokens: config.contextTokens)
        let hub = HubLink(
            worker: worker,
            hello: {
                linkState.dialling()
                link.door.withLock { $0 }?.lost()
                return desk.hello()
            },
            welcomed: {
                linkState.welcomed()
                worker.lifeline.ready()
                await desk.welcomed()
            },
            receive: { message in
                switch message {
                case .request(let request):
                    desk.worked()
                    questions.answer(request, log: log) { await link.respond($0) }
                case .response(let response): link.door.withLock { $0 }?.received(response)
                case .streamOpen(let open): files.accept(open)
                default: await desk.received(message)
                }
            }
        )
        link.link.withLock { $0 = hub }
        let serving = Task { await hub.run() }  // cancelled below
        let idle = Task { await leaveWhenIdle(desk, files) }  // cancelled below
        let drain = await worker.lifeline.drained()
        idle.cancel()
        await desk.close(by: .now + max(.zero, .milliseconds(drain.milliseconds) - Self.closingTime))
        serving.cancel()
    }

    /// Removes files that are too old, now and once a day.
    private func sweep() {
        guard !config.mediaDirectory.isEmpty else { return }
        let folder = MediaFolder(path: config.mediaDirectory)
        // Ends with the process.
        Task.detached { [log = worker.log] in
            while true {
                let removed = folder.sweep(now: Int(clamping: Timestamp.now() / 1000))
                if removed > 0 { log.info("\(removed) files older than a week were removed from \(folder.path)") }
                try await Task.sleep(for: .seconds(86_400))
            }
        }
    }

    private func place(_ store: SessionStore, _ linkState: LinkState, _ link: LinkSlot) -> TurnPlace {
        let started = ContinuousClock.now
        let config = config
        let status = SessionStatusTool { key in
            // What cannot be read is shown as nothing; the turn itself says what is wrong with the disk.
            let entry = (try? await store.entry(key)) ?? JSONObject()
            let tail = store.transcript(entry).flatMap { try? $0.read() }
            let uptime = (ContinuousClock.now - started).components
            return SessionStatusTool.Facts(
                agent: config.id,
                version: config.version,
                uptimeMilliseconds: uptime.seconds * 1000 + uptime.attoseconds / 1_000_000_000_000_000,
                runningTurns: link.desk.withLock { $0?.runningCount ?? 0 },
                contextTokens: config.contextTokens,
                messages: tail?.entries.count { $0.message != nil } ?? 0,
                totalTokens: max(0, entry["totalTokens"]?.integer ?? 0),
                detour: FallbackNotice(entry)?.statusLine ?? ""
            )
        }
        var place = TurnPlace(
            agent: config.id,
            name: config.name,
            timezone: config.userTimezone,
            contextTokens: config.contextTokens,
            timeoutSeconds: config.timeoutSeconds,
            thinking: config.thinking,
            store: store,
            folder: MediaFolder(path: config.mediaDirectory),
            envelope: Envelope(showsTime: config.envelopeTimestamp, showsElapsed: config.envelopeElapsed),
            models: HubModelDoor(worker: worker),
            media: HubMediaDoor(worker: worker),
            speech: HubModelDoor(worker: worker),
            link: linkState,
            tools: [status],
            log: worker.log,
            loop: worker.eventLoop,
            reach: { [worker] in worker.reach($0) },
            now: Timestamp.now
        )
        place.tools.append(MessageTool(files: place.outbound))
        if let voice = config.voice {
            let door = GatewayDoor(loop: worker.eventLoop) { await link.send($0) }
            link.door.withLock { $0 = door }
            place.tools.append(VoiceCallTool(gateway: door, settings: voice))
        }
        place.timing.turnLimit = .seconds(min(max(config.timeoutSeconds, 1), 86_400))
        return place
    }

    private func leaveWhenIdle(_ desk: AgentDesk, _ files: MediaServer) async {
        while !Task.isCancelled {
            if !files.isIdle { desk.worked() }
            let left = desk.idle(at: .now).map { idleLimit - $0 } ?? idleLimit
            guard left > .zero else { await worker.lifeline.leave() }
            try? await Task.sleep(for: left)  // cancelled: the loop ends
        }
    }
}
