internal import IPCControl
internal import IPCHub
internal import NIOCore
internal import NIOPosix
internal import Runtime

/// The gateway's side of all links: accepts, checks HELLO, keeps the newest incarnation's link, pairs streams.
///
/// Everything happens on one event loop, which is also the engine's.
final class HubServer {
    let limits: HubLimits
    let welcome: HubWelcome
    private let loop: any EventLoop
    private let events: any HubEvents
    private var hellos: HelloCheck
    private var connections: [ObjectIdentifier: LinkHandler] = [:]
    private var links: [String: Link] = [:]
    private var handlers: [Int: LinkHandler] = [:]
    private var streams: [String: Stream] = [:]
    /// By worker, the one that rested last at the end.
    private var resting: [String: [Resting]] = [:]
    /// One for all that rest: setting one up for each request would be a good part of what it costs.
    private var restTimer: Scheduled<Void>?
    private var lastLink = 0
    private var lastStream = 0
    private var isPaused = false
    /// Rows that came with answers while the journal is behind, in their order.
    private var rows: [(worker: String, row: HubLedgerRow)] = []
    private var listener: (any Channel)?

    private struct Link {
        var id: Int
        var incarnation: UInt64
        var isWelcomed = false
    }

    /// A stream that waits for its other end.
    private struct Stream {
        var opener: any StreamOpener
        var target: String
        var deadline: Scheduled<Void>
    }

    private struct Resting {
        var handler: LinkHandler
        var until: NIODeadline
    }

    init(loop: any EventLoop, key: [UInt8], build: String, events: any HubEvents, limits: HubLimits = HubLimits()) {
        self.loop = loop
        self.limits = limits
        self.events = events
        hellos = HelloCheck(key: key, build: build)
        var welcome = HubWelcome()
        welcome.build = build
        self.welcome = welcome
    }

