package import Config
internal import FoundationEssentials
internal import Glibc
internal import IPCControl
internal import Journal
internal import Logging
internal import NIOCore
internal import NIOPosix
package import Runtime
internal import Synchronization

/// The delivery engine as the rest of the gateway sees it: journal, lanes, links, and the contract between them.
package final class DeliveryEngine: Conversations, RelayWorkers {
    private let worker: Worker
    let writer: JournalWriter
    let pairing: PairingStore
    let config: GatewayConfig
    private let epoch: String
    private let engine: NIOLoopBound<EngineLoop>
    private let hub: NIOLoopBound<HubServer>
    private let lastSubscription = Atomic<Int>(0)

    fileprivate init(
        worker: Worker,
        config: GatewayConfig,
        writer: JournalWriter,
        pairing: PairingStore,
        epoch: String,
        engine: NIOLoopBound<EngineLoop>,
        hub: NIOLoopBound<HubServer>
    ) {
        self.worker = worker
        self.config = config
        self.writer = writer
        self.pairing = pairing
        self.epoch = epoch
        self.engine = engine
        self.hub = hub
    }

    /// Serves the hub until the supervisor drains the gateway; then everything that is on its way is journaled.
    ///
    /// Throws when the hub's listener cannot be adopted.
    package func run() async throws {
        let stop = writer.intakeStop
        let answering: @Sendable (WorkerQuestion) async -> Result<[UInt8], ConversationError> = {
            [weak self] question in
            await self?.answer(question) ?? .failure(.unavailable(Sentences.shuttingDown))
        }
        try await onLoop { engine in
            engine.attach(answering: answering)
            engine.apply(.began(epoch: self.epoch))
            if let stop { engine.apply(.intakeStopped(stop.description)) }
        }
        let engine = engine
        let (lifeline, epoch) = (worker.lifeline, epoch)
        lifeline.receive { block in
            // The order of the supervisor's words counts: a channel that drains means something else in a shutdown.
            if let drain = lifeline.drain, !engine.value.core.isDraining {
                engine.value.apply(.drain(isShutdown: drain.reason == "shutdown", epoch: epoch))
            }
            if let event = LifelineWords.event(of: block) { engine.value.apply(event) }
        }
        worker.lifeline.shedding { [writer] in
            // A journal that cannot answer now has nothing to give either.
            try? await writer.commit(.relaxed) { journal in journal.shed() }
        }
        worker.lifeline.watching { [writer] in !writer.isStuck() }
        try await listen()
        let ticks = worker.eventLoop.scheduleRepeatedTask(initialDelay: .seconds(1), delay: .seconds(1)) { _ in
            engine.value.apply(.tick)
        }
        let drain = await worker.lifeline.drained()
        await finish(drain)
        ticks.cancel()
    }

    private func listen() async throws {
        guard let descriptor = worker.start.listeners["hub"] else { throw EngineError.noHub }
        let hub = hub
        let listener = try await InheritedListener.adopt(descriptor, on: worker.eventLoop) { hub.value.bootstrap() }
        try await worker.eventLoop.submit { hub.value.adopted(listener) }.get()
    }

    /// Intake stops at once. When the whole tree goes, turns and sends get their time; when it is the gateway alone that
    /// goes, everything lives on without it and comes back with HELLO.
    private func finish(_ drain: Drain) async {
        let isShutdown = drain.reason == "shutdown"
        let epoch = epoch
        try? await onLoop { $0.apply(.drain(isShutdown: isShutdown, epoch: epoch)) }  // the loop lives
        if isShutdown {
            let end = ContinuousClock.now + .milliseconds(min(3000, max(0, drain.milliseconds - 600)))
            while ContinuousClock.now < end {
                if (try? await onLoop { $0.isIdle }) ?? true { break }
                try? await Task.sleep(for: .milliseconds(20))  // not cancelled
            }
        }
        _ = try? await writer.commit(.relaxed) { _ in }  // whatever it says, this was the last
        writer.close()
    }

    // MARK: Relayed requests

    func openStream(
        _ worker: String,
        isFresh: Bool,
        _ receive: @escaping (GatewayStream.Event) -> Void
    ) -> GatewayStream { hub.value.open(worker, isFresh: isFresh, receive: receive) }

    func objection(to model: String) -> String? { engine.value.objection(to: model) }

    // MARK: Conversations

    package func send(_ message: ChatSend) async -> ChatSendOutcome {
        await ask { engine, continuation in engine.chat(message, continuation) }
    }

    package func abort(sessionKey: String, runID: String?, reason: String) async throws(ConversationError) -> [String] {
        try await ask { engine, continuation in engine.stop(sessionKey, runID, reason, continuation) }.get()
    }

    package func history(sessionKey: String, limit: Int) async throws(ConversationError) -> [UInt8] {
        guard let route = Router(config: config).canonical(sessionKey) else {
            throw .invalid("no such agent in \(sessionKey)")
        }
        var params = JSONObject()
        params["sessionKey"] = .string(sessionKey)
        params["limit"] = .integer(Int64(clamping: limit))
        return try await question("agent:\(route.agentID)", "history", JSON.object(params).encoded())
    }

    package func sessions(params: [UInt8]) async throws(ConversationError) -> [UInt8] {
        let wanted = (try? JSON(parsing: params))?["agentId"]?.string?.lowercased()  // bad params name no agent
        let agents = config.agents.filter { wanted == nil || $0.id == wanted }
        guard let first = agents.first else { throw .invalid("no agent \(wanted ?? "")") }
        var answers = SessionLists(try await question(first.worker, "sessions", params))
        for agent in agents.dropFirst() { answers.add(try await question(agent.worker, "sessions", params)) }
        return answers.merged
    }

    package func subscribe(
        _ handler: @escaping @Sendable (ConversationEvent) -> Void
    ) -> any ConversationSubscription {
        let token = lastSubscription.add(1, ordering: .relaxed).newValue
        let engine = engine
        let loop = worker.eventLoop
        if loop.inEventLoop {
            engine.value.subscribe(token, handler)
        } else {
            loop.execute { engine.value.subscribe(token, handler) }
        }
        return Subscription { loop.execute { engine.value.unsubscribe(token) } }
    }

    package func workers() async -> [WorkerRow] {
        let rows = try? await onLoop { Array($0.core.table.values) }  // the loop lives as long as the process
        return (rows ?? []).sorted { $0.id < $1.id }
    }

    package func channels(_ ids: [String], ignoredSince: Int64) async -> [String: ChannelFacts] {
        let known = try? await onLoop { engine in  // the loop lives
            (engine.core.channelStatus, engine.core.intakeStopped.isEmpty)
        }
        var facts = Dictionary(ids.map { ($0, known?.0[$0]?.facts ?? ChannelFacts()) }) { first, _ in first }
        // While the disk is full the writer may be waiting for space.
        guard known?.1 == true,
            let figures = try? await writer.commit(
                .relaxed,
                { journal throws(JournalError) in try journal.figures(of: ids, ignoredSince: ignoredSince) }
            )
        else { return facts }
        for id in ids { facts[id]?.figures = figures[id] }
        return facts
    }

    package func ask(
        worker: String,
        method: String,
        params: [UInt8],
        milliseconds: Int64
    ) async throws(ConversationError) -> [UInt8] {
        try await ask { engine, continuation in
            engine.ask(worker, method, params, within: .milliseconds(milliseconds), continuation)
        }.get()
    }

    package func deliveryStatus() async -> DeliveryStatus {
        var status = DeliveryStatus()
        let stopped = try? await onLoop { ($0.core.intakeStopped, $0.core.turns.count, $0.core.sends.count) }
        status.intakeStopped = stopped?.0 ?? ""
        status.turnsRunning = stopped?.1 ?? 0
        status.outboxInflight = stopped?.2 ?? 0
        // While the disk is full the writer may be waiting for space; what is known here is told then.
        guard status.intakeStopped.isEmpty,
            let counts = try? await writer.commit(.relaxed, { journal throws(JournalError) in try journal.counts() })
        else { return status }
        status.inboxPending = counts.inboxPending + counts.turnsQueued
        status.turnsRunning = counts.turnsRunning
        status.outboxPending = counts.outboxPending
        status.outboxInflight = counts.outboxInflight
        status.deadLetters = counts.deadLetters
        return status
    }

    // MARK: Across to the loop

    private func question(
        _ worker: String,
        _ method: String,
        _ params: [UInt8]
    ) async throws(ConversationError) -> [UInt8] {
        try await ask { engine, continuation in engine.ask(worker, method, params, continuation) }.get()
    }

    func ask<Answer: Sendable>(
        _ body: @escaping @Sendable (EngineLoop, CheckedContinuation<Answer, Never>) -> Void
    ) async -> Answer {
        let engine = engine
        return await withCheckedContinuation { continuation in
            worker.eventLoop.execute { body(engine.value, continuation) }
        }
    }

    func onLoop<Value: Sendable>(_ body: @escaping @Sendable (EngineLoop) throws -> Value) async throws -> Value {
        let engine = engine
        return try await worker.eventLoop.submit { try body(engine.value) }.get()
    }
}

