internal import Config
internal import Logging
internal import Runtime
internal import Synchronization

/// What the gateway asks (`docs/ipc.md` 2.5).
extension VoiceDesk {
    /// Characters of a message: the provider's limit for one text.
    static let messageLimit = 3_000
    /// Questions end before the gateway gives them up, after 30 s.
    static let questionLimit: Int64 = 25_000

    /// The answer to a question as JSON; nil for a method that is none of ours.
    func answer(_ method: String, _ params: [UInt8]) async -> [UInt8]? {
        let known = ["initiate", "speak", "continue", "heard", "end", "probe"]
        guard known.contains(method) else { return nil }
        do {
            let asked = params.isEmpty ? JSON.object(JSONObject()) : try JSON(parsing: params)
            if method == "probe" { return await probe().encoded() }
            guard let callId = asked["callId"]?.string, TwilioRequest.isName(callId) else {
                throw CallTrouble("callId is missing or no name (letters, digits and -_.: at most 128 of them)")
            }
            switch method {
            case "initiate": return try await initiate(callId, asked).encoded()
            case "speak": return try await speak(callId, try message(asked)).encoded()
            case "continue": return try await goOn(callId, try message(asked)).encoded()
            case "heard":
                guard let waiting = asked["waiting"]?.string else { throw CallTrouble("waiting is missing") }
                return await heard(callId, waiting).encoded()
            default: return try await end(callId).encoded()
            }
        } catch {
            return JSON(dictionaryLiteral: ("error", .string(String(describing: error)))).encoded()
        }
    }

    private func message(_ asked: JSON) throws -> String {
        let message = (asked["message"]?.string ?? "").trimmingWhitespace
        guard !message.isEmpty else { throw CallTrouble("message is missing") }
        guard message.count <= Self.messageLimit else {
            throw CallTrouble("message is longer than \(Self.messageLimit) characters")
        }
        return message
    }

    // MARK: Dialling

    private func initiate(_ callId: String, _ asked: JSON) async throws -> JSON {
        guard await isOpen(within: .seconds(3)) else {
            throw CallTrouble("the voice worker is starting: ask again in a moment")
        }
        let known = state.withLock { state -> JSON? in
            if let record = state.calls[callId]?.machine.record { return Self.told(record) }
            return state.ended.last { $0.callId == callId }.map {
                Self.told($0.callId, $0.providerCallId, $0.state)
            }
        }
        if let known { return known }
        let text = asked["message"]?.string ?? ""
        guard text.count <= Self.messageLimit else {
            throw CallTrouble("message is longer than \(Self.messageLimit) characters")
        }
        let record = try newCall(callId, to: asked["to"]?.string, text, mode: asked["mode"]?.string)
        // Goes on when who asked is gone: the call has to have an end.
        let dialling = Task { () -> String? in
            do {
                guard try await self.begin(record) else { return nil }
            } catch let error as Crowded {
                throw CallTrouble("\(error): end one (voicecall end), or set more")
            }
            self.change(callId) { $0.machine.dialling() }
            try await self.keep(callId)
            return await self.dial(callId)
        }
        if let trouble = try await dialling.value { throw CallTrouble(trouble) }
        return call(callId).map { Self.told($0.machine.record) } ?? Self.told(callId, nil, "initiated")
    }

    private func newCall(_ callId: String, to: String?, _ text: String, mode: String?) throws -> CallRecord {
        let wanted = to.flatMap { $0.isEmpty ? nil : $0 } ?? settings.toNumber
        guard !wanted.isEmpty else {
            throw CallTrouble("whom to call is not said, and plugins.entries.voice-call.config.toNumber is not set")
        }
        guard let number = E164.normalized(wanted) else {
            throw CallTrouble("\(wanted.prefix(32)) is no telephone number: write it as +15551234567")
        }
        let mode = try mode.map { text in
            guard let mode = CallRecord.Mode(rawValue: text) else {
                throw CallTrouble("mode is \"notify\" or \"conversation\"")
            }
            return mode
        }
        let chosen = mode ?? (settings.defaultMode == .notify ? .notify : .conversation)
        guard chosen == .conversation || !text.isEmpty else {
            throw CallTrouble("message is missing: nothing is to be said")
        }
        if publicURL.isEmpty, settings.provider != .mock {
            guard chosen == .notify, settings.provider == .twilio else {
                throw CallTrouble(
                    "\(chosen == .notify ? "a call by Telnyx" : "a conversation") needs an address that \(provider.name) can "
                        + "reach: set plugins.entries.voice-call.config.publicUrl, or a tunnel (tunnel.provider; clawhold tunnel "
                        + "status shows it)"
                )
            }
        }
        guard settings.provider == .mock || E164.number(settings.fromNumber) != nil else {
            throw CallTrouble("plugins.entries.voice-call.config.fromNumber is no number: write it as +15551234567")
        }
        let isLeaving = state.withLock { $0.isLeaving }
        guard !isLeaving else { throw CallTrouble("the voice worker is being restarted: ask again in a moment") }
        var record = CallRecord(
            callId: callId,
            provider: provider.name,
            direction: .outbound,
            state: .initiated,
            from: settings.fromNumber,
            to: number,
            startedAt: ports.now(),
            mode: chosen
        )
        record.initialMessage = text
        return record
    }

