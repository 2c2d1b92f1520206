internal import Config
internal import Logging
internal import NIOCore

/// What all connections share: who is connected, what they are told, and the gateway's state as last seen. Lives on one
/// event loop; everything but `init` is called there.
final class EdgeCore {
    let limits: EdgeLimits
    let log: Logger
    let methods: MethodContext
    let eventLoop: any EventLoop
    /// Whether the process at the other end of our Unix socket belongs to our own tree.
    let isOwnTree: @Sendable (_ pid: Int32) -> Bool
    let config: GatewayConfig
    private let conversations: any Conversations
    let clock: EdgeClock
    let admission: Admission
    let routes: HTTPRoutes
    var connections: [ObjectIdentifier: WebSocketConnection] = [:]
    /// WebSockets that are not closed yet, whether they still count as clients or not.
    private var sockets = 0
    var counts = ConnectionCounts()
    var limiter = AuthLimiter()
    private var presence: Presence
    private var publisher = RunPublisher()
    private var version = StateVersion()
    private var health: WireValue = .object([])
    private var isRefreshing = false
    private var lastRefresh: ContinuousClock.Instant?
    private var refreshTimer: Scheduled<Void>?
    private var workersPending = false
    private var deltaTimer: Scheduled<Void>?
    private var timers: [RepeatedTask] = []
    private var subscription: (any ConversationSubscription)?
    private var emptied: EventLoopPromise<Void>?
    private(set) var isDraining = false
    var probes = ProbeWatch()
    /// For `ps` and `status`: what is wrong with the probes, or nothing any more.
    let remark: @Sendable (String) -> Void
    let relays: RelayDoor
    let kept: KeptConnections

    init(
        config: GatewayConfig,
        secret: SharedSecret,
        owner: UInt32,
        host: String,
        conversations: any Conversations,
        isSafeMode: Bool,
        methods: MethodContext,
        limits: EdgeLimits,
        clock: EdgeClock,
        log: Logger,
        eventLoop: any EventLoop,
        isOwnTree: @escaping @Sendable (_ pid: Int32) -> Bool,
        remark: @escaping @Sendable (String) -> Void = { _ in },
        relays workers: (any RelayWorkers)? = nil
    ) {
        self.remark = remark
        self.isOwnTree = isOwnTree
        self.config = config
        self.conversations = conversations
        self.methods = methods
        self.limits = limits
        self.clock = clock
        self.log = log
        self.eventLoop = eventLoop
        admission = Admission(
            secret: secret,
            allowedOrigins: config.controlUI.allowedOrigins,
            trustedProxies: config.trustedProxies,
            owner: owner
        )
        routes = HTTPRoutes(config: config, secret: secret, isSafeMode: isSafeMode)
        kept = KeptConnections(limits: limits, eventLoop: eventLoop)
        relays = RelayDoor(config: config, limits: limits, now: clock.now, workers: workers)
        presence = Presence(host: host, version: config.version)
    }