    /// What serves the listener that the supervisor bound.
    func bootstrap() -> ServerBootstrap {
        let server = NIOLoopBound(self, eventLoop: loop)
        return ServerBootstrap(group: loop)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.recvAllocator, value: ReadBuffers.allocator)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(LinkHandler(server: server.value))
                }
            }
    }

    func adopted(_ listener: any Channel) { self.listener = listener }

    /// Takes no more connections.
    func stopListening() { listener?.close(promise: nil) }

    // MARK: For the engine

    /// Sends a frame on a link; `done` is called when the kernel has it.
    func send(_ link: Int, _ message: HubMessage, then done: (@Sendable () -> Void)? = nil) {
        guard let handler = handlers[link] else { return }
        // Signs of activity are worth nothing late.
        if case .activity = message, !handler.isWritable { return }
        guard handler.write(message, then: done) else {
            events.hubWarning("\(limits.pendingBytes) bytes wait for a worker that does not read: its link is closed")
            return handler.close()
        }
        if case .welcome = message { welcomed(link) }
    }

    func close(_ link: Int) { handlers[link]?.close() }

    /// While the journal is behind nothing is read from the workers.
    func pause(_ isPaused: Bool) {
        guard self.isPaused != isPaused else { return }
        self.isPaused = isPaused
        for handler in handlers.values { handler.pause(isPaused) }
        guard !isPaused else { return }
        let rows = rows
        self.rows = []
        for (worker, row) in rows { received(row, of: worker) }
    }

    // MARK: For the connections

    /// Whether there is room for one more.
    func opened(_ handler: LinkHandler) -> Bool {
        guard connections.count < limits.connections else {
            events.hubWarning("more than \(limits.connections) connections to the hub: one is closed")
            return false
        }
        connections[ObjectIdentifier(handler)] = handler
        return true
    }

    func closed(_ handler: LinkHandler) { connections[ObjectIdentifier(handler)] = nil }

    func malformed(_ name: String, _ error: any Error) {
        events.hubWarning("\(name) sent \(error): its connection is closed")
    }

    func greeted(_ hello: HubHello, by handler: LinkHandler) {
        switch hellos.check(hello) {
        case .control: control(hello, handler)
        case .opens(let stream, let target): open(stream, target, handler)
        case .serves(let stream): serve(stream, hello.worker, handler)
        case .refused(let reason, let text):
            if reason == .refused {
                events.hubWarning("a connection as \(hello.worker.prefix(96)) is refused: \(text)")
            }
            handler.dismiss(reason, text)
        }
    }

    func received(worker: String, link: Int, message: HubMessage) {
        events.received(worker: worker, link: link, message: message)
    }

    /// A row of the ledger that came with an answer counts as told on the worker's link; without one it is told again on the
    /// next.
    func received(_ row: HubLedgerRow, of worker: String) {
        guard let link = links[worker], link.isWelcomed else { return }
        guard isPaused else { return events.received(worker: worker, link: link.id, message: .ledgerRow(row)) }
        if rows.count < limits.rows { return rows.append((worker, row)) }
        // It tells everything again on its next link, which is not read before the journal has caught up.
        handlers[link.id]?.close()
    }

    func lost(worker: String, link: Int) {
        handlers[link] = nil
        guard links[worker]?.id == link else { return }
        links[worker] = nil
        events.unlinked(worker: worker, link: link)
    }

    func abandoned(stream: String, by opener: any StreamOpener) {
        guard let waiting = streams[stream], waiting.opener === opener else { return }
        waiting.deadline.cancel()
        streams[stream] = nil
    }

    // MARK: Links

    private func control(_ hello: HubHello, _ handler: LinkHandler) {
        lastLink += 1
        let old = links[hello.worker].flatMap { handlers.removeValue(forKey: $0.id) }
        links[hello.worker] = Link(id: lastLink, incarnation: hello.incarnation)
        handlers[lastLink] = handler
        handler.becomeControl(worker: hello.worker, link: lastLink)
        if isPaused { handler.pause(true) }
        old?.dismiss(.superseded, "incarnation \(hello.incarnation) has a newer link")
        events.linked(worker: hello.worker, link: lastLink, hello: hello)
    }

    private func welcomed(_ link: Int) {
        guard let worker = links.first(where: { $0.value.id == link })?.key else { return }
        links[worker]?.isWelcomed = true
        for (stream, waiting) in streams where waiting.target == worker { announce(stream, on: link) }
    }

    private func announce(_ stream: String, on link: Int) {
        var open = HubStreamOpen()
        open.stream = stream
        handlers[link]?.write(.streamOpen(open))
    }

    // MARK: Streams

    /// A stream of the gateway's own to a worker, which is started for it. `receive` is called on the event loop, never
    /// before this returns.
    ///
    /// - Parameter isFresh: on a connection of its own, not on one that has served before.
    func open(
        _ target: String,
        isFresh: Bool = false,
        receive: @escaping (GatewayStream.Event) -> Void
    ) -> GatewayStream {
        lastStream += 1
        let id = "\(GatewayStream.prefix)\(lastStream)"
        let bound = NIOLoopBound(self, eventLoop: loop)
        let stream = GatewayStream(
            worker: target,
            withdraw: { bound.value.abandoned(stream: id, by: $0) },
            rest: { bound.value.rest($0, target) },
            receive: receive
        )
        let opened = NIOLoopBound(stream, eventLoop: loop)
        loop.execute {
            guard !opened.value.isOver else { return }
            if !isFresh, let handler = bound.value.wake(target) {
                opened.value.reuse(handler)
            } else {
                bound.value.open(id, target, opened.value)
            }
        }
        return stream
    }

    private func rest(_ handler: LinkHandler, _ worker: String) {
        let count = resting[worker]?.count ?? 0
        guard count < limits.resting, links[worker] != nil, !events.isLeaving(worker) else { return handler.close() }
        handler.rest(worker)
        let until = NIODeadline.now() + limits.rest
        resting[worker, default: []].append(Resting(handler: handler, until: until))
        if restTimer == nil { endRests(at: until) }
    }

    /// The timer stays as it is when a connection is taken: those that rest later are due later.
    private func endRests(at time: NIODeadline) {
        let bound = NIOLoopBound(self, eventLoop: loop)
        restTimer = loop.scheduleTask(deadline: time) { bound.value.endRests() }
    }

    private func endRests() {
        restTimer = nil
        let now = NIODeadline.now()
        for rested in resting.values.joined() where rested.until <= now { rested.handler.close() }
        if let next = resting.values.joined().map(\.until).filter({ $0 > now }).min() { endRests(at: next) }
    }

    /// A connection to the worker that rests; who is leaving takes nothing new on any.
    private func wake(_ worker: String) -> LinkHandler? {
        guard let rested = resting[worker]?.last, links[worker] != nil, !events.isLeaving(worker) else { return nil }
        stoppedResting(rested.handler, worker)
        return rested.handler
    }

    func stoppedResting(_ handler: LinkHandler, _ worker: String) {
        guard let index = resting[worker]?.lastIndex(where: { $0.handler === handler }) else { return }
        resting[worker]?.remove(at: index)
        if resting[worker]?.isEmpty == true { resting[worker] = nil }
    }

    private func open(_ stream: String, _ target: String, _ opener: any StreamOpener) {
        guard streams[stream] == nil else { return opener.dismiss(.refused, "the stream is open already") }
        guard streams.count < limits.streams else {
            return opener.dismiss(.unavailable, "\(limits.streams) streams wait already: try again")
        }
        if let absence = events.absence(of: target) { return opener.dismiss(.unavailable, absence) }
        let bound = NIOLoopBound(self, eventLoop: loop)
        let deadline = loop.scheduleTask(in: limits.pairing) { bound.value.expired(stream) }
        streams[stream] = Stream(opener: opener, target: target, deadline: deadline)
        (opener as? LinkHandler)?.becomeWaiting(stream: stream)
        if let link = links[target], link.isWelcomed, !events.isLeaving(target) {
            announce(stream, on: link.id)
        } else {
            demand(stream)
        }
    }

    /// Has the target started, again and again until it is there or the time is over.
    private func demand(_ stream: String) {
        guard let waiting = streams[stream] else { return }
        if let absence = events.absence(of: waiting.target) { return give(stream, up: absence) }
        if links[waiting.target] == nil {
            events.wanted(worker: waiting.target)
        } else if !events.isLeaving(waiting.target) {
            return
        }
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: limits.startEvery) { bound.value.demand(stream) }
    }

    private func serve(_ stream: String, _ worker: String, _ handler: LinkHandler) {
        guard let waiting = streams[stream], waiting.target == worker else {
            return handler.dismiss(.unavailable, "nobody waits for this stream any more")
        }
        streams[stream] = nil
        waiting.deadline.cancel()
        waiting.opener.join(handler)
    }

    private func expired(_ stream: String) {
        guard let target = streams[stream]?.target else { return }
        if events.isLeaving(target) {
            // It ends what it has in hand, which has a limit of its own; the time of the next one begins after it.
            let bound = NIOLoopBound(self, eventLoop: loop)
            streams[stream]?.deadline = loop.scheduleTask(in: limits.pairing) { bound.value.expired(stream) }
            return
        }
        give(stream, up: events.absence(of: target) ?? "\(target) did not come in time")
    }

    private func give(_ stream: String, up text: String) {
        guard let waiting = streams.removeValue(forKey: stream) else { return }
        waiting.deadline.cancel()
        waiting.opener.dismiss(.unavailable, text)
    }
}