/// Ends a subscription.
private struct Subscription: ConversationSubscription {
    let end: @Sendable () -> Void

    init(_ end: @escaping @Sendable () -> Void) {
        self.end = end
    }

    func cancel() { end() }
}

/// Why the engine cannot run.
package enum EngineError: Error, Sendable, CustomStringConvertible {
    /// The supervisor handed down no hub.
    case noHub
    /// The supervisor gave no key to check workers with.
    case noKey
    /// The journal cannot be used; in words, with what to do.
    case journal(String)

    package var description: String {
        switch self {
        case .noHub: "the supervisor handed down no listener for the hub"
        case .noKey: "the supervisor gave no key for the hub"
        case .journal(let text): text
        }
    }
}

/// Opens the journal and builds the engine; `run` serves.
///
/// Throws `EngineError` in words for the operator when the journal cannot be used.
package func makeDelivery(worker: Worker, config: GatewayConfig) async throws -> DeliveryEngine {
    guard let key = worker.start.hubKey else { throw EngineError.noKey }
    let state = config.stateDirectory.isEmpty ? worker.start.stateDirectory : config.stateDirectory
    let loop = worker.eventLoop
    let box = Mutex<NIOLoopBound<EngineLoop>?>(nil)
    let log = worker.log
    let opened: (writer: JournalWriter, warning: String?)
    do {
        opened = try await JournalWriter.open(JournalPlace(stateDirectory: state)) { notice in
            loop.execute { tell(notice, to: box.withLock { $0 }?.value, log) }
        }
    } catch {
        throw EngineError.journal("\(error)")
    }
    if let warning = opened.warning { log.error("\(warning)") }
    let lifeline = worker.lifeline
    let pairing = PairingStore(stateDirectory: state) { log.warning("\($0)") }
    let ports = EngineLoop.Ports(
        writer: opened.writer,
        pairing: pairing,
        killPoints: worker.start.killPoints,
        now: { Int64(Date().timeIntervalSince1970 * 1000) },
        tell: { lifeline.send($0) },
        log: ChannelLog(gateway: log).write
    )
    let built = try await loop.submit {
        let engine = EngineLoop(loop: loop, config: config, ports: ports)
        let hub = HubServer(
            loop: loop,
            key: key,
            build: worker.start.build,
            events: engine,
            limits: HubLimits(config.endpoint)
        )
        engine.attach(hub)
        return (NIOLoopBound(engine, eventLoop: loop), NIOLoopBound(hub, eventLoop: loop))
    }.get()
    box.withLock { $0 = built.0 }
    return DeliveryEngine(
        worker: worker,
        config: config,
        writer: opened.writer,
        pairing: pairing,
        epoch: Hex.encode(SHA256.hash(key).prefix(8)),
        engine: built.0,
        hub: built.1
    )
}

/// The journal's news, on the event loop.
private func tell(_ notice: JournalWriter.Notice, to engine: EngineLoop?, _ log: Logger) {
    switch notice {
    case .intakeStopped(let reason): engine?.apply(.intakeStopped(reason))
    case .intakeResumed: engine?.apply(.intakeStopped(nil))
    case .corrupt(let path):
        log.critical("the journal is damaged and kept as \(path): the gateway starts again with a new one")
        exit(1)
    case .stuck(let reason):
        log.critical("\(reason)")
        exit(1)
    }
}
