internal import CLinux
internal import FoundationEssentials
internal import IPCHub
internal import Logging
internal import NIOCore
internal import SwiftProtobuf
internal import Synchronization

/// The model contract, the same for every provider: serves the streams that the gateway opens, keeps ledger and state with
/// the gateway, answers its questions, leaves when idle.
package final class ModelWorker: Sendable {
    /// Streams at the same time; more are refused by not being dialled. How much they hold is `Admission`'s.
    static let streamLimit = 1200
    /// Most bytes of a call's messages, or of its speech.
    static let callLimit = 26 * 1024 * 1024

    let worker: Worker
    let provider: any ModelProvider
    let records: ModelRecords
    let admission: Admission
    private let idleLimit: Duration
    private let quietLimit: Duration
    private let trim: @Sendable () -> Void
    let activity = Mutex(Activity())

    struct Activity {
        var streams = 0
        /// Streams whose connection the gateway keeps for its next request.
        var resting = 0
        var last = ContinuousClock.now
    }

    package convenience init(
        worker: Worker,
        provider: any ModelProvider,
        records: ModelRecords? = nil,
        idleLimit: Duration = .seconds(300)
    ) {
        self.init(
            worker: worker,
            provider: provider,
            records: records,
            admission: Admission(on: worker.eventLoop),
            idleLimit: idleLimit
        )
    }

    /// - Parameters:
    ///   - quietLimit: nothing asked for so long, and `trim` gives free memory back to the kernel. Longer than connections to a
    ///     provider are kept: what they held is free by then.
    init(
        worker: Worker,
        provider: any ModelProvider,
        records: ModelRecords?,
        admission: Admission,
        idleLimit: Duration = .seconds(300),
        quietLimit: Duration = .seconds(40),
        trim: @escaping @Sendable () -> Void = { _ = clinux_trim_heap() }
    ) {
        self.worker = worker
        self.provider = provider
        self.records = records ?? ModelRecords(worker)
        self.admission = admission
        self.idleLimit = idleLimit
        self.quietLimit = quietLimit
        self.trim = trim
    }

    /// Serves until the supervisor drains this worker or nothing has been asked for `idleLimit`.
    package func run() async {
        let questions = WorkerQuestions(who: "model worker", loop: worker.eventLoop) { await self.answer($0, $1) }
        let slot = Mutex<HubLink?>(nil)
        let link = HubLink(
            worker: worker,
            welcomed: { [records] in
                self.worker.lifeline.ready()
                await records.welcomed()
            },
            receive: { [records] message in
                switch message {
                case .streamOpen(let open): self.accept(open.stream)
                case .request(let request):
                    if let link = slot.withLock({ $0 }) { questions.answer(request, on: link) }
                default:
                    if !records.received(message) {
                        self.worker.log.debug("a frame of type \(message.type) is not for a model worker")
                    }
                }
            }
        )
        slot.withLock { $0 = link }
        records.attach { [weak link] in await link?.send($0) ?? false }
        worker.lifeline.shedding { [provider] in await provider.shed() }
        let serving = Task(executorPreference: worker.executor) { await link.run() }  // cancelled below
        let idle = Task { await self.leaveWhenIdle() }  // cancelled below
        let drain = await worker.lifeline.drained()
        idle.cancel()
        let deadline = ContinuousClock.now + .milliseconds(drain.milliseconds)
        while ContinuousClock.now < deadline, activity.withLock({ $0.streams > $0.resting }) || !records.isSettled {
            try? await Task.sleep(for: .milliseconds(20))  // only while draining, for seconds at most
        }
        serving.cancel()
        slot.withLock { $0 = nil }
    }

    private func accept(_ stream: String) {
        let isTaken = activity.withLock { activity in
            guard activity.streams < Self.streamLimit else { return false }
            activity.streams += 1
            return true
        }
        guard isTaken else {
            worker.log.warning("a model call was refused: \(Self.streamLimit) are running already")
            return
        }
        // Ends with its stream; of the gateway's own streams with the dialling.
        Task(executorPreference: worker.executor) {
            do {
                guard !HubStreamName.isGateways(stream) else { return try await self.serveRelays(stream) }
                try await self.serve(stream)
            } catch {
                self.worker.log.debug("a model stream ended: \(error)")
            }
            self.leftStream()
        }
    }

    /// The gateway's own streams are relayed requests.
    private func serveRelays(_ stream: String) async throws {
        try await HubConnection.dial(worker) { channel in
            try channel.pipeline.syncOperations.addHandler(RelayLink(self, stream: stream))
        }
    }

    func leftStream() {
        activity.withLock { activity in
            activity.streams -= 1
            activity.last = .now
        }
    }

    private func serve(_ stream: String) async throws {
        try await HubStream.serve(worker, stream: stream) { stream, messages in
            guard let first = try await messages.next(isolation: #isolation) else { throw HubLinkError.closed }
            let ticket = Admission.Ticket()
            defer { self.admission.release(ticket) }
            let read = try await Self.readCall(first, &messages) { await self.admission.reserve($0, for: ticket) }
            guard let call = read else { return try await stream.send(.modelEvent(self.shed())) }
            self.worker.reach("model.received")
            if self.provider.keepsState { await self.records.isRestored() }
            let isFirst = Mutex(true)
            let answer = ModelAnswer { event in
                var isLast = false
                if case .finished = event.event { isLast = true }
                if isLast { self.worker.reach("model.last-event") }
                try await stream.send(.modelEvent(event))
                if isFirst.withLock({ first in
                    defer { first = false }; return first
                }) {
                    self.worker.reach("model.first-event")
                }
            }
            // The agent says nothing more: what comes is the end of the stream, which it closes once it has read the answer.
            // Cancelled here when that comes first.
            let answering = Task {
                do {
                    try await self.provider.answer(call, into: answer)
                } catch {
                    if Task.isCancelled { return }
                    self.worker.log.error("a model call failed inside the worker: \(error)")
                    var failed = HubModelEvent.Failed()
                    failed.cause = "\(error)"
                    try? await answer.failed(failed)  // the agent may be gone, which is no matter
                }
            }
            defer { answering.cancel() }
            while try await messages.next(isolation: #isolation) != nil {}
        }
    }

    /// Reads a call to its end without keeping it: who is cut off while writing would not read why.
    static func drain(_ messages: inout HubStream.Messages.AsyncIterator) async throws -> ModelCall? {
        while let message = try await messages.next(isolation: #isolation) {
            switch message {
            case .modelRequestEnd, .mediaEnd: return nil
            default: break
            }
        }
        throw HubLinkError.closed
    }

    func shed() -> HubModelEvent {
        let load = admission.load
        worker.log.warning(
            "a model call was sent away: \(load.reserved) of \(admission.budget) bytes are held by others, \(load.waiting) calls wait"
        )
        var event = HubModelEvent()
        event.failed.kind = .shed
        event.failed.cause = "this worker holds \(load.reserved) bytes of calls already"
        event.failed.beforeContent = true
        event.failed.tryNext = true
        return event
    }

    /// One ModelRequest, its ModelMessages, ModelRequestEnd; with a transcription MEDIA_CHUNKs and MEDIA_END instead.
    ///
    /// - Parameter reserve: asked for room before a frame is kept; false: there is none, and the call is nil.
    static func readCall(
        _ first: HubMessage,
        _ messages: inout HubStream.Messages.AsyncIterator,
        reserve: (Int) async -> Bool
    ) async throws -> ModelCall? {
        guard case .modelRequest(let request) = first else { throw HubLinkError.unexpected(first.type) }
        let room = request.system.utf8.count + request.tools.reduce(0) { $0 + $1.inputSchema.count }
        guard await reserve(Admission.callBytes + room) else { return try await drain(&messages) }
        var call = ModelCall(request: request, messages: [])
        var joining = MessageJoining()
        var size = 0
        while let message = try await messages.next(isolation: #isolation) {
            switch message {
            case .modelMessage(let part) where !request.hasTranscription:
                let added = part.blocks.reduce(0) { $0 + Self.size($1) }
                size += added
                guard size <= callLimit else { throw HubLinkError.malformed(.tooLong(size)) }
                guard await reserve(added) else { return try await drain(&messages) }
                if let whole = try joining.take(part) { call.messages.append(whole) }
            case .mediaChunk(let chunk) where request.hasTranscription:
                size += chunk.data.count
                guard size <= callLimit else { throw HubLinkError.malformed(.tooLong(size)) }
                guard await reserve(chunk.data.count) else { return try await drain(&messages) }
                call.audio.append(contentsOf: chunk.data)
            case .mediaEnd(let end) where request.hasTranscription:
                guard end.error.isEmpty else { throw HubLinkError.closed }
                return call
            case .modelRequestEnd where !request.hasTranscription:
                guard joining.isWhole else { throw HubLinkError.unexpected(message.type) }
                return call
            default: throw HubLinkError.unexpected(message.type)
            }
        }
        throw HubLinkError.closed
    }

    /// The gateway's questions: the provider's, and to `status` what this worker holds.
    private func answer(_ method: String, _ params: [UInt8]) async -> [UInt8]? {
        guard let answer = await provider.answer(question: method, params) else { return nil }
        guard method == "status", case .object(var object) = answer else { return answer.encoded() }
        let (load, ledger) = (admission.load, records.ledger)
        object["worker"] = [
            "streams": .integer(Int64(activity.withLock { $0.streams })),
            "reservedBytes": .integer(Int64(load.reserved)),
            "budgetBytes": .integer(Int64(admission.budget)), "waitingCalls": .integer(Int64(load.waiting)),
            "ledgerWaiting": .integer(Int64(ledger.waiting)), "ledgerLost": .integer(Int64(ledger.lost)),
        ]
        return JSON.object(object).encoded()
    }

    private static func size(_ block: HubModelBlock) -> Int {
        switch block.block {
        case .text(let text)?: text.utf8.count + 16
        case .toolUse(let use)?: use.input.count + use.name.utf8.count + use.id.utf8.count + 64
        case .toolResult(let result)?: result.text.utf8.count + result.toolUseID.utf8.count + 64
        case .opaque(let data)?: data.count + 16
        case .image(let image)?: image.data.count + 64
        case nil: 16
        }
    }

    private func leaveWhenIdle() async {
        var trimmed = activity.withLock { $0.last }
        while !Task.isCancelled {
            let activity = activity.withLock { $0 }
            let quiet = ContinuousClock.now - activity.last
            if activity.streams == activity.resting, quiet >= quietLimit, trimmed != activity.last {
                trimmed = activity.last
                trim()
            }
            let left = activity.streams > 0 ? idleLimit : idleLimit - quiet
            // What the gateway has not taken yet would die with this process.
            if left <= .zero, records.isSettled { await worker.lifeline.leave() }
            // Cancelled: the loop ends.
            try? await Task.sleep(for: max(min(left, quietLimit), .milliseconds(200)))
        }
    }
}

/// Runs the worker of a model without a state to its end. `make` builds the provider once the event loop is there.
package func runModel(
    _ start: WorkerStart,
    network: Bool,
    _ make: @escaping @Sendable (Worker) throws -> any ModelProvider
) -> Never {
    runModel(start, network: network) { worker, _ in try make(worker) }
}

/// Runs a model worker to its end. `make` builds the provider once the event loop is there; ledger and state go through
/// the records.
package func runModel(
    _ start: WorkerStart,
    network: Bool,
    _ make: @escaping @Sendable (Worker, ModelRecords) async throws -> any ModelProvider
) -> Never {
    runWorker(start, sandbox: Sandbox(network: network)) { worker in
        let records = ModelRecords(worker)
        await ModelWorker(worker: worker, provider: try await make(worker, records), records: records).run()
    }
}
