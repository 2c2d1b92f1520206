internal import Config
internal import Logging
internal import NIOCore
internal import Runtime
internal import Synchronization

/// All calls of this worker: carries out what the pure parts decide. Every change of a call is kept by the gateway.
final class VoiceDesk: Sendable {
    /// What is outside.
    struct Ports: Sendable {
        /// Milliseconds since 1970.
        var now: @Sendable () -> Int64
        /// Another one each time, that nobody can guess.
        var token: @Sendable () -> String
        var loop: any EventLoop
        var log: Logger
        /// A place at which a test may cut the power.
        var reach: @Sendable (String) -> Void
    }

    /// The way to the gateway; there once the network runs.
    struct Gateway: Sendable {
        var save: @Sendable (CallRecord) async throws -> Void
        var deliver: @Sendable (Runtime.ChannelEvent) async throws -> Void
        /// What the outside calls the webhook: the present address (empty: none), then those that led here before.
        var addresses: @Sendable (_ now: Int64) -> [String]
    }

    static let endedLimit = 64

    let settings: VoiceSettings
    let provider: any CallProvider
    let ports: Ports
    let waiters: Waiters
    let state = Mutex(State())
    let signatures: WebhookProof

    struct State {
        var calls: [String: LiveCall] = [:]
        /// Oldest first.
        var ended: [EndedCall] = []
        var gateway: Gateway?
        /// What lived before is in hand: calls may be taken and dialled.
        var isOpen = false
        /// Another incarnation goes on with the calls.
        var isLeaving = false
        var lastUtterance: UInt64 = 0
        var replays = ReplayCache()
        /// Requests without a valid signature.
        var forged = 0
    }

    init(settings: VoiceSettings, provider: any CallProvider, signatures: WebhookProof, ports: Ports) {
        self.settings = settings
        self.provider = provider
        self.signatures = signatures
        self.ports = ports
        waiters = Waiters(on: ports.loop)
    }

    var times: CallMachine.Times {
        CallMachine.Times(
            ring: Int64(settings.ringTimeoutMilliseconds),
            longest: Int64(settings.maxDurationSeconds) * 1000,
            stale: Int64(settings.staleCallReaperSeconds) * 1000
        )
    }

    // MARK: Addresses

    /// The public address with its path; empty: there is none.
    var publicURL: String { addresses.first ?? "" }

    /// Every address that a provider may have called, the present one first.
    var addresses: [String] {
        if !settings.publicURL.isEmpty { return [settings.publicURL] }
        return state.withLock { $0.gateway }?.addresses(ports.now()) ?? []
    }

    // MARK: Changing calls

    /// Changes a call that is not over. What changes in its record is on its way to the gateway then.
    @discardableResult
    func change<Result: Sendable>(_ callId: String, _ body: (inout LiveCall) -> Result) -> Result? {
        var ended: CallRecord?
        var isChanged = false
        let result = state.withLock { state -> Result? in
            guard var call = state.calls[callId], !call.machine.isOver else { return nil }
            let before = call.machine.record
            let result = body(&call)
            if call.machine.record != before {
                call.version += 1
                isChanged = true
                if call.machine.isOver { ended = call.machine.record }
            }
            state.calls[callId] = call
            return result
        }
        waiters.wake()
        if let ended {
            ports.log.info("call \(callId) is over: \(ended.state.rawValue) (\(ended.endReason ?? ""))")
        }
        // Ends when the gateway has it.
        if isChanged { Task { try? await self.keep(callId) } }
        return result
    }

    func call(_ callId: String) -> LiveCall? { state.withLock { $0.calls[callId] } }

    /// Calls that may be under way at the same time.
    var limit: Int { min(settings.maxConcurrentCalls, CallKeeper.limit) }

    /// Why there is no room for one more call.
    var crowded: String {
        "\(limit) calls are under way, and plugins.entries.voice-call.config.maxConcurrentCalls is "
            + "\(settings.maxConcurrentCalls)"
    }

