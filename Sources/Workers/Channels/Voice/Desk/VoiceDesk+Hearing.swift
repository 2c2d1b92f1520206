internal import Config
internal import Logging
internal import Runtime
internal import Synchronization

extension VoiceDesk {
    /// Texts of one call that wait for the journal.
    static let deliverLimit: Duration = .seconds(10)

    /// Takes what a caller said. True once it is kept for good: by the journal, or by who waited for it.
    ///
    /// - Parameters:
    ///   - event: the same for the same words that come twice.
    ///   - turn: names the message.
    func heard(_ words: String, in callId: String, event: String, turn: String) async -> Bool {
        let words = TwiML.plain(String(decoding: words.utf8.prefix(SpokenWords.textBytes), as: UTF8.self))
        guard let call = call(callId), !call.machine.isOver else { return true }
        guard !call.machine.knows(event) else { return true }
        let record = call.machine.record
        let now = ports.now()
        // Who asked for it gets it, and nobody else: the agent that asked is not asked in turn.
        let isAwaited = change(callId) { call -> Bool in
            guard let listener = call.talk.listener, listener.transcript == nil, now < listener.until else {
                return false
            }
            call.talk.listener?.transcript = words
            return true
        }
        if isAwaited != true {
            let spoken = SpokenWords(
                callId: callId,
                providerCallId: record.providerCallId ?? callId,
                direction: record.direction,
                number: record.direction == .inbound ? record.from : record.to,
                turn: turn,
                text: words,
                at: now
            )
            guard await deliver(spoken) else { return false }
        }
        change(callId) { call in
            guard call.machine.heard(words, event: event, now: now) else { return }
            (call.talk.heardAt, call.talk.isPatienceSaid, call.talk.silences) = (now, false, 0)
        }
        return true
    }

    /// Journals it. What the gateway cannot take at the moment is tried again as long as this worker may.
    func deliver(_ words: SpokenWords) async -> Bool {
        guard let gateway = state.withLock({ $0.gateway }) else { return false }
        let event = ChannelEvent(key: words.key, raw: words.encoded(), cursor: [])
        let end = ContinuousClock.now + Self.deliverLimit
        while true {
            do {
                try await TimeLimit.run(max(.milliseconds(1), end - .now), on: ports.loop) {
                    try await gateway.deliver(event)
                }
                return true
            } catch {
                guard error is ChannelRefusal, ContinuousClock.now + .seconds(1) < end, !Task.isCancelled else {
                    ports.log.error("what was said in call \(words.callId) was not journaled: \(error)")
                    return false
                }
                await waiters.wait(within: .seconds(1)) { false }
            }
        }
    }

    /// A call that comes in: its record, or why it is not taken.
    enum Admission: Sendable {
        case taken(String)
        case refused(isBusy: Bool)
    }

    func admit(_ providerCallId: String, from: String, to: String) async -> Admission {
        if let known = state.withLock({ $0.live(providerCallId: providerCallId) }) { return .taken(known) }
        // The same for the same call, should this worker end in between.
        let callId = TelnyxRequests.command(providerCallId, "inbound")
        if let refusal = InboundPolicy.refusal(of: from, settings: settings) {
            await refuse(callId, providerCallId, from: from, refusal)
            return .refused(isBusy: false)
        }
        if liveCount >= limit { await lookAtLongest() }
        var record = CallRecord(
            callId: callId,
            provider: provider.name,
            direction: .inbound,
            state: .ringing,
            from: from,
            to: to,
            startedAt: ports.now(),
            mode: .conversation
        )
        record.providerCallId = providerCallId
        record.initialMessage = settings.inboundGreeting
        do {
            if try await begin(record) { ports.log.info("call \(callId) comes in from \(from)") }
            return .taken(callId)
        } catch let error as Crowded {
            await refuse(callId, providerCallId, from: from, error.description)
            return .refused(isBusy: true)
        } catch {
            ports.log.error("a call of \(from) is refused: it could not be kept (\(error))")
            return .refused(isBusy: true)
        }
    }

    /// Says in the log and to `clawhold why` who was turned away.
    private func refuse(_ callId: String, _ providerCallId: String, from: String, _ refusal: String) async {
        ports.log.warning("a call of \(from.isEmpty ? "nobody" : from) is refused: \(refusal)")
        _ = await deliver(
            SpokenWords(
                callId: callId,
                providerCallId: providerCallId,
                direction: .inbound,
                number: from,
                turn: "refused",
                at: ports.now(),
                refused: refusal
            )
        )
    }
}
