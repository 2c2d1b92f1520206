internal import ChannelHTTP
internal import Config
internal import IPCControl
internal import Logging
internal import NIOHTTP1
internal import Runtime
internal import Synchronization

extension VoiceDesk {
    /// How long a request of Twilio's is held for something to say.
    static let hold: Int64 = 4_000
    /// The same, for words that are not in the journal so far. Twilio itself waits 15 s.
    static let longestHold: Int64 = 11_000

    func receiveTwilio(_ request: WebhookRequestBody) async -> WebhookAnswer {
        let type = request.head.headers.first(name: "content-type")?.lowercased() ?? ""
        let isForm = type.hasPrefix("application/x-www-form-urlencoded")
        let form = isForm ? FormFields(parsing: request.body) : nil
        guard !isForm || form != nil else { return WebhookAnswer(.badRequest, "this is no form") }
        guard let address = isProven(request, form: form) else { return refused(request) }
        let uri = request.head.uri
        let query = uri.firstIndex(of: "?").map { Array(uri[uri.index(after: $0)...].prefix { $0 != "#" }.utf8) } ?? []
        guard let form, let fields = FormFields(parsing: query), let read = TwilioRequest(query: fields, form: form)
        else {
            return WebhookAnswer(.badRequest, "this is nothing that Twilio says of a call")
        }
        guard await isOpen(within: .seconds(3)) else {
            return WebhookAnswer(.serviceUnavailable, "starting: again later")
        }
        let signature = request.head.headers.first(name: TwilioSignature.header) ?? ""
        let key = Digests.hex(SHA256.hash(Array("\(uri)|\(signature)|".utf8) + request.body))
        let base = publicURL.isEmpty ? String(address.prefix { $0 != "?" }) : publicURL
        let now = ports.now()
        switch state.withLock({ $0.replays.begin(key, now: now) }) {
        case .replay(let answer?): return Self.xml(answer)
        case .replay(nil):
            // The first one is not answered yet: this one changes nothing, and ends nothing.
            guard let callId = read.callId else { return Self.xml(TwiML(.pause(seconds: 1))) }
            return Self.xml(script(callId, base).wait(token: ports.token()))
        case .fresh: break
        }
        var answer = await answerTwilio(read, base)
        let (body, written, desk) = (answer.body, answer.written, self)
        answer.written = { isWritten in
            // What did not arrive comes again, and is then as new as it was.
            desk.state.withLock { isWritten ? $0.replays.finish(key, body) : $0.replays.forget(key) }
            written?(isWritten)
            guard !isWritten, let callId = read.callId else { return }
            // Twilio comes again, or it does not: then a request of ours may speak.
            desk.change(callId) { call in call.talk.restFrom = desk.ports.now() + 8_000 }
        }
        return answer
    }

    private func script(_ callId: String, _ base: String) -> TwilioScript {
        TwilioScript(webhook: base, callId: callId, settings: settings)
    }

    private static func xml(_ body: [UInt8]) -> WebhookAnswer {
        var answer = WebhookAnswer(.ok)
        answer.contentType = "application/xml"
        answer.body = body
        return answer
    }

    private static func xml(_ twiml: TwiML, written: (@Sendable (Bool) -> Void)? = nil) -> WebhookAnswer {
        var answer = xml(Array(twiml.text.utf8))
        answer.written = written
        return answer
    }

    private func answerTwilio(_ request: TwilioRequest, _ base: String) async -> WebhookAnswer {
        let known = state.withLock { state in
            request.callId.flatMap { id in state.calls[id].flatMap { $0.machine.isOver ? nil : id } }
                ?? state.live(providerCallId: request.callSid)
        }
        if request.purpose == .status {
            if let known, let event = request.event, isNamed(known, request.callSid) {
                change(known) { call in _ = call.machine.take(event, now: ports.now()) }
            }
            return Self.xml(TwiML())
        }
        guard let callId = known else {
            // An address of ours for a call that is over here.
            guard request.callId == nil else { return Self.xml(TwiML(.hangup)) }
            return await greetTwilio(request, base)
        }
        guard isNamed(callId, request.callSid) else { return Self.xml(TwiML(.hangup)) }
        if let event = request.event, case .ended = event.kind {
            change(callId) { call in _ = call.machine.take(event, now: ports.now()) }
            return Self.xml(TwiML())
        }
        change(callId) { call in
            var word = CallEvent(id: "", kind: .other("webhook"), providerCallId: request.callSid)
            word.id = "\(request.callSid):seen"
            // Every request is a sign of life, and none but the first an event.
            _ = call.machine.take(word, now: ports.now())
            call.talk.restFrom = .max
        }
        switch request.purpose {
        case .status: return Self.xml(TwiML())
        case .begin: return beginTwilio(callId, request, base)
        case .wait: return await hold(callId, base, journaled: nil)
        case .silence: return await silent(callId, base)
        case .speech(let turn):
            let words = request.speech.trimmingWhitespace
            guard !words.isEmpty else { return await silent(callId, base) }
            // As in spec 3.6: the call, what was said, and the token of the question.
            let event = "\(request.callSid):\(Digests.hex(SHA256.hash(Array(words.utf8)).prefix(8))):\(turn)"
            // Goes on when this request is over: words are lost nowhere else.
            let journaled = Task {
                while await !self.heard(words, in: callId, event: event, turn: turn) {
                    await self.waiters.wait(within: .seconds(1)) { false }
                }
            }
            return await hold(callId, base, journaled: journaled)
        }
    }

