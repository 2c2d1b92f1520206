internal import Config
internal import Logging
internal import Runtime
internal import Synchronization

extension VoiceDesk {
    /// Carries out what the calls' times ask for, until it is cancelled.
    func keepTime() async {
        while !Task.isCancelled {
            let now = ports.now()
            let due = state.withLock { state in
                state.calls.compactMap { id, call in call.machine.due.map { (id, $0) } }
            }
            for (id, at) in due where at <= now { pass(id, now) }
            let next = due.map(\.1).filter { $0 > now }.min() ?? .max
            let pause = due.contains { $0.1 <= now } ? 1 : min(max(1, next &- now), 60_000)
            await waiters.wait(within: .milliseconds(pause)) { (self.nextDue ?? .max) < next }
        }
    }

    private var nextDue: Int64? { state.withLock { state in state.calls.values.compactMap(\.machine.due).min() } }

    private func pass(_ callId: String, _ now: Int64) {
        let found = change(callId) { call in
            (call.machine.passed(now: now).needs, call.machine.record, call.machine.closing)
        }
        guard let (needs, record, closing) = found else { return }
        // Each ends within the limits of the provider's client; the machine asks for no second meanwhile.
        for need in needs {
            switch need {
            case .hangUp:
                if closing?.tries == 0 { ports.log.info("call \(callId) is hung up: \(closing?.reason ?? "")") }
                Task { await self.hangUp(record) }
            case .look: Task { await self.look(record) }
            }
        }
    }

    private func hangUp(_ record: CallRecord) async {
        var record = record
        if record.providerCallId == nil, record.wasDialled {
            // It may be ringing somewhere under a name that never arrived.
            guard let name = await find(record) else {
                change(record.callId) { call in
                    call.machine.end(.error, "unknown whether it was dialled", ports.now())
                }
                return
            }
            record.providerCallId = name
        }
        let result = await provider.hangUp(record)
        change(record.callId) { call in
            switch result {
            case .success: call.machine.hungUp(now: ports.now())
            case .failure(let failure): _ = call.machine.notHungUp(failure.words, now: ports.now())
            }
        }
        if case .failure(let failure) = result {
            ports.log.warning("call \(record.callId) could not be hung up: \(failure.words)")
        }
    }

    private func look(_ record: CallRecord) async {
        guard let name = record.providerCallId else { return }
        let result = await provider.look(name)
        change(record.callId) { call in
            switch result {
            case .success(let kind): _ = call.machine.looked(kind, now: ports.now())
            case .failure: call.machine.notLooked(now: ports.now())
            }
        }
        began(record.callId)
    }

    /// Before a caller is turned away because of others: nobody may have told that those have hung up.
    func lookAtLongest() async {
        let records = state.withLock { state in
            state.calls.values.map(\.machine).filter { !$0.isOver }.map(\.record).sorted { $0.startedAt < $1.startedAt }
        }
        // What is not known in time is known to the next caller.
        try? await TimeLimit.run(.seconds(4), on: ports.loop) {
            await withTaskGroup(of: Void.self) { group in
                for record in records.prefix(4) { group.addTask { await self.look(record) } }
            }
        }
    }

    /// What the provider calls a dialled call whose answer never came; nil when it knows none.
    func find(_ record: CallRecord) async -> String? {
        let known = state.withLock { state in
            Set(
                state.calls.values.compactMap(\.machine.record.providerCallId)
                    + state.ended.compactMap(\.providerCallId)
            )
        }
        guard case .success(let name?) = await provider.find(record, known: known) else { return nil }
        change(record.callId) { call in _ = call.machine.name(name) }
        return name
    }

    /// Of a call whose instructions went with the dialling: its words are said once it is answered.
    func began(_ callId: String) {
        guard provider.speaksByWebhook else { return }
        change(callId) { call in
            let record = call.machine.record
            guard call.machine.isPolled, record.answeredAt != nil, !call.talk.isBegun, !record.initialMessage.isEmpty
            else { return }
            call.spoke(record.initialMessage, event: nil, isTwilio: true, now: ports.now())
        }
    }
}