    /// Asks the provider once. Why it did not work, in words; nil when it did, or when nobody knows.
    private func dial(_ callId: String) async -> String? {
        guard let record = call(callId)?.machine.record else { return nil }
        ports.log.info("call \(callId): dialling \(record.to) (\(record.mode.rawValue))")
        ports.reach("dial.before-call")
        let result = await provider.dial(record, webhook: publicURL.isEmpty ? nil : publicURL)
        ports.reach("dial.after-call")
        switch result {
        case .success(let name):
            change(callId) { call in _ = call.machine.name(name) }
            try? await keep(callId)  // said in the log; the provider's events bring the name again
            return nil
        case .failure(.unknown(let words)):
            ports.log.warning(
                "call \(callId): unknown whether it was dialled (\(words)): asking \(provider.name) for it"
            )
            for pause in [500, 1_000, 2_000] {
                await waiters.wait(within: .milliseconds(pause)) { false }
                guard let call = call(callId), call.machine.record.providerCallId == nil else { return nil }
                if await find(record) != nil { return nil }
            }
            // Its own events may still name it; when it should have been answered its time is over.
            return nil
        case .failure(let failure):
            change(callId) { call in
                guard call.machine.record.providerCallId == nil else { return }
                call.machine.end(.failed, failure.words, ports.now())
            }
            return "\(provider.name) did not take the call: \(failure.words)"
        }
    }

    private static func told(_ record: CallRecord) -> JSON {
        told(record.callId, record.providerCallId, record.state.rawValue)
    }

    private static func told(_ callId: String, _ providerCallId: String?, _ state: String) -> JSON {
        var object = JSONObject()
        object["callId"] = .string(callId)
        if let providerCallId { object["providerCallId"] = .string(providerCallId) }
        object["state"] = .string(state)
        return .object(object)
    }

    // MARK: Talking

    private func speak(_ callId: String, _ message: String) async throws -> JSON {
        switch await say(message, in: callId, event: "say:\(ports.token())", within: Self.questionLimit) {
        case .taken: return ["success": true]
        case .over(let words), .refused(let words), .unclear(let words), .later(_, let words): throw CallTrouble(words)
        }
    }

    private func goOn(_ callId: String, _ message: String) async throws -> JSON {
        let name = ports.token()
        let until = ports.now() + Int64(settings.transcriptTimeoutMilliseconds)
        // Before it is said: the answer may come at once.
        guard change(callId, { call in call.talk.listener = Listener(name: name, until: until) }) != nil else {
            throw CallTrouble("there is no such call (any more)")
        }
        do {
            _ = try await speak(callId, message)
        } catch {
            change(callId) { call in if call.talk.listener?.name == name { call.talk.listener = nil } }
            throw error
        }
        return JSON(dictionaryLiteral: ("success", true), ("waiting", .string(name)))
    }

    private func heard(_ callId: String, _ waiting: String) async -> JSON {
        let end = ports.now() + Self.questionLimit - 1_000
        while true {
            let now = ports.now()
            let (listener, isOver) = state.withLock { state -> (Listener?, Bool) in
                if let call = state.calls[callId] { return (call.talk.listener, call.machine.isOver) }
                return (state.ended.last { $0.callId == callId }?.listener, true)
            }
            let mine = listener?.name == waiting ? listener : nil
            if let transcript = mine?.transcript {
                return JSON(dictionaryLiteral: ("done", true), ("transcript", .string(transcript)))
            }
            func failed(_ words: String) -> JSON { JSON(dictionaryLiteral: ("done", true), ("error", .string(words))) }
            if isOver { return failed("the call ended before anything was said") }
            guard let mine else { return failed("another question has taken the place of this one") }
            if now >= mine.until {
                return failed("nothing was said within \(settings.transcriptTimeoutMilliseconds / 1000) s")
            }
            if now >= end || Task.isCancelled || state.withLock({ $0.isLeaving }) { return ["done": false] }
            await waiters.wait(within: .milliseconds(min(end, mine.until) - now)) {
                guard let call = self.call(callId), !call.machine.isOver else { return true }
                return call.talk.listener?.name != waiting || call.talk.listener?.transcript != nil
                    || self.state.withLock { $0.isLeaving }
            }
        }
    }

    private func end(_ callId: String) async throws -> JSON {
        let isKnown = state.withLock { state in
            state.calls[callId] != nil || state.ended.contains { $0.callId == callId }
        }
        guard isKnown else { throw CallTrouble("there is no such call (any more)") }
        let now = ports.now()
        change(callId) { call in
            call.machine.close(.hangupBot, CallRecord.State.hangupBot.rawValue, at: now, now: now)
        }
        let end = now + Self.questionLimit
        while let call = call(callId), !call.machine.isOver {
            guard ports.now() < end, !Task.isCancelled else {
                throw CallTrouble("\(provider.name) has not hung up so far; it is asked again")
            }
            await waiters.wait(within: .seconds(1)) { self.call(callId)?.machine.isOver != false }
        }
        return ["success": true]
    }

    private func probe() async -> JSON {
        let began = ports.now()
        let result = await provider.probe()
        var object = JSONObject()
        switch result {
        case .success: object["ok"] = true
        case .failure(let failure):
            object["ok"] = false
            object["error"] = .string(failure.words)
        }
        object["elapsedMs"] = .integer(ports.now() - began)
        object["provider"] = .string(provider.name)
        object["fromNumber"] = .string(settings.fromNumber)
        object["publicUrl"] = .string(publicURL)
        object["calls"] = .integer(Int64(liveCount))
        return .object(object)
    }
}
