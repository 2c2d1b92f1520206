internal import Config
internal import Logging
internal import Runtime
internal import Synchronization

extension VoiceDesk {
    /// Takes over what lived before; calls may come and be made then.
    func open(_ known: [CallRecord], _ gateway: Gateway) {
        let now = ports.now()
        state.withLock { state in
            state.gateway = gateway
            for record in known where !record.state.isTerminal && record.provider == provider.name {
                let isPolled = record.mode == .notify && settings.publicURL.isEmpty && !settings.usesTunnel
                var call = LiveCall(CallMachine(record: record, times: times, isPolled: isPolled, now: now))
                call.saved = call.version
                call.talk.isBegun = record.transcript.contains { $0.speaker == .bot }
                // A request for an instruction may be on its way; who has nothing to say waits for it.
                call.talk.restFrom = record.answeredAt == nil ? .max : now + (provider.speaksByWebhook ? 5_000 : 0)
                state.calls[record.callId] = call
            }
            state.isOpen = true
        }
        waiters.wake()
        for record in known where !record.state.isTerminal {
            guard record.provider == provider.name else {
                // Another provider was configured meanwhile: nobody here can ask that one.
                Task {
                    var record = record
                    (record.state, record.endedAt) = (.error, now)
                    record.endReason = "the provider is \(self.provider.name) now"
                    try? await gateway.save(record)
                }
                continue
            }
            // Ends within the limits of the provider's client.
            Task { await self.recover(record) }
        }
    }

    /// Whether calls may be taken, within `limit`.
    func isOpen(within limit: Duration) async -> Bool {
        let end = ContinuousClock.now + limit
        while true {
            if state.withLock({ $0.isOpen }) { return true }
            guard ContinuousClock.now < end, !Task.isCancelled else { return false }
            await waiters.wait(within: end - .now) { self.state.withLock { $0.isOpen } }
        }
    }

    /// Another incarnation goes on: what was not said is given back, requests that wait are answered.
    func leave() {
        state.withLock { $0.isLeaving = true }
        waiters.wake()
    }

    /// Asks the provider what became of a call while nobody was here. Never dials.
    private func recover(_ record: CallRecord) async {
        ports.log.info("call \(record.callId) was under way (\(record.state.rawValue)): asking \(provider.name) for it")
        guard record.providerCallId != nil else {
            guard record.wasDialled else {
                change(record.callId) { call in
                    call.machine.end(.failed, "not dialled: the worker was restarted before", ports.now())
                }
                return
            }
            // A provider's list is not up to date at once.
            for pause in [0, 2_000, 5_000] {
                if pause > 0 {
                    await waiters.wait(within: .milliseconds(pause)) { false }
                }
                guard let call = call(record.callId), call.machine.record.providerCallId == nil else { return }
                if await find(record) != nil {
                    ports.log.info("call \(record.callId) was dialled: it is found again")
                    return
                }
            }
            change(record.callId) { call in
                guard call.machine.record.providerCallId == nil else { return }
                call.machine.end(
                    .error,
                    "unknown whether it was dialled: \(provider.name) knows no such call",
                    ports.now()
                )
            }
            return
        }
        guard let name = record.providerCallId else { return }
        switch await provider.look(name) {
        case .success(let kind):
            change(record.callId) { call in _ = call.machine.looked(kind, now: ports.now()) }
            guard !provider.speaksByWebhook else { return began(record.callId) }
            // Its answer was taken down, and nothing said so far.
            if record.answeredAt != nil, self.call(record.callId)?.talk.isBegun == false { await greet(record.callId) }
        case .failure(let failure):
            // The next look asks again.
            ports.log.warning("what became of call \(record.callId) is not known so far: \(failure.words)")
        }
    }
}