    func start() {
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        let eventLoop = eventLoop
        subscription = conversations.subscribe { event in
            eventLoop.execute { this.value.take(event) }
        }
        timers = [
            eventLoop.scheduleRepeatedTask(initialDelay: limits.tick, delay: limits.tick) { _ in this.value.tick() },
            eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: limits.health) { _ in this.value.refreshHealth()
            },
        ]
        if !config.flyApp.isEmpty {
            eventLoop.scheduleTask(in: limits.firstProbe) { this.value.expectProbe() }
        }
    }

    // MARK: Connections

    /// A socket was accepted, by whichever listener.
    func accepted() {
        counts.open += 1
        counts.accepted += 1
    }

    /// A socket is closed.
    func disconnected() {
        counts.open -= 1
        finishWhenEmpty()
    }

    func opened(_ connection: WebSocketConnection) {
        connections[ObjectIdentifier(connection)] = connection
        sockets += 1
    }

    /// The connection's socket is closed.
    func gone() {
        sockets -= 1
        finishWhenEmpty()
    }

    /// A request that was accepted is answered, too, before the gateway may go: its end would reset the connection.
    private func finishWhenEmpty() {
        if sockets == 0, counts.open <= 0 { emptied?.succeed() }
    }

    /// Called once when the connection begins to close and again when it is gone; only the first counts.
    func closed(_ connection: WebSocketConnection, caller: Caller?) {
        if let caller {
            counts.admitted -= 1
            if presence.disconnected(caller, now: clock.now(), timestampMilliseconds: clock.wall()) {
                presenceChanged()
            }
        }
        connections[ObjectIdentifier(connection)] = nil
    }

    func challenge() -> [UInt8] {
        let payload: WireValue = ["nonce": .string(EdgeID.make()), "ts": .integer(clock.wall())]
        return OutgoingFrame.event("connect.challenge", payload: payload.encoded(), sequence: nil)
    }

    func admit(_ request: RequestFrame, connection: WebSocketConnection) throws(Admission.Refusal) -> Caller {
        let peer = connection.peer
        let now = clock.now()
        let key = peer.limiterKey(trustedProxies: config.trustedProxies)
        let isLocal = peer.isLocal(trustedProxies: config.trustedProxies)
        do {
            let caller = try admission.admit(
                request,
                from: peer,
                connectionID: connection.id,
                wait: isLocal ? nil : limiter.wait(key, now: now)
            )
            limiter.succeeded(key)
            return caller
        } catch {
            log.info("refused a client: \(error.error.message)", metadata: ["from": "\(key.isEmpty ? "socket" : key)"])
            if error.isFailedAttempt {
                counts.authFailures += 1
                if !isLocal { limiter.failed(key, now: now) }
            }
            throw error
        }
    }

    func admitted(_ connection: WebSocketConnection, _ caller: Caller) {
        counts.admitted += 1
        refreshHealth()
    }

    /// The hello of a client that got in (spec/gateway-protocol.md 1.7).
    func welcome(_ connection: WebSocketConnection, _ caller: Caller) -> WireValue {
        presence.connected(caller, now: clock.now(), timestampMilliseconds: clock.wall())
        version.presence += 1
        return Hello(
            config: config,
            caller: caller,
            presence: presenceList(),
            health: health,
            version: version,
            uptimeMilliseconds: methods.uptimeMilliseconds,
            limits: limits
        ).payload
    }

    func presenceList() -> WireValue {
        presence.list(now: clock.now(), timestampMilliseconds: clock.wall())
    }

    func watchWorkers(_ connectionID: String) {
        for connection in connections.values where connection.id == connectionID { connection.watchesWorkers = true }
    }

    // MARK: Runs

    func hold(_ runID: String) { _ = publisher.hold(runID) }

    func release(_ runID: String) {
        publish(publisher.release(runID, now: clock.now(), wall: clock.wall()))
    }

    func take(_ event: ConversationEvent) {
        if case .workersChanged = event { return workersChanged() }
        publish(publisher.take(event, now: clock.now(), wall: clock.wall()))
    }

    private func publish(_ publications: [Publication]) {
        for publication in publications { broadcast(publication) }
        scheduleDeltas()
    }

    /// Text held back by the interval goes out when it is over, even if the model pauses then.
    private func scheduleDeltas() {
        guard deltaTimer == nil, let due = publisher.nextDue else { return }
        let wait = max(0, clock.now().duration(to: due).wholeMilliseconds)
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        deltaTimer = eventLoop.scheduleTask(in: .milliseconds(wait + 1)) { this.value.deltasDue() }
    }

    private func deltasDue() {
        deltaTimer = nil
        publish(publisher.due(now: clock.now(), wall: clock.wall()))
    }

    // MARK: Events

    func broadcast(_ publication: Publication) {
        let receivers = connections.values.filter { Self.receives(publication.audience, $0) }
        guard !receivers.isEmpty else { return }
        let payload = publication.payload.encoded()
        for connection in receivers {
            connection.deliver(
                publication.event,
                payload: payload,
                canBeDropped: publication.canBeDropped,
                stateVersion: publication.carriesStateVersion ? version : nil
            )
        }
    }

    private static func receives(_ audience: Publication.Audience, _ connection: WebSocketConnection) -> Bool {
        guard let caller = connection.caller else { return false }
        return switch audience {
        case .everyone: true
        case .readers: caller.has(.read)
        case .toolReaders: caller.has(.read) && caller.wantsToolEvents
        case .workerWatchers: connection.watchesWorkers
        }
    }

    private func tick() {
        let payload: WireValue = ["ts": .integer(clock.wall())]
        broadcast(Publication(event: "tick", payload: payload, audience: .everyone, canBeDropped: true))
    }

    private func presenceChanged() {
        version.presence += 1
        broadcast(
            Publication(
                event: "presence",
                payload: ["presence": presenceList()],
                audience: .everyone,
                canBeDropped: true,
                carriesStateVersion: true
            )
        )
    }

    /// Asks the engine and tells everybody; one question at a time and one in `healthPause`, or a crowd that connects at
    /// once would be told of each of its members.
    func refreshHealth() {
        guard !isRefreshing, refreshTimer == nil else { return }
        let now = clock.now()
        if let last = lastRefresh, last.duration(to: now) < .nanoseconds(limits.healthPause.nanoseconds) {
            let this = NIOLoopBound(self, eventLoop: eventLoop)
            refreshTimer = eventLoop.scheduleTask(in: limits.healthPause) {
                this.value.refreshTimer = nil
                this.value.lastRefresh = nil
                this.value.refreshHealth()
            }
            return
        }
        lastRefresh = now
        isRefreshing = true
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        let eventLoop = eventLoop
        let methods = methods
        // Ends with the engine's answer.
        Task {
            let start = methods.clock.now()
            let report = await methods.report()
            let duration = start.duration(to: methods.clock.now()).wholeMilliseconds
            let health = report.health(wall: methods.clock.wall(), durationMilliseconds: duration)
            eventLoop.execute { this.value.healthIs(health) }
        }
    }

    private func healthIs(_ health: WireValue) {
        isRefreshing = false
        self.health = health
        version.health += 1
        broadcast(
            Publication(event: "health", payload: health, audience: .everyone, carriesStateVersion: true)
        )
    }

    /// Heartbeats of every worker come every two seconds; whoever watches gets them gathered.
    private func workersChanged() {
        guard !workersPending, connections.values.contains(where: \.watchesWorkers) else { return }
        workersPending = true
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        let eventLoop = eventLoop
        let methods = methods
        eventLoop.scheduleTask(in: limits.workers) {
            // Ends with the engine's answer.
            Task {
                let rows = await methods.conversations.workers()
                let payload = WorkerTable.payload(rows, wall: methods.clock.wall())
                eventLoop.execute { this.value.workersAre(payload) }
            }
        }
    }

    private func workersAre(_ payload: WireValue) {
        workersPending = false
        broadcast(Publication(event: "workers", payload: payload, audience: .workerWatchers, canBeDropped: true))
    }

    // MARK: End

    /// From now on `/readyz` says no.
    func beginDraining() {
        isDraining = true
        kept.closeAll()
    }

    /// Tells every client and closes it with 1012. The future completes when all are gone or after `patience`.
    func shutdown(
        reason: String,
        restartExpectedMilliseconds: Int64?,
        patience: TimeAmount
    ) -> EventLoopFuture<Void> {
        beginDraining()
        for timer in timers { timer.cancel() }
        deltaTimer?.cancel()
        refreshTimer?.cancel()
        subscription?.cancel()
        let promise = eventLoop.makePromise(of: Void.self)
        emptied = promise
        let payload: WireValue = [
            "reason": .string(reason), "restartExpectedMs": restartExpectedMilliseconds.map(WireValue.integer),
        ]
        broadcast(Publication(event: "shutdown", payload: payload, audience: .everyone))
        for connection in Array(connections.values) { connection.close(1012, "service restart") }
        finishWhenEmpty()
        eventLoop.scheduleTask(in: patience) { promise.succeed() }
        return promise.futureResult
    }
}
