internal import IPCHub
internal import Logging
internal import NIOCore
internal import SwiftProtobuf
internal import Synchronization

/// The model contract, the same for every provider: serves the streams that the gateway opens, leaves when idle.
package final class ModelWorker: Sendable {
    /// Streams at the same time; more are refused by not being dialled.
    static let streamLimit = 16
    /// Most bytes of a call's messages together.
    static let callLimit = 64 * 1024 * 1024

    private let worker: Worker
    private let provider: any ModelProvider
    private let idleLimit: Duration
    private let activity = Mutex(Activity())

    private struct Activity {
        var streams = 0
        var last = ContinuousClock.now
    }

    package init(worker: Worker, provider: any ModelProvider, idleLimit: Duration = .seconds(300)) {
        self.worker = worker
        self.provider = provider
        self.idleLimit = idleLimit
    }

    /// Serves until the supervisor drains this worker or nothing has been asked for `idleLimit`.
    package func run() async {
        let link = HubLink(
            worker: worker,
            welcomed: { self.worker.lifeline.ready() },
            receive: { message in
                guard case .streamOpen(let open) = message else { return }
                self.accept(open.stream)
            }
        )
        worker.lifeline.shedding { [provider] in await provider.shed() }
        let serving = Task { await link.run() }  // cancelled below
        let idle = Task { await self.leaveWhenIdle() }  // cancelled below
        let drain = await worker.lifeline.drained()
        idle.cancel()
        let deadline = ContinuousClock.now + .milliseconds(drain.milliseconds)
        while ContinuousClock.now < deadline, activity.withLock({ $0.streams > 0 }) {
            try? await Task.sleep(for: .milliseconds(20))  // only while draining, for seconds at most
        }
        serving.cancel()
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
        // Ends with its stream.
        Task {
            do {
                try await self.serve(stream)
            } catch {
                self.worker.log.debug("a model stream ended: \(error)")
            }
            self.activity.withLock { activity in
                activity.streams -= 1
                activity.last = .now
            }
        }
    }

    private func serve(_ stream: String) async throws {
        try await HubStream.serve(worker, stream: stream) { stream, messages in
            let call = try await Self.readCall(&messages)
            self.worker.reach("model.received")
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

    /// One ModelRequest, its ModelMessages, ModelRequestEnd; with a transcription MEDIA_CHUNKs and MEDIA_END instead.
    static func readCall(_ messages: inout HubStream.Messages.AsyncIterator) async throws -> ModelCall {
        guard let first = try await messages.next(isolation: #isolation) else { throw HubLinkError.closed }
        guard case .modelRequest(let request) = first else { throw HubLinkError.unexpected(first.type) }
        var call = ModelCall(request: request, messages: [])
        var joining = MessageJoining()
        var size = 0
        while let message = try await messages.next(isolation: #isolation) {
            switch message {
            case .modelMessage(let part):
                size += part.blocks.reduce(0) { $0 + Self.size($1) }
                guard size <= callLimit else { throw HubLinkError.malformed(.tooLong(size)) }
                if let whole = try joining.take(part) { call.messages.append(whole) }
            case .mediaChunk(let chunk) where request.hasTranscription:
                guard call.audio.count + chunk.data.count <= callLimit else {
                    throw HubLinkError.malformed(.tooLong(call.audio.count + chunk.data.count))
                }
                call.audio.append(contentsOf: chunk.data)
            case .mediaEnd(let end) where request.hasTranscription:
                guard end.error.isEmpty else { throw HubLinkError.closed }
                return call
            case .modelRequestEnd:
                guard joining.isWhole else { throw HubLinkError.unexpected(message.type) }
                return call
            default: throw HubLinkError.unexpected(message.type)
            }
        }
        throw HubLinkError.closed
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
        while !Task.isCancelled {
            let left = activity.withLock { activity in
                activity.streams > 0 ? idleLimit : idleLimit - (ContinuousClock.now - activity.last)
            }
            guard left > .zero else { await worker.lifeline.leave() }
            try? await Task.sleep(for: left)  // cancelled: the loop ends
        }
    }
}

/// Runs a model worker to its end. `make` builds the provider once the event loop is there.
package func runModel(
    _ start: WorkerStart,
    network: Bool,
    _ make: @escaping @Sendable (Worker) throws -> any ModelProvider
) -> Never {
    runWorker(start, sandbox: Sandbox(network: network)) { worker in
        await ModelWorker(worker: worker, provider: try make(worker)).run()
    }
}
