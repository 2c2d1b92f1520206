internal import FoundationEssentials
internal import IPCHub
internal import Synchronization

/// The telephone calls of a worker as the gateway keeps them: what was live when this worker began, and every change since
/// (`docs/ipc.md` 2.5).
package final class CallKeeper: Sendable {
    /// Calls that may live at the same time, and those whose last save has no acknowledgement yet.
    package static let limit = 64

    private let state = Mutex(State())

    private struct Pending {
        var frame: HubCallRecord
        var isSent = false
    }

    private struct State {
        var send: (@Sendable (HubMessage) async -> Bool)?
        /// Read since the last WELCOME, until CALLS_KNOWN.
        var arriving: [CallRecord] = []
        var known: [CallRecord]?
        var seq: UInt64 = 0
        /// The last save of each call without an acknowledgement.
        var pending: [String: Pending] = [:]
        /// Whose save a sequence number was.
        var owners: [UInt64: String] = [:]
        var savers: [UInt64: CheckedContinuation<Void, any Error>] = [:]
        var knowers: [UInt64: CheckedContinuation<[CallRecord], any Error>] = [:]
        var nextKnower: UInt64 = 0
        var isWriting = false
        /// Links that were greeted so far.
        var links = 0
    }

    package init() {}

    /// What the gateway kept of calls that have not ended; waits until it has said so. Throws on cancellation.
    package func known() async throws -> [CallRecord] {
        let id = state.withLock { state in
            state.nextKnower += 1
            return state.nextKnower
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result = state.withLock { state -> Result<[CallRecord], any Error>? in
                    if let known = state.known { return .success(known) }
                    guard !Task.isCancelled else { return .failure(CancellationError()) }
                    state.knowers[id] = continuation
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            state.withLock { $0.knowers.removeValue(forKey: id) }?.resume(throwing: CancellationError())
        }
    }

    /// Returns when the gateway has it for good. Of one call only the last save is sent again after a new link; whoever waits
    /// for an earlier one is told when the later one is kept.
    ///
    /// Throws `CallNotKept` when it could not be kept (disk full, too many calls), and on cancellation: the gateway gets it
    /// then all the same.
    package func save(_ record: CallRecord) async throws {
        guard let bytes = record.kept() else {
            throw CallNotKept(description: "a call's record is longer than \(CallRecord.byteLimit) bytes")
        }
        let taken = state.withLock { state -> UInt64? in
            guard state.pending[record.callId] != nil || state.pending.count < Self.limit else { return nil }
            state.seq += 1
            var frame = HubCallRecord()
            frame.seq = state.seq
            frame.callID = record.callId
            frame.record = bytes
            frame.hasEnded_p = record.state.isTerminal
            state.pending[record.callId] = Pending(frame: frame)
            state.owners[state.seq] = record.callId
            return state.seq
        }
        guard let seq = taken else {
            throw CallNotKept(description: "\(Self.limit) calls wait for the gateway to keep them: try again later")
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let isCancelled = state.withLock { state in
                    guard !Task.isCancelled else { return true }
                    state.savers[seq] = continuation
                    return false
                }
                if isCancelled { continuation.resume(throwing: CancellationError()) }
                // Ends when everything that waits is written; one at a time, so that saves keep their order.
                Task { await self.write() }
            }
        } onCancel: {
            state.withLock { $0.savers.removeValue(forKey: seq) }?.resume(throwing: CancellationError())
        }
    }

    /// Whether everything is with the gateway.
    package var isSettled: Bool { state.withLock { $0.pending.isEmpty } }

    // MARK: The link

    func attach(_ send: @escaping @Sendable (HubMessage) async -> Bool) { state.withLock { $0.send = send } }

    /// The link stands again: what has no acknowledgement is sent once more.
    func welcomed() async {
        state.withLock { state in
            state.links += 1
            state.arriving = []
            for id in state.pending.keys { state.pending[id]?.isSent = false }
        }
        await write()
    }

    private func write() async {
        guard
            state.withLock({ state in
                defer { state.isWriting = true }
                return !state.isWriting
            })
        else { return }
        while let (frame, send, links) = next() {
            guard await !send(.callRecord(frame)) else { continue }
            // The next `welcomed` sends it, or it was here already and found this writing.
            let isOver = state.withLock { state in
                guard state.links == links else { return false }
                state.isWriting = false
                return true
            }
            if isOver { return }
        }
    }

    private func next() -> (HubCallRecord, @Sendable (HubMessage) async -> Bool, Int)? {
        state.withLock { state in
            let waiting = state.pending.values.filter { !$0.isSent }.min { $0.frame.seq < $1.frame.seq }
            guard let send = state.send, let waiting else {
                state.isWriting = false
                return nil
            }
            state.pending[waiting.frame.callID]?.isSent = true
            return (waiting.frame, send, state.links)
        }
    }

    /// Takes a frame that is about calls; false when it is not.
    func received(_ message: HubMessage) -> Bool {
        switch message {
        case .callRecord(let kept):
            guard let record = CallRecord(kept: kept.record), record.callId == kept.callID else { return true }
            state.withLock { state in
                guard state.known == nil, state.arriving.count < Self.limit else { return }
                state.arriving.append(record)
            }
        case .callsKnown:
            let (known, waiting) = state.withLock { state in
                let known = state.known ?? state.arriving
                state.known = known
                defer { state.knowers = [:] }
                return (known, Array(state.knowers.values))
            }
            for continuation in waiting { continuation.resume(returning: known) }
        case .callAck(let ack): acknowledged(ack)
        default: return false
        }
        return true
    }

    private func acknowledged(_ ack: HubCallAck) {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, any Error>] in
            guard let owner = state.owners[ack.seq] else { return [] }
            if state.pending[owner]?.frame.seq == ack.seq { state.pending[owner] = nil }
            // A later save of a call holds what earlier ones held.
            let settled = state.owners.filter { $0.value == owner && $0.key <= ack.seq }.keys
            for seq in settled { state.owners[seq] = nil }
            return settled.compactMap { state.savers.removeValue(forKey: $0) }
        }
        for continuation in waiting {
            if ack.error.isEmpty {
                continuation.resume()
            } else {
                continuation.resume(throwing: CallNotKept(description: String(ack.error.prefix(300))))
            }
        }
    }
}

/// The gateway does not keep a call; the reason is its own. What would follow from the call must not be done.
package struct CallNotKept: Error, Sendable, CustomStringConvertible {
    package var description: String
}
