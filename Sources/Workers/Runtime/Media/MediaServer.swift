package import IPCHub
internal import Logging
internal import Synchronization

/// Serves the files of one worker: takes the STREAM_OPENs of its control link.
package final class MediaServer: Sendable {
    private let worker: Worker
    private let owner: any MediaOwner
    private let state = Mutex(State())

    private struct State {
        var streams = 0
        var serving = 0
    }

    package init(worker: Worker, owner: any MediaOwner) {
        self.worker = worker
        self.owner = owner
    }

    /// Whether nothing is being sent: a worker that leaves when idle asks.
    package var isIdle: Bool { state.withLock { $0.streams == 0 } }

    /// Answers the stream that a STREAM_OPEN named. Returns at once; the work ends by itself, with its stream or by its
    /// time limit.
    package func accept(_ open: HubStreamOpen) {
        let isTaken = state.withLock { state in
            guard state.streams < MediaBounds.streams else { return false }
            state.streams += 1
            return true
        }
        guard isTaken else {
            worker.log.warning("a request for a file was dropped: \(MediaBounds.streams) are being answered already")
            return
        }
        // Ends with its stream or after its time limit.
        Task {
            do {
                try await self.serve(open.stream)
            } catch {
                self.worker.log.debug("a file's stream ended: \(error)")
            }
            self.state.withLock { $0.streams -= 1 }
        }
    }

    private func serve(_ stream: String) async throws {
        try await TimeLimit.run(MediaBounds.serving, on: worker.eventLoop) {
            try await HubStream.serve(self.worker, stream: stream) { stream, messages in
                guard let first = try await messages.next(isolation: #isolation) else { return }
                guard case .mediaRequest(let request) = first else { throw HubLinkError.unexpected(first.type) }
                // The other side says nothing more: what comes is the end of the stream, which it closes once it has
                // read MEDIA_END. Cancelled here when that comes first.
                let answering = Task { try await stream.send(.mediaEnd(await self.answer(request, stream))) }
                defer { answering.cancel() }
                while try await messages.next(isolation: #isolation) != nil {}
            }
        }
    }

    private func answer(_ request: HubMediaRequest, _ stream: HubStream) async -> HubMediaEnd {
        guard request.ref.count <= MediaBounds.refBytes else {
            return Self.end(MediaError("no file has a name of \(request.ref.count) bytes"))
        }
        let hasRoom = state.withLock { state in
            guard state.serving < MediaBounds.servedAtOnce else { return false }
            state.serving += 1
            return true
        }
        guard hasRoom else {
            return Self.end(
                MediaError(
                    "\(worker.start.id) is sending \(MediaBounds.servedAtOnce) files already",
                    isTemporary: true
                )
            )
        }
        defer { state.withLock { $0.serving -= 1 } }
        let sink = MediaSink(limit: request.limit) { try await stream.send($0) }
        do {
            let file = try await owner.media(ref: Array(request.ref), into: sink)
            var end = HubMediaEnd()
            end.mime = file.mime
            end.name = file.name
            return end
        } catch let error as MediaError {
            return Self.end(error)
        } catch {
            if !Task.isCancelled { worker.log.warning("a file could not be sent: \(error)") }
            return Self.end(MediaError("its owner could not read it; the gateway's log says why", isTemporary: true))
        }
    }

    private static func end(_ error: MediaError) -> HubMediaEnd {
        var end = HubMediaEnd()
        end.error = error.description
        end.isTemporary = error.isTemporary
        return end
    }
}
