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
    private let state = Mutex(State())
    private let link = Mutex<HubLink?>(nil)

    private struct State {
        var ledger = ChannelLedger()
        var status: HubChannelStatus?
        var cursor: [UInt8]?
        var waiting: [UInt64: CheckedContinuation<Void, any Error>] = [:]
        var cursorWaiter: CheckedContinuation<[UInt8], Never>?
    }

    package init(worker: Worker, network: any ChannelNetwork) {
        self.worker = worker
        self.network = network
        questions = WorkerQuestions(who: "channel") { await network.answer(method: $0, params: $1) }
        files = network.media.map { MediaServer(worker: worker, owner: $0) }
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
        let cursor = await withCheckedContinuation { continuation in
            let known = state.withLock { state -> [UInt8]? in
                if state.cursor == nil { state.cursorWaiter = continuation }
                return state.cursor
            }
            if let known { continuation.resume(returning: known) }
        }
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

    func deliver(_ events: [ChannelEvent]) async throws {
        let inbound = state.withLock { $0.ledger.take(events) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for event in inbound {
                group.addTask { try await self.acknowledged(event.seq) }
            }
            for event in inbound {
                worker.reach("inbound.before-frame")
                _ = await send(.inbound(event))
                worker.reach("inbound.after-frame")
            }
            do {
                try await group.waitForAll()
            } catch {
                // One refused event makes the network ask for all of them again; their keys make that harmless.
                self.forget(inbound.map(\.seq))
                throw error
            }
        }
        worker.reach("inbound.after-ack")
    }

    private func acknowledged(_ seq: UInt64) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isOver = state.withLock { state in
                    guard state.ledger.unacked[seq] != nil, !Task.isCancelled else { return true }
                    state.waiting[seq] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let continuation = state.withLock { $0.waiting.removeValue(forKey: seq) }
            continuation?.resume(throwing: CancellationError())
        }
    }

    private func forget(_ seqs: [UInt64]) {
        let waiting = state.withLock { state in
            seqs.compactMap { seq in
                _ = state.ledger.acknowledge(seq)
                return state.waiting.removeValue(forKey: seq)
            }
        }
        for continuation in waiting { continuation.resume(throwing: CancellationError()) }
    }

    func move(to cursor: [UInt8]) async {
        var message = HubCursor()
        message.cursor = Data(cursor)
        _ = await send(.cursor(message))
    }

    func publish(_ status: HubChannelStatus) async {
        state.withLock { $0.status = status }
        worker.lifeline.status(status.error.isEmpty ? status.name : status.error)
        _ = await send(.channelStatus(status))
    }

    // MARK: Link

    private func hello() -> HubHello {
        state.withLock { state in
            var hello = HubHello()
            hello.acceptedRows = state.ledger.accepted.sorted()
            hello.unackedResults = Array(state.ledger.results.values)
            return hello
        }
    }

    private func welcomed() async {
        let (results, backlog, status) = state.withLock {
            (Array($0.ledger.results.values), $0.ledger.backlog, $0.status)
        }
        for result in results { _ = await send(.sendResult(result)) }
        for inbound in backlog { _ = await send(.inbound(inbound)) }
        if let status { _ = await send(.channelStatus(status)) }
    }

    private func receive(_ message: HubMessage) async {
        switch message {
        case .cursor(let cursor):
            let waiter = state.withLock { state in
                if state.cursor == nil { state.cursor = Array(cursor.cursor) }
                defer { state.cursorWaiter = nil }
                return state.cursorWaiter
            }
            waiter?.resume(returning: Array(cursor.cursor))
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
        let continuation = state.withLock { state in
            _ = state.ledger.acknowledge(ack.seq)
            return state.waiting.removeValue(forKey: ack.seq)
        }
        if ack.refused.isEmpty {
            continuation?.resume()
        } else {
            continuation?.resume(throwing: ChannelRefusal(description: ack.refused))
        }
    }

    private func normalize(_ request: HubNormalize) async {
        worker.reach("normalize.received")
        var answer = HubNormalized()
        answer.row = request.row
        switch network.normalize(Array(request.raw)) {
        case .message(let message): answer.message = message
        case .ignored(let reason): answer.ignored = reason.isEmpty ? "nothing to answer" : reason
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