    /// The call goes by this name at Twilio, or gets it now.
    private func isNamed(_ callId: String, _ sid: String) -> Bool {
        guard change(callId, { call in call.machine.name(sid) }) == true else {
            ports.log.warning("a request for call \(callId) came under another CallSid: it does not count")
            return false
        }
        return true
    }

    // MARK: The beginning

    private func beginTwilio(_ callId: String, _ request: TwilioRequest, _ base: String) -> WebhookAnswer {
        guard let record = call(callId)?.machine.record else { return Self.xml(TwiML(.hangup)) }
        let script = script(callId, base)
        let text = record.initialMessage
        let answered = CallEvent(id: "\(request.callSid):begun", kind: .answered, providerCallId: request.callSid)
        let twiml =
            record.mode == .notify
            ? script.notify(text, delay: settings.notifyHangupDelaySeconds)
            : script.listen(saying: text, token: ports.token())
        return Self.xml(twiml) { isWritten in
            let now = self.ports.now()
            self.change(callId) { call in
                // Not answered means that Twilio asks the address for its second try.
                guard isWritten else { return }
                _ = call.machine.take(answered, now: now)
                if call.talk.isBegun || text.isEmpty {
                    call.talk.isBegun = true
                    call.talk.restFrom = now + Self.milliseconds(text)
                } else {
                    call.spoke(text, event: nil, isTwilio: true, now: now)
                    call.talk.restFrom = now + Self.milliseconds(text)
                }
            }
        }
    }

    private func greetTwilio(_ request: TwilioRequest, _ base: String) async -> WebhookAnswer {
        // The number's "call status changes" may lead here too: of a call that is over there is nothing to take.
        if case .ended? = request.event?.kind { return Self.xml(TwiML()) }
        guard request.isInbound else { return Self.xml(TwiML(.hangup)) }
        switch await admit(request.callSid, from: request.from, to: request.to) {
        case .refused(let isBusy): return Self.xml(TwiML(isBusy ? .rejectBusy : .reject))
        case .taken(let callId): return beginTwilio(callId, request, base)
        }
    }

    // MARK: In between

    /// Holds a request until there is something to say, for a few seconds; else Twilio comes again.
    private func hold(_ callId: String, _ base: String, journaled: Task<Void, Never>?) async -> WebhookAnswer {
        state.withLock { $0.calls[callId]?.talk.held += 1 }
        let script = script(callId, base)
        let began = ports.now()
        let isJournaled = Waiting()
        if let journaled {
            Task {
                await journaled.value
                isJournaled.end()
                self.waiters.wake()
            }
        } else {
            isJournaled.end()
        }
        func over(_ twiml: TwiML, _ written: (@Sendable (Bool) -> Void)? = nil) -> WebhookAnswer {
            let now = ports.now()
            state.withLock { state in
                state.calls[callId]?.talk.held -= 1
                // Twilio is back by then; should it not come, a request of ours may speak.
                state.calls[callId]?.talk.restFrom = now + Self.hold + 4_000
            }
            waiters.wake()
            return Self.xml(twiml, written: written)
        }
        while true {
            let now = ports.now()
            guard let call = call(callId), !call.machine.isOver, call.machine.closing == nil else {
                return over(TwiML(.hangup))
            }
            let isKept = isJournaled.isOver
            if Task.isCancelled { return over(script.wait(token: ports.token())) }
            if isKept, let (text, written) = take(callId) {
                return over(script.say(text, token: ports.token()), written)
            }
            if isKept, state.withLock({ $0.isLeaving }) { return over(script.wait(seconds: 3, token: ports.token())) }
            let until = began + (isKept ? Self.hold : Self.longestHold)
            if now >= until {
                let patience = Int64(settings.responseTimeoutMilliseconds)
                if let heardAt = call.talk.heardAt, !call.talk.isPatienceSaid, now - heardAt >= patience {
                    return over(script.wait(saying: TwilioScript.patience, token: ports.token())) { isWritten in
                        guard isWritten else { return }
                        self.change(callId) { $0.talk.isPatienceSaid = true }
                    }
                }
                return over(script.wait(token: ports.token()))
            }
            await waiters.wait(within: .milliseconds(until - now)) {
                guard let call = self.call(callId), !call.machine.isOver, call.machine.closing == nil else {
                    return true
                }
                if isJournaled.isOver != isKept { return true }
                return isKept && (call.talk.next != nil || self.state.withLock { $0.isLeaving })
            }
        }
    }

    /// Nothing was said.
    private func silent(_ callId: String, _ base: String) async -> WebhookAnswer {
        let script = script(callId, base)
        if let (text, written) = take(callId) {
            return Self.xml(script.say(text, token: ports.token()), written: written)
        }
        let silences = change(callId) { call in
            call.talk.silences += 1
            return call.talk.silences
        }
        guard (silences ?? 2) < 2 else {
            // Twilio hangs up by itself behind the words; what it does not do is done then.
            change(callId) { call in
                call.machine.close(.hangupBot, "nobody said anything", at: ports.now() + 12_000, now: ports.now())
            }
            return Self.xml(script.goodbye(TwilioScript.goodbye))
        }
        return Self.xml(script.listen(saying: TwilioScript.again, token: ports.token())) { isWritten in
            guard isWritten else { return }
            self.change(callId) { call in
                call.talk.restFrom = self.ports.now() + Self.milliseconds(TwilioScript.again)
            }
        }
    }
}

extension String {
    /// Without white space at either end.
    var trimmingWhitespace: String {
        let front = drop { $0.isWhitespace }
        guard let last = front.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(front[...last])
    }
}
