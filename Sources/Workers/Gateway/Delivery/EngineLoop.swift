internal import Config
internal import IPCControl
internal import IPCHub
internal import Journal
internal import NIOCore

/// The thin driver around `DeliveryCore`: gives it events, carries out its effects. On one event loop.
final class EngineLoop: HubEvents {
    /// What the driver needs of the world.
    struct Ports {
        var writer: JournalWriter
        var pairing: PairingStore
        var killPoints: KillPoints
        /// Milliseconds since 1970.
        var now: @Sendable () -> Int64
        /// A block to the supervisor.
        var tell: @Sendable (Block) -> Void
        var log: @Sendable (DeliveryLog) -> Void
    }

    private let loop: any EventLoop
    private let ports: Ports
    private(set) var core: DeliveryCore
    private var hub: HubServer?
    private var answering: (@Sendable (WorkerQuestion) async -> Result<[UInt8], ConversationError>)?
    private var waitingEvents: [DeliveryEvent] = []
    private var isApplying = false
    private(set) var outstanding = 0
    private var subscribers: [Int: @Sendable (ConversationEvent) -> Void] = [:]
    private var lastToken = 0
    private var chats: [Int: CheckedContinuation<ChatSendOutcome, Never>] = [:]
    private var orders: [Int: CheckedContinuation<Result<QueueItem, ConversationError>, Never>] = [:]
    private var alarm: (at: Int64, timer: Scheduled<Void>)?
    private var stops: [Int: CheckedContinuation<Result<[String], ConversationError>, Never>] = [:]
    private var questions: [Int: CheckedContinuation<Result<[UInt8], ConversationError>, Never>] = [:]

    init(loop: any EventLoop, config: GatewayConfig, limits: DeliveryLimits = DeliveryLimits(), ports: Ports) {
        self.loop = loop
        self.ports = ports
        core = DeliveryCore(config: config, limits: limits)
    }

    func attach(_ hub: HubServer) { self.hub = hub }

    /// Who answers what workers ask.
    func attach(answering: @escaping @Sendable (WorkerQuestion) async -> Result<[UInt8], ConversationError>) {
        self.answering = answering
    }

    /// Whether nothing is in anybody's hands, the journal's included.
    var isIdle: Bool { core.isIdle && outstanding == 0 }

    // MARK: Events

    /// One event and what follows from it. An event that an effect brings about waits until the effects are done.
    func apply(_ event: DeliveryEvent) {
        waitingEvents.append(event)
        guard !isApplying else { return }
        isApplying = true
        defer { isApplying = false }
        while !waitingEvents.isEmpty {
            let next = waitingEvents.removeFirst()
            for effect in core.handle(next, now: ports.now()) { perform(effect) }
        }
        if core.isShutdown, outstanding == 0 { dismissIdle() }
    }

    private func dismissIdle() {
        for effect in core.dismissIdle() { perform(effect) }
    }

    func linked(worker: String, link: Int, hello: HubHello) { apply(.linked(worker: worker, link: link, hello: hello)) }
    func unlinked(worker: String, link: Int) { apply(.unlinked(worker: worker, link: link)) }

    func received(worker: String, link: Int, message: HubMessage) {
        apply(.frame(worker: worker, link: link, message))
    }

    func wanted(worker: String) { start(worker) }

    /// Why a relayed request may not ask this model today; nil: it may.
    func objection(to model: String) -> String? { core.objection(to: model, ports.now()) }

    func absence(of worker: String) -> String? {
        guard let row = core.table[worker], row.state == "parked" else { return nil }
        return row.text.isEmpty ? "\(worker) is parked" : "\(worker) is parked: \(row.text)"
    }

    func isLeaving(_ worker: String) -> Bool { core.links[worker].map(core.isLeaving) ?? false }

    func hubWarning(_ text: String) {
        ports.log(DeliveryLog(level: .warning, subsystem: "gateway", text: text))
    }

    // MARK: Effects

    private func perform(_ effect: DeliveryEffect) {
        switch effect {
        case .commit(let commit): submit(commit)
        case .send(let link, let message, let place): send(link, message, place)
        case .close(let link): hub?.close(link)
        case .start(let worker): start(worker)
        case .exited(let worker, let incarnation):
            ports.tell(Block("EXITED", ["ID": worker, "INCARNATION": String(incarnation)]))
        case .answerChat(let token, let outcome): chats.removeValue(forKey: token)?.resume(returning: outcome)
        case .answerStop(let token, let result): stops.removeValue(forKey: token)?.resume(returning: result)
        case .answerQuestion(let token, let result): questions.removeValue(forKey: token)?.resume(returning: result)
        case .answerOrder(let token, let result): orders.removeValue(forKey: token)?.resume(returning: result)
        case .wake(let time): wake(at: time)
        case .pair(let stranger): pair(stranger)
        case .readPaired: readPaired()
        case .answerWorker(let question): answer(question)
        case .publish(let event): for subscriber in subscribers.values { subscriber(event) }
        case .log(let line): ports.log(line)
        }
    }

    // MARK: Questions of workers

    private func answer(_ question: WorkerQuestion) {
        guard let answering else {
            return apply(.answered(question, .failure(.unavailable(Sentences.shuttingDown))))
        }
        let (bound, loop) = (NIOLoopBound(self, eventLoop: loop), loop)
        // Ends with the answer, for which every question in it has a limit.
        Task {
            let answer = await answering(question)
            loop.execute { bound.value.apply(.answered(question, answer)) }
        }
    }

