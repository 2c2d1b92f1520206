internal import Synchronization

/// Passes pieces of a file from one task to another, one at a time: whoever gives waits until the piece was taken.
final class Handover: Sendable {
    private enum State {
        case idle
        case offered([UInt8], CheckedContinuation<Void, any Error>)
        case wanted(CheckedContinuation<[UInt8]?, any Error>)
        case ended((any Error)?)
    }

    /// The other side is gone.
    struct Ended: Error {}

    private let state = Mutex(State.idle)

    /// Gives a piece and returns when it was taken. Throws when the taker has ended.
    func put(_ piece: [UInt8]) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (taker, isEnded) = state.withLock { state -> (CheckedContinuation<[UInt8]?, any Error>?, Bool) in
                    switch state {
                    case .wanted(let taker):
                        state = .idle
                        return (taker, false)
                    case .idle:
                        state = .offered(piece, continuation)
                        return (nil, false)
                    case .offered, .ended: return (nil, true)
                    }
                }
                if let taker {
                    taker.resume(returning: piece)
                    continuation.resume()
                } else if isEnded {
                    continuation.resume(throwing: Ended())
                }
            }
        } onCancel: {
            end(CancellationError())
        }
    }

    /// The next piece; nil at the end. Throws what the giver ended with.
    func next() async throws -> [UInt8]? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (result, giver) = state.withLock {
                    state -> (Result<[UInt8]?, any Error>?, CheckedContinuation<Void, any Error>?) in
                    switch state {
                    case .offered(let piece, let giver):
                        state = .idle
                        return (.success(piece), giver)
                    case .idle:
                        state = .wanted(continuation)
                        return (nil, nil)
                    case .wanted: return (.failure(Ended()), nil)
                    case .ended(let error):
                        return (error.map { .failure($0) } ?? .success(nil), nil)
                    }
                }
                if let result { continuation.resume(with: result) }
                giver?.resume()
            }
        } onCancel: {
            end(CancellationError())
        }
    }

    /// Nothing more comes, or nothing more is taken; `error` is the reason unless it went well. The first end counts.
    func end(_ error: (any Error)? = nil) {
        let before = state.withLock { state -> State in
            let before = state
            if case .ended = state { return before }
            state = .ended(error)
            return before
        }
        switch before {
        case .wanted(let taker): taker.resume(with: error.map { .failure($0) } ?? .success(nil))
        case .offered(_, let giver): giver.resume(throwing: error ?? Ended())
        case .idle, .ended: break
        }
    }
}
