internal import FoundationEssentials
internal import IPCHub
internal import Logging
internal import Synchronization

extension ModelWorker {
    /// Requests of the pass-through endpoint, one after another, until the gateway closes the stream: a connection for each
    /// would cost more than the request.
    func relay(
        _ first: HubRelayRequest,
        _ stream: HubStream,
        _ messages: inout HubStream.Messages.AsyncIterator
    ) async throws {
        var request = first
        while true {
            let ticket = Admission.Ticket()
            defer { admission.release(ticket) }
            let answer = RelayAnswer { try await stream.send($0) }
            var call = try await read(request, &messages, ticket)
            let answering = Task { [call] in
                if let call { await self.relay(call, answer) } else { await self.shed(answer) }
                self.admission.release(ticket)
                self.activity.withLock { $0.resting += 1 }
            }
            // While the connection rests nothing of its last request is held.
            call = nil
            let next = try await behind(answering, &messages)
            guard let next else { return }
            guard case .relayRequest(let another) = next else { throw HubLinkError.unexpected(next.type) }
            request = another
        }
    }

    /// A request with its body whole, because another key may have to be asked with it; nil: there was no room.
    private func read(
        _ request: HubRelayRequest,
        _ messages: inout HubStream.Messages.AsyncIterator,
        _ ticket: Admission.Ticket
    ) async throws -> RelayCall? {
        var call = RelayCall(request: request, body: Array(request.body))
        call.request.body = Data()
        guard await admission.reserve(RelayCall.ownBytes + call.body.count, for: ticket) else {
            _ = try await Self.drain(&messages)
            return nil
        }
        while let message = try await messages.next(isolation: #isolation) {
            switch message {
            case .mediaChunk(let chunk):
                guard call.body.count + chunk.data.count <= Self.callLimit else {
                    throw HubLinkError.malformed(.tooLong(call.body.count + chunk.data.count))
                }
                guard await admission.reserve(chunk.data.count, for: ticket) else {
                    _ = try await Self.drain(&messages)
                    return nil
                }
                call.body.append(contentsOf: chunk.data)
            case .mediaEnd(let end):
                guard end.error.isEmpty else { throw HubLinkError.closed }
                return call
            default: throw HubLinkError.unexpected(message.type)
            }
        }
        throw HubLinkError.closed
    }

    private func relay(_ call: RelayCall, _ answer: RelayAnswer) async {
        worker.reach("model.received")
        if provider.keepsState { await records.isRestored() }
        do {
            try await provider.relay(call, into: answer)
        } catch {
            if Task.isCancelled { return }
            worker.log.debug("a relayed request ended: \(error)")
            try? await answer.end(error: "\(error)")  // who asked may be gone, which is no matter
        }
    }

    private func shed(_ answer: RelayAnswer) async {
        _ = shed()
        var head = HubRelayHead()
        (head.status, head.tryNext) = (503, true)
        do {
            try await answer.head(head)
            try await answer.end()
        } catch {
            worker.log.debug("a relayed request was sent away, and who asked was gone")
        }
    }

    /// What comes behind the answer; nil: the stream's end, which before the answer's is cancelling.
    private func behind(
        _ answering: Task<Void, Never>,
        _ messages: inout HubStream.Messages.AsyncIterator
    ) async throws -> HubMessage? {
        func ended() async {
            await answering.value
            activity.withLock { activity in
                activity.resting -= 1
                activity.last = .now
            }
        }
        do {
            let next = try await messages.next(isolation: #isolation)
            if next == nil { answering.cancel() }
            await ended()
            return next
        } catch {
            answering.cancel()
            await ended()
            throw error
        }
    }
}