    /// Begins a call; false when it is known already, begun by somebody else a moment ago. Throws `Crowded` when there is no
    /// room, and when the gateway does not keep it: then there is none.
    func begin(_ record: CallRecord) async throws -> Bool {
        let machine = CallMachine(record: record, times: times, isPolled: publicURL.isEmpty, now: ports.now())
        // Counted and taken in one step: two that begin at the same moment see each other.
        let isTaken = try state.withLock { state throws(Crowded) in
            guard state.calls[record.callId] == nil else { return false }
            guard state.calls.values.count(where: { !$0.machine.isOver }) < limit else {
                throw Crowded(description: crowded)
            }
            state.calls[record.callId] = LiveCall(machine)
            return true
        }
        guard isTaken else { return false }
        do {
            try await keep(record.callId)
            return true
        } catch {
            state.withLock { $0.calls[record.callId] = nil }
            throw error
        }
    }

    /// Calls that are not over.
    var liveCount: Int { state.withLock { state in state.calls.values.count { !$0.machine.isOver } } }

    /// Returns when the record as it is now is kept. Goes on when who waits for it is gone.
    func keep(_ callId: String) async throws {
        try await Task { try await self.keeping(callId) }.value
    }

    private func keeping(_ callId: String) async throws {
        guard let wanted = call(callId)?.version else { return }
        while true {
            let (record, version) = try state.withLock { state throws -> (CallRecord?, Int) in
                guard let call = state.calls[callId], call.saved < wanted else { return (nil, wanted) }
                if call.failed >= wanted { throw CallTrouble(call.saveError) }
                guard !call.isSaving else { return (nil, 0) }
                state.calls[callId]?.isSaving = true
                return (call.machine.record, call.version)
            }
            guard let record else {
                if version == wanted { return }
                await waiters.wait(within: .seconds(60)) { self.call(callId)?.isSaving != true }
                continue
            }
            await save(record, version)
        }
    }

    private func save(_ record: CallRecord, _ version: Int) async {
        var trouble: String?
        if let gateway = state.withLock({ $0.gateway }) {
            ports.reach("call.before-save")
            do {
                try await gateway.save(record)
            } catch {
                trouble = String(describing: error)
            }
            ports.reach("call.after-save")
        } else {
            trouble = "the gateway has not said yet which calls it knows"
        }
        state.withLock { state in
            state.calls[record.callId]?.isSaving = false
            if let trouble {
                state.calls[record.callId]?.failed = version
                state.calls[record.callId]?.saveError = trouble
            } else {
                state.calls[record.callId]?.saved = version
                if record.state.isTerminal { state.forget(record) }
            }
        }
        waiters.wake()
        guard let trouble else { return }
        ports.log.error("the gateway did not keep call \(record.callId): \(trouble)")
        // An ended call must not come back with the next incarnation: tried until it is kept. Others change again.
        guard record.state.isTerminal else { return }
        let loop = ports.loop
        Task {
            // The loop lives as long as the process.
            try? await loop.scheduleTask(in: .seconds(5)) {}.futureResult.get()
            self.state.withLock { $0.calls[record.callId]?.failed = 0 }
            try? await self.keep(record.callId)
        }
    }
}

extension VoiceDesk.State {
    /// A call that is over and kept.
    mutating func forget(_ record: CallRecord) {
        let call = calls.removeValue(forKey: record.callId)
        if ended.count >= VoiceDesk.endedLimit { ended.removeFirst() }
        ended.append(
            EndedCall(
                callId: record.callId,
                providerCallId: record.providerCallId,
                words: record.endReason ?? record.state.rawValue,
                state: record.state.rawValue,
                listener: call?.talk.listener
            )
        )
    }

    func live(providerCallId: String) -> String? {
        calls.first { $0.value.machine.record.providerCallId == providerCallId && !$0.value.machine.isOver }?.key
    }
}

/// Why something about a call did not work, for who asked.
struct CallTrouble: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}

/// As many calls are under way as may be.
struct Crowded: Error, CustomStringConvertible {
    var description: String
}
