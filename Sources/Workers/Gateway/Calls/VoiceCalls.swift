internal import Config
internal import Journal

/// Telephone calls for those who ask: clients by RPC, agents by their tool. The worker does it, the journal remembers it.
struct VoiceCalls: Sendable {
    let config: GatewayConfig
    let desk: any Conversations
    var clock = EdgeClock.real

    /// Longest answer of the worker to one question.
    private static let askMilliseconds: Int64 = 60_000
    /// `heard` is answered within 25 s.
    private static let heardMilliseconds: Int64 = 35_000
    /// Between two questions for what was heard, at least.
    private static let pause = Duration.milliseconds(200)
    /// Longest text that is said at once.
    static let messageBytes = 8192

    static let off =
        "voice calls are off: switch them on in plugins.entries.voice-call; clawhold config names what is missing"

    /// Who is to be called, and what is said first.
    struct Order: Sendable {
        var to: String?
        var message = ""
        /// `notify` or `conversation`; nil: as configured.
        var mode: String?
        /// Names the call for ever; nil: every order is a new one.
        var idempotencyKey: String?
    }

    // MARK: What changes something

    /// `{callId, initiated, providerCallId?, state?}`.
    func initiate(_ order: Order) async throws(ConversationError) -> WireValue {
        let voice = try voice()
        guard voice.noOutbound.isEmpty else { throw .invalid(voice.noOutbound) }
        let number = order.to ?? voice.toNumber
        guard !number.isEmpty else {
            throw .invalid("nobody is named to call: give `to`, or set plugins.entries.voice-call.config.toNumber")
        }
        guard PhoneNumber.isE164(number) else {
            throw .invalid("\"\(Shown.text(number))\" is no number such as +15550001234 (E.164)")
        }
        let id = order.idempotencyKey.map(CallID.derived) ?? CallID.random()
        // The worker knows those that live; what has ended only the journal remembers, and it is not dialled again.
        if order.idempotencyKey != nil, let known = try await desk.call(id), known.hasEnded {
            return ["callId": .string(id), "initiated": true, "state": .string(known.state)]
        }
        let answer: WireValue
        do throws(ConversationError) {
            answer = try await ask(
                "initiate",
                [
                    "callId": .string(id), "to": .string(number), "message": .string(order.message),
                    "mode": order.mode.map(WireValue.string),
                ]
            )
        } catch {
            guard case .unavailable(let words) = error else { throw error }
            throw .unavailable(
                "\(words) (call \(id): clawhold voicecall status --call-id \(id) tells whether it was dialled)"
            )
        }
        return [
            "callId": .string(answer["callId"]?.text ?? id), "initiated": true,
            "providerCallId": answer["providerCallId"], "state": answer["state"],
        ]
    }

    /// `{success}`.
    func speak(_ id: String, _ message: String) async throws(ConversationError) -> WireValue {
        _ = try await ask("speak", ["callId": .string(id), "message": .string(message)])
        return ["success": true]
    }

    /// `{success}`.
    func end(_ id: String) async throws(ConversationError) -> WireValue {
        _ = try await ask("end", ["callId": .string(id)])
        return ["success": true]
    }

    /// Says something and waits for what the other side answers: `{success, transcript}`.
    func converse(_ id: String, _ message: String) async throws(ConversationError) -> WireValue {
        let waiting = try await say(id, message)
        let limit = Duration.milliseconds(try voice().transcriptTimeoutMilliseconds + 5000)
        let began = clock.now()
        while began.duration(to: clock.now()) < limit {
            let asked = clock.now()
            if let transcript = try await heard(id, waiting) {
                return ["success": true, "transcript": .string(transcript)]
            }
            // A worker that says "not yet" at once must not keep the gateway busy. Nobody cancels this.
            if asked.duration(to: clock.now()) < Self.pause { try? await Task.sleep(for: Self.pause) }
        }
        throw .unavailable("nothing was heard in time")
    }

    /// Says something; what is heard is asked for by the name that it gives.
    func say(_ id: String, _ message: String) async throws(ConversationError) -> WireValue {
        let answer = try await ask("continue", ["callId": .string(id), "message": .string(message)])
        guard let waiting = answer["waiting"] else { throw .unavailable("the answer of the worker is not understood") }
        return waiting
    }

    /// Nil: nothing yet. Waits for it for up to 25 s.
    func heard(_ id: String, _ waiting: WireValue) async throws(ConversationError) -> String? {
        let answer = try await ask(
            "heard",
            ["callId": .string(id), "waiting": waiting],
            milliseconds: Self.heardMilliseconds
        )
        guard answer["done"]?.truth == true else { return nil }
        return answer["transcript"]?.text ?? ""
    }

    // MARK: What is known

    /// `{found, call?}`.
    func status(_ id: String) async throws(ConversationError) -> WireValue {
        guard let call = try await desk.call(id) else { return ["found": false] }
        return ["found": true, "call": Self.shown(call)]
    }

    /// `{calls, rev}`: newest change first; `rev` is what to ask for next as `after`.
    func list(after rev: Int64?, limit: Int) async throws(ConversationError) -> WireValue {
        let calls = try await desk.calls(after: rev, limit: limit)
        return [
            "calls": .array(calls.map(Self.brief)),
            "rev": .integer(calls.map(\.rev).max() ?? rev ?? 0),
        ]
    }

    private static func shown(_ call: KeptCall) -> WireValue {
        // Written by this program.
        let record = (try? WireParser.parse(call.record)) ?? ["callId": .string(call.callID)]
        let own: [WireValue.Member] = [
            .init(name: "updatedAt", value: .integer(call.updatedAt)), .init(name: "rev", value: .integer(call.rev)),
        ]
        return .object((record.members ?? []) + own)
    }

    /// Without what makes it long: the last words alone.
    private static func brief(_ call: KeptCall) -> WireValue {
        let members = (shown(call).members ?? []).filter { $0.name != "processedEventIds" }
        return .object(
            members.map { member in
                guard member.name == "transcript", let lines = member.value.items else { return member }
                return .init(name: member.name, value: .array(lines.suffix(20).map(shortened)))
            }
        )
    }

    private static func shortened(_ line: WireValue) -> WireValue {
        .object(
            (line.members ?? []).map { member in
                guard let text = member.value.text else { return member }
                return .init(name: member.name, value: .string(String(text.prefix(500))))
            }
        )
    }

    // MARK: The worker

    private func voice() throws(ConversationError) -> GatewayVoice {
        guard let voice = config.voice else { throw .unavailable(Self.off) }
        return voice
    }

    private func ask(
        _ method: String,
        _ params: WireValue,
        milliseconds: Int64 = askMilliseconds
    ) async throws(ConversationError) -> WireValue {
        let bytes = try await desk.ask(
            worker: try voice().worker,
            method: method,
            params: params.encoded(),
            milliseconds: milliseconds
        )
        guard let answer = try? WireParser.parse(bytes), answer.members != nil else {
            throw .unavailable("the answer of the worker to \(method) is not understood")
        }
        if let error = answer["error"]?.text, !error.isEmpty { throw .unavailable(Shown.text(error, limit: 1000)) }
        return answer
    }
}
