internal import ChannelHTTP
internal import Config
internal import IPCControl
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import Runtime
internal import Synchronization

extension VoiceDesk {
    /// What became of a request so far.
    enum Entrance: Sendable {
        /// It is the provider's, and new: `address` is what it called.
        case proven(key: String, address: String)
        case answered(WebhookAnswer)
    }

    /// A request of the webhook, its head looked at already.
    func receive(_ request: WebhookRequestBody) async -> WebhookAnswer {
        switch settings.provider {
        case .twilio: await receiveTwilio(request)
        case .telnyx, .mock: await receiveEvents(request)
        }
    }

    /// Telnyx and the mock: events as JSON, answered with 200 once they are taken for good.
    private func receiveEvents(_ request: WebhookRequestBody) async -> WebhookAnswer {
        guard isProven(request, form: nil) != nil else { return refused(request) }
        var events: [CallEvent]
        if settings.provider == .mock {
            guard let found = MockProvider.events(request.body) else {
                return WebhookAnswer(.badRequest, "events are wanted: {\"event\": {…}} or {\"events\": […]}")
            }
            events = found
        } else {
            // What is no event of a call does not concern us, and must not come again.
            events = TelnyxEvent(request.body).map { [$0.event] } ?? []
        }
        guard await isOpen(within: .seconds(3)) else {
            return WebhookAnswer(.serviceUnavailable, "starting: again later")
        }
        for event in events {
            let key = "event:\(event.id)"
            let now = ports.now()
            guard state.withLock({ $0.replays.begin(key, now: now) }) == .fresh else { continue }
            guard await take(event) else {
                state.withLock { $0.replays.forget(key) }
                return WebhookAnswer(.serviceUnavailable, "again later")
            }
            state.withLock { $0.replays.finish(key, []) }
        }
        return WebhookAnswer(.ok)
    }

    /// The address that a request was signed for; nil when it is not the provider's.
    func isProven(_ request: WebhookRequestBody, form: FormFields?) -> String? {
        let addresses = RequestAddress(
            security: settings.webhookSecurity,
            trustsLoopback: settings.trustsLoopbackHeaders
        )
        .candidates(request.head, peer: request.peer, known: self.addresses)
        func header(_ name: String) -> String { request.head.headers.first(name: name) ?? "" }
        let isValid =
            switch signatures {
            case .nothing: true
            case .twilio(let signature):
                signature.isValid(
                    header(TwilioSignature.header),
                    addresses: addresses,
                    form: form,
                    body: request.body
                )
            case .telnyx(let signature):
                signature.isValid(
                    header(TelnyxSignature.header),
                    time: header(TelnyxSignature.timeHeader),
                    body: request.body,
                    now: ports.now() / 1000
                )
            }
        return isValid ? addresses.first ?? "" : nil
    }

    func refused(_ request: WebhookRequestBody) -> WebhookAnswer {
        let count = state.withLock { state in
            state.forged = state.forged == .max ? 1 : state.forged + 1
            return state.forged
        }
        // Said at 1, 2, 4, 8 …: anybody can send requests.
        if count & (count - 1) == 0 {
            let address =
                RequestAddress(security: settings.webhookSecurity, trustsLoopback: settings.trustsLoopbackHeaders)
                .candidates(request.head, peer: request.peer, known: addresses).first?.prefix { $0 != "?" } ?? ""
            let hint = "check its secret here and plugins.entries.voice-call.config.publicUrl"
            ports.log.warning(
                "\(count) webhook requests so far had no valid signature, the last one as \(address.prefix(200)): when they are the provider's, \(hint)"
            )
        }
        return WebhookAnswer(.unauthorized, "the signature is wrong")
    }

    // MARK: Events of Telnyx and the mock