    // MARK: Pairing files, on their own thread

    private func pair(_ stranger: Stranger) {
        guard let access = core.access[stranger.settling.channel] else { return }
        let question = stranger.question(access.channel, access.account)
        let (bound, loop, now) = (NIOLoopBound(self, eventLoop: loop), loop, ports.now)
        ports.pairing.run(
            { store throws(PairingDisk.Failure) in try store.ask(question, now: now()) },
            done: { answer in loop.execute { bound.value.apply(.paired(stranger, answer)) } }
        )
    }

    private func readPaired() {
        let accounts = core.access.values.map { ($0.worker, $0.channel, $0.account) }
        let (bound, loop) = (NIOLoopBound(self, eventLoop: loop), loop)
        ports.pairing.run(
            { store throws(PairingDisk.Failure) in
                var lists: [String: [String]] = [:]
                for (worker, channel, account) in accounts {
                    lists[worker] = try store.approved(channel, accounts: [account])[account] ?? []
                }
                return lists
            },
            done: { result in
                // What cannot be read now leaves the lists as they were; a stranger's message tells why.
                guard case .success(let lists) = result else { return }
                loop.execute { bound.value.apply(.admitted(lists)) }
            }
        )
    }

    /// One timer is enough: the core asks again for what comes later.
    private func wake(at time: Int64) {
        if let alarm, alarm.at <= time, alarm.at > ports.now() { return }
        alarm?.timer.cancel()
        let bound = NIOLoopBound(self, eventLoop: loop)
        let pause = min(max(1, time - ports.now()), 3_600_000)
        alarm = (
            time,
            loop.scheduleTask(in: .milliseconds(pause)) {
                bound.value.alarm = nil
                bound.value.apply(.due)
            }
        )
    }

    private func start(_ worker: String) {
        ports.tell(Block("COMMAND", ["CMD": "START", "ID": worker]))
    }

    private func send(_ link: Int, _ message: HubMessage, _ place: String?) {
        guard let place else { return hub?.send(link, message) ?? () }
        let killPoints = ports.killPoints
        hub?.send(link, message, then: { killPoints.reach(place) })
    }

    private func submit(_ commit: Commit) {
        outstanding += 1
        let limits = core.limits
        let killPoints = ports.killPoints
        let now = ports.now
        let bound = NIOLoopBound(self, eventLoop: loop)
        let loop = loop
        ports.writer.submit(
            commit.durability,
            { journal throws(JournalError) in
                let result = try commit.perform(on: journal, limits: limits, now: now())
                // All is written, nothing is committed.
                if result.isStep, let place = commit.killPoint { killPoints.reach("\(place).before-commit") }
                return result
            },
            done: { result in loop.execute { bound.value.finished(commit, result) } }
        )
        if ports.writer.isCongested { hub?.pause(true) }
    }

    private func finished(_ commit: Commit, _ result: Result<Committed, JournalError>) {
        outstanding -= 1
        if case .success(let value) = result, value.isStep, let place = commit.killPoint {
            ports.killPoints.reach("\(place).after-commit")
        }
        if !ports.writer.isCongested { hub?.pause(false) }
        apply(.committed(commit, result))
    }

    // MARK: For those who ask

    func chat(_ message: ChatSend, _ continuation: CheckedContinuation<ChatSendOutcome, Never>) {
        let token = nextToken()
        chats[token] = continuation
        apply(.chat(token: token, message))
    }

    func stop(
        _ sessionKey: String,
        _ runID: String?,
        _ reason: String,
        _ continuation: CheckedContinuation<Result<[String], ConversationError>, Never>
    ) {
        let token = nextToken()
        stops[token] = continuation
        apply(.stop(token: token, sessionKey: sessionKey, runID: runID, reason: reason))
    }

    func order(
        _ order: QueueOrder,
        _ id: QueueID,
        _ continuation: CheckedContinuation<Result<QueueItem, ConversationError>, Never>
    ) {
        let token = nextToken()
        orders[token] = continuation
        apply(.order(token: token, order, id))
    }

    func ask(
        _ worker: String,
        _ method: String,
        _ params: [UInt8],
        _ continuation: CheckedContinuation<Result<[UInt8], ConversationError>, Never>
    ) {
        let token = nextToken()
        questions[token] = continuation
        apply(.question(token: token, worker: worker, method: method, params: params))
    }

    /// The same with a time limit of its own. A late answer finds nobody who waits for it.
    func ask(
        _ worker: String,
        _ method: String,
        _ params: [UInt8],
        within limit: TimeAmount,
        _ continuation: CheckedContinuation<Result<[UInt8], ConversationError>, Never>
    ) {
        ask(worker, method, params, continuation)
        let token = lastToken
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: limit) {
            bound.value.questions.removeValue(forKey: token)?
                .resume(returning: .failure(.unavailable("\(worker) did not answer in time")))
        }
    }

    func subscribe(_ token: Int, _ handler: @escaping @Sendable (ConversationEvent) -> Void) {
        subscribers[token] = handler
    }

    func unsubscribe(_ token: Int) { subscribers[token] = nil }

    private func nextToken() -> Int {
        lastToken += 1
        return lastToken
    }
}
