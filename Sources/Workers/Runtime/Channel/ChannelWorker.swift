internal import FoundationEssentials
internal import Glibc
internal import IPCHub
internal import Logging
internal import Synchronization

/// The channel contract (`docs/ipc.md` section 2.1), the same for every network.
package final class ChannelWorker: Sendable {
    private let worker: Worker
    private let network: any ChannelNetwork
    private let questions: WorkerQuestions
    private let files: MediaServer?
    let publicURLs = PublicURLs()
    let calls = CallKeeper()
    private let state = Mutex(State())
    private let link = Mutex<HubLink?>(nil)

    private struct State {
        var ledger = ChannelLedger()
        /// Links that were greeted so far.
        var links = 0
        /// Without its gap, which is told once.
        var status: HubChannelStatus?
        /// Stretches of lost messages that the gateway was not told of yet, oldest first.
        var gaps: [String] = []
        var cursor: [UInt8]?
        var waiting: [UInt64: CheckedContinuation<Void, any Error>] = [:]
        var cursorWaiter: CheckedContinuation<[UInt8], any Error>?
    }

    /// Gaps that wait for a link; of more the newest count.
    static let gapLimit = 16

    package init(worker: Worker, network: any ChannelNetwork) {
        self.worker = worker
        self.network = network
        questions = WorkerQuestions(who: "channel", loop: worker.eventLoop) {
            await network.answer(method: $0, params: $1)
        }
        files = network.media.map { MediaServer(worker: worker, owner: $0) }
        calls.attach { [weak self] in await self?.send($0) ?? false }
    }

    /// Serves until the supervisor drains this worker.
    package func run() async throws {
        let link = HubLink(
            worker: worker,
            hello: { self.hello() },
            welcomed: { await self.welcomed() },
            receive: { await self.receive($0) }
        )
        self.link.withLock { $0 = link }
        let serving = Task { await link.run() }
        let intake = Task { try await self.runNetwork() }
        // Both tasks end with the process, or here.
        let drain = Task {
            let drain = await self.worker.lifeline.drained()
            intake.cancel()
            return drain
        }
        do {
            try await intake.value
        } catch is CancellationError {
        } catch let error as ChannelFatal {
            await worker.lifeline.fatal(error.description)
        }
        let request = await drain.value
        await settle(within: request)
        serving.cancel()
    }

    // MARK: Intake

    private func runNetwork() async throws {
        let cursor = try await firstCursor()
        worker.lifeline.ready()
        do {
            try await network.run(ChannelIntake(cursor: cursor, worker: self))
        } catch let error as ChannelFatal {
            throw error
        } catch {
            guard !Task.isCancelled else { throw CancellationError() }
            throw error
        }
    }

    private func firstCursor() async throws -> [UInt8] {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let known = state.withLock { state -> Result<[UInt8], any Error>? in
                    if let cursor = state.cursor { return .success(cursor) }
                    guard !Task.isCancelled else { return .failure(CancellationError()) }
                    state.cursorWaiter = continuation
                    return nil
                }
                if let known { continuation.resume(with: known) }
            }
        } onCancel: {
            takeCursorWaiter()?.resume(throwing: CancellationError())
        }
    }

    private func takeCursorWaiter() -> CheckedContinuation<[UInt8], any Error>? {
        state.withLock { state in
            defer { state.cursorWaiter = nil }
            return state.cursorWaiter
        }
    }

    func deliver(_ events: [ChannelEvent]) async throws {
        let (inbound, links) = state.withLock { ($0.ledger.take(events), $0.links) }
        // One refused event makes the network ask for all of them again; their keys make that harmless.
        defer { state.withLock { state in for event in inbound { state.ledger.forget(event.seq) } } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for event in inbound {
                group.addTask { try await self.acknowledged(event.seq) }
            }
            for event in inbound {
                worker.reach("inbound.before-frame")
                // Without a link the next one brings them all, in order (`welcomed`). Sent from here too, a later one could
                // come before it, and its cursor would stand for events that the journal does not have.
                guard state.withLock({ $0.links == links }), await send(.inbound(event)) else { break }
                worker.reach("inbound.after-frame")
            }
            try await group.waitForAll()
        }
        worker.reach("inbound.after-ack")
    }

    private func acknowledged(_ seq: UInt64) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result = state.withLock { state -> Result<Void, any Error>? in
                    if let result = Self.result(state.ledger.fate(of: seq)) { return result }
                    guard !Task.isCancelled else { return .failure(CancellationError()) }
                    state.waiting[seq] = continuation
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let continuation = state.withLock { $0.waiting.removeValue(forKey: seq) }
            continuation?.resume(throwing: CancellationError())
        }
    }

    private static func result(_ fate: ChannelLedger.Fate) -> Result<Void, any Error>? {
        switch fate {
        case .open: nil
        case .journaled: .success(())
        case .refused(let words): .failure(ChannelRefusal(description: words))
        }
    }

    func move(to cursor: [UInt8]) async {
        var message = HubCursor()
        message.cursor = Data(cursor)
        _ = await send(.cursor(message))
    }

    func publish(_ status: HubChannelStatus) async {
        state.withLock { state in
            state.status = status
            state.status?.gap = ""
            if !status.gap.isEmpty { state.gaps = (state.gaps + [status.gap]).suffix(Self.gapLimit) }
        }
        worker.lifeline.status(status.error.isEmpty ? status.name : status.error)
        await tellStatus()
    }

    /// Sends the status; before it what was lost, until a link has taken it.
    private func tellStatus() async {
        guard let status = state.withLock({ $0.status }) else { return }
        while let gap = state.withLock({ $0.gaps.isEmpty ? nil : $0.gaps.removeFirst() }) {
            var told = status
            told.gap = gap
            guard await send(.channelStatus(told)) else {
                return state.withLock { $0.gaps.insert(gap, at: 0) }
            }
        }
        _ = await send(.channelStatus(status))
    }

    // MARK: Link

    private func hello() -> HubHello {
        state.withLock { state in
            state.links += 1
            var hello = HubHello()
            hello.acceptedRows = state.ledger.accepted.sorted()
            hello.unackedResults = Array(state.ledger.results.values)
            return hello
        }
    }

    private func welcomed() async {
        let (results, backlog) = state.withLock { (Array($0.ledger.results.values), $0.ledger.backlog) }
        for result in results { _ = await send(.sendResult(result)) }
        for inbound in backlog { _ = await send(.inbound(inbound)) }
        await calls.welcomed()
        await tellStatus()
    }

    private func receive(_ message: HubMessage) async {
        switch message {
        case .cursor(let cursor):
            state.withLock { state in
                if state.cursor == nil { state.cursor = Array(cursor.cursor) }
            }
            takeCursorWaiter()?.resume(returning: Array(cursor.cursor))
        case .inboundAck(let ack): acknowledge(ack)
        case .normalize(let request): await normalize(request)
        case .send(let chunk): await accept(chunk)
        case .resultAck(let ack): state.withLock { $0.ledger.acknowledgeResult(ack.row) }
        case .activity(let activity):
            let target = Array(activity.target)
            Task { await self.network.activity(target) }  // best effort; ends by its own time limit
        case .request(let request):
            if let link = link.withLock({ $0 }) { questions.answer(request, on: link) }
        case .streamOpen(let open): serve(open)
        case .publicURL(let url): publicURLs.receive(url)
        case .callRecord, .callAck, .callsKnown: _ = calls.received(message)
        default: worker.log.warning("the gateway sent a frame of type \(message.type) that a channel has no use for")
        }
    }

    private func serve(_ open: HubStreamOpen) {
        guard let files else {
            return worker.log.warning("a file was asked for, and messages of this network carry none")
        }
        files.accept(open)
    }

    private func acknowledge(_ ack: HubInboundAck) {
        let (waiter, result) = state.withLock { state in
            _ = state.ledger.acknowledge(ack.seq, refused: ack.refused)
            let waiter = state.waiting.removeValue(forKey: ack.seq)
            return (waiter, waiter == nil ? nil : Self.result(state.ledger.fate(of: ack.seq)))
        }
        if let waiter, let result { waiter.resume(with: result) }
    }

    private func normalize(_ request: HubNormalize) async {
        worker.reach("normalize.received")
        var answer = HubNormalized()
        answer.row = request.row
        switch network.normalize(Array(request.raw)) {
        case .message(let message): answer.message = message
        case .ignored(let reason): answer.ignored = reason.isEmpty ? "nothing to answer" : reason
        case .refused(let message, let reason):
            answer.message = message
            answer.ignored = reason.isEmpty ? "refused" : reason
        }
        // What is small cannot become too long for a frame; what cannot be sent would be waited for for ever.
        if request.raw.count > 64 << 10, (try? HubConnection.bytes(.normalized(answer))) == nil {
            answer.clearMessage()
            answer.ignored = "a message that is more than \(Frame.lengthLimit) bytes when it is read"
        }
        _ = await send(.normalized(answer))
        worker.reach("normalized.after-frame")
    }

    private func accept(_ chunk: HubSend) async {
        worker.reach("send.received")
        switch state.withLock({ $0.ledger.accept(chunk.row) }) {
        case .known(nil): return
        case .known(let result?): _ = await send(.sendResult(result))
        case .busy:
            var result = HubSendResult()
            result.row = chunk.row
            result.outcome = .retry
            result.retryAfterMs = 1000
            result.error = "too many chunks at once"
            _ = await send(.sendResult(result))
        case .deliver:
            // Ends with the process; bounded by the ledger's limit. The gateway keeps a conversation's chunks in order.
            Task {
                self.worker.reach("send.before-call")
                var result = await self.network.send(chunk)
                result.row = chunk.row
                self.worker.reach("send.after-call")
                self.state.withLock { $0.ledger.finish(result) }
                _ = await self.send(.sendResult(result))
                self.worker.reach("result.after-frame")
            }
        }
    }

    private func send(_ message: HubMessage) async -> Bool {
        guard let link = link.withLock({ $0 }) else { return false }
        return await link.send(message)
    }

    // MARK: Drain

    /// Until the gateway says DRAINED (which ends the process) or the time is over. Without a link nobody can say it, and a
    /// restart then waits only for what is in hand; a shutdown stays for answers that may still come.
    private func settle(within drain: Drain) async {
        let deadline = ContinuousClock.now + .milliseconds(drain.milliseconds)
        while ContinuousClock.now < deadline {
            let isLinked = link.withLock { $0?.isLinked ?? false }
            if drain.reason != "shutdown", !isLinked, state.withLock({ $0.ledger.isIdle }) { return }
            try? await Task.sleep(for: .milliseconds(20))  // only while draining, for seconds at most
        }
    }
}

/// Runs a channel worker to its end. `make` builds the network once the event loop is there.
package func runChannel(
    _ start: WorkerStart,
    _ make: @escaping @Sendable (Worker) throws -> any ChannelNetwork
) -> Never {
    runWorker(start, sandbox: Sandbox(network: true)) { worker in
        try await ChannelWorker(worker: worker, network: try make(worker)).run()
    }
}