    /// False: it is to come again.
    private func take(_ event: CallEvent) async -> Bool {
        let known = state.withLock { state in
            event.callId.flatMap { id in
                state.calls[id].flatMap { $0.machine.isOver ? nil : id }
            } ?? state.live(providerCallId: event.providerCallId)
        }
        guard let callId = known else { return await takeUnknown(event) }
        if case .speech(let words) = event.kind {
            guard !words.isEmpty else { return true }
            return await heard(words, in: callId, event: event.id, turn: event.id)
        }
        let isOurs = change(callId) { call in call.machine.name(event.providerCallId) }
        guard isOurs == true else {
            ports.log.warning("an event of call \(callId) came under another name of the provider: it does not count")
            return true
        }
        let before = call(callId)?.machine.record.answeredAt
        change(callId) { call in _ = call.machine.take(event, now: ports.now()) }
        switch event.kind {
        case .answered where before == nil:
            // Goes on when the provider has its answer; a worker that takes over greets whom nobody greeted.
            Task { await self.greet(callId) }
        case .spoken:
            let delay = Int64(settings.notifyHangupDelaySeconds) * 1000
            change(callId) { call in
                call.talk.restFrom = ports.now()
                guard call.machine.record.mode == .notify, call.talk.isBegun else { return }
                call.machine.close(.completed, "completed", at: ports.now() + delay, now: ports.now())
            }
        default: break
        }
        return true
    }

    /// An event of a call that is not under way here.
    private func takeUnknown(_ event: CallEvent) async -> Bool {
        if case .ended = event.kind { return true }
        guard event.direction == .inbound, event.callId == nil else {
            // What is over here is to be over there: nobody would ever hang it up.
            if [.answered, .active, .ringing].contains(event.kind) {
                var record = CallRecord(
                    callId: event.callId ?? event.providerCallId,
                    provider: provider.name,
                    direction: event.direction,
                    state: .error,
                    from: event.from,
                    to: event.to,
                    startedAt: ports.now(),
                    mode: .notify
                )
                record.providerCallId = event.providerCallId
                ports.log.warning("\(provider.name) tells of call \(record.callId), which is over here: it is hung up")
                if case .failure(.unsent) = await provider.hangUp(record) { return false }
            }
            return true
        }
        guard event.kind == .initiated || event.kind == .ringing else { return true }
        switch await admit(event.providerCallId, from: event.from, to: event.to) {
        case .taken(let callId):
            guard let record = call(callId)?.machine.record else { return true }
            if let telnyx = provider as? TelnyxProvider {
                if case .failure(let failure) = await telnyx.answer(record) {
                    change(callId) { call in
                        call.machine.end(.failed, "could not be answered: \(failure.words)", ports.now())
                    }
                }
            }
        case .refused(let isBusy):
            if let telnyx = provider as? TelnyxProvider,
                case .failure(let failure) = await telnyx.reject(event.providerCallId, isBusy: isBusy)
            {
                ports.log.warning("a call of \(event.from) could not be rejected: \(failure.words)")
            }
        }
        return true
    }

    /// The first words of a call that was answered, where they are a command.
    func greet(_ callId: String) async {
        guard let record = call(callId)?.machine.record else { return }
        change(callId) { call in
            call.talk.restFrom = ports.now()
            call.talk.isBegun = true
        }
        if record.mode == .conversation, let telnyx = provider as? TelnyxProvider,
            case .failure(let failure) = await telnyx.listen(record)
        {
            ports.log.error("call \(callId): \(provider.name) does not write down what is said: \(failure.words)")
        }
        if !record.initialMessage.isEmpty {
            let result = await say(record.initialMessage, in: callId, event: "greeting")
            if case .taken = result {
            } else {
                ports.log.warning("call \(callId): its first words were not said: \(result)")
            }
        }
        guard record.mode == .notify else { return }
        // `call.speak.ended` ends it; should that not come, so does time.
        let patience =
            provider is MockProvider || record.initialMessage.isEmpty
            ? 0 : Self.milliseconds(record.initialMessage) * 2 + 30_000
        let loop = ports.loop
        Task {
            try? await loop.scheduleTask(in: .milliseconds(patience)) {}.futureResult.get()  // the loop lives
            self.change(callId) { call in
                let delay = Int64(self.settings.notifyHangupDelaySeconds) * 1000
                call.machine.close(.completed, "completed", at: self.ports.now() + delay, now: self.ports.now())
            }
        }
    }
}
