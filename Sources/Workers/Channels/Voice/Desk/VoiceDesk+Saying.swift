internal import ChannelHTTP
internal import Runtime
internal import Synchronization

extension VoiceDesk {
    /// How long a text is heard, about.
    static func milliseconds(_ text: String) -> Int64 { text.isEmpty ? 0 : 1_000 + 65 * Int64(text.count) }

    /// Says something in a call; returns when the provider has it, or will not have it.
    ///
    /// - Parameters:
    ///   - event: what tells this text from the same said again: said once, it is not said a second time.
    ///   - within: give up what could not be said until then; nil: never.
    func say(_ text: String, in callId: String, event: String, within: Int64? = nil) async -> SayResult {
        enum Step {
            case done(SayResult)
            case command(CallRecord)
            case wait(until: Int64)
        }
        let deadline = within.map { ports.now() + $0 }
        var id: UInt64?
        while true {
            let now = ports.now()
            let step = state.withLock { state -> Step in
                guard var call = state.calls[callId], !call.machine.isOver else { return .done(state.over(callId)) }
                defer { state.calls[callId] = call }
                guard let known = id else {
                    if call.machine.knows(event) { return .done(.taken(isDoubtful: false)) }
                    guard call.machine.closing == nil else { return .done(.over("the call is being ended")) }
                    guard call.talk.queue.count < Talk.queueLimit else {
                        return .done(.later(milliseconds: 1_000, "\(Talk.queueLimit) texts wait in this call already"))
                    }
                    state.lastUtterance += 1
                    id = state.lastUtterance
                    call.talk.queue.append(Utterance(id: state.lastUtterance, text: text, event: event))
                    return .wait(until: now)
                }
                guard let index = call.talk.queue.firstIndex(where: { $0.id == known }) else {
                    return .done(.refused("the text was taken back"))
                }
                if let result = call.talk.queue[index].result {
                    call.talk.queue.remove(at: index)
                    return .done(result)
                }
                guard !call.talk.queue[index].isTaken else { return .wait(until: .max) }
                let isDoubtful = call.talk.queue[index].isDoubtful
                if call.machine.closing != nil {
                    call.talk.queue.remove(at: index)
                    return .done(isDoubtful ? .taken(isDoubtful: true) : .over("the call is being ended"))
                }
                if state.isLeaving || Task.isCancelled || deadline.map({ now >= $0 }) == true {
                    call.talk.queue.remove(at: index)
                    return .done(.later(milliseconds: 500, "it could not be said in time"))
                }
                let restFrom = call.talk.held > 0 ? Int64.max : call.talk.restFrom
                guard index == call.talk.next, now >= restFrom else {
                    return .wait(until: index == 0 ? restFrom : .max)
                }
                call.talk.queue[index].isTaken = true
                return .command(call.machine.record)
            }
            switch step {
            case .done(let result):
                waiters.wake()
                return result
            case .wait(let until):
                if until <= now {
                    waiters.wake()
                    continue
                }
                let limit = min(until, deadline ?? .max)
                let pause = min(max(0, limit &- now), 60_000)
                await waiters.wait(within: .milliseconds(pause)) { self.hasNews(of: id, in: callId, since: limit) }
            case .command(let record):
                await command(text, event: event, id: id ?? 0, record)
            }
        }
    }

    /// Whether `say` has something to do that it did not see when it decided to wait.
    private func hasNews(of id: UInt64?, in callId: String, since limit: Int64) -> Bool {
        let now = ports.now()
        return state.withLock { state in
            guard let call = state.calls[callId], !call.machine.isOver, !state.isLeaving,
                call.machine.closing == nil,
                let index = call.talk.queue.firstIndex(where: { $0.id == id })
            else { return true }
            let one = call.talk.queue[index]
            if one.result != nil { return true }
            return !one.isTaken && index == 0 && call.talk.held == 0
                && (now >= call.talk.restFrom || call.talk.restFrom < limit)
        }
    }

    /// Says it by a request of ours.
    private func command(_ text: String, event: String, id: UInt64, _ record: CallRecord) async {
        let result = await provider.speak(
            text,
            in: record,
            webhook: publicURL,
            command: provider.speaksByWebhook ? ports.token() : event
        )
        switch result {
        case .success: said(id, in: record.callId)
        case .failure(let failure):
            change(record.callId) { call in
                guard let index = call.talk.queue.firstIndex(where: { $0.id == id }) else { return }
                call.talk.queue[index].isTaken = false
                let result: SayResult =
                    switch failure {
                    case .unsent(let words): .later(milliseconds: 2_000, words)
                    case .tooMany(let seconds): .later(milliseconds: Int64(seconds) * 1000, failure.words)
                    case .unknown(let words): .unclear(words)
                    case .refused: failure.isGone ? .over("the call is over") : .refused(failure.words)
                    }
                call.talk.queue[index].result = result
            }
        }
    }

    /// The provider has a text.
    private func said(_ id: UInt64, in callId: String) {
        let now = ports.now()
        change(callId) { call in
            guard let index = call.talk.queue.firstIndex(where: { $0.id == id }) else { return }
            let one = call.talk.queue[index]
            call.talk.queue[index].result = .taken(isDoubtful: one.isDoubtful)
            call.spoke(one.text, event: one.event, isTwilio: provider.speaksByWebhook, now: now)
        }
    }

    /// The next text for a request of the provider that waits, with what is to be called once the answer is written; nil when
    /// there is none.
    func take(_ callId: String) -> (text: String, written: @Sendable (Bool) -> Void)? {
        let one = state.withLock { state -> Utterance? in
            guard var call = state.calls[callId], call.machine.closing == nil, let index = call.talk.next else {
                return nil
            }
            call.talk.queue[index].isTaken = true
            state.calls[callId] = call
            return call.talk.queue[index]
        }
        guard let one else { return nil }
        return (
            one.text,
            { isWritten in
                if isWritten { return self.said(one.id, in: callId) }
                self.change(callId) { call in
                    guard let index = call.talk.queue.firstIndex(where: { $0.id == one.id }) else { return }
                    call.talk.queue[index].isTaken = false
                    call.talk.queue[index].isDoubtful = true
                }
            }
        )
    }
}

extension LiveCall {
    /// The provider has `text`: what follows for the record, and for who speaks next.
    mutating func spoke(_ text: String, event: String?, isTwilio: Bool, now: Int64) {
        let lasts = VoiceDesk.milliseconds(text)
        machine.said(text, event: event, lasts: lasts, now: now)
        (talk.heardAt, talk.isPatienceSaid, talk.isBegun) = (nil, false, true)
        // Behind a long chunk Twilio comes back by itself; Telnyx says when it is done. Both are waited for not too long.
        let isLong = isTwilio && text.count >= TwilioScript.longChunk
        talk.restFrom = now + (isTwilio && !isLong ? lasts : lasts + lasts / 2 + 10_000)
    }
}

extension VoiceDesk.State {
    /// Why nothing can be said in a call.
    func over(_ callId: String) -> SayResult {
        let words =
            ended.last { $0.callId == callId }.map { "the call is over: \($0.words)" }
            ?? calls[callId].map { "the call is over: \($0.machine.record.endReason ?? "")" }
            ?? "there is no such call (any more)"
        return .over(words)
    }
}
