internal import Config
internal import NIOCore
internal import Runtime

/// Twilio without media streams: `Say` and `Gather`.
struct TwilioProvider: CallProvider {
    let name = "twilio"
    let speaksByWebhook = true
    let http: ProviderHTTP
    let requests: TwilioRequests
    let settings: VoiceSettings

    init(settings: VoiceSettings, token: String, group: any EventLoopGroup) {
        self.settings = settings
        http = ProviderHTTP(
            authorization: ProviderHTTP.basic(settings.accountSid, token),
            secret: token,
            group: group
        )
        requests = TwilioRequests(
            root: settings.apiRoot.isEmpty ? TwilioRequests.ownRoot : settings.apiRoot,
            account: settings.accountSid
        )
    }

    func dial(_ record: CallRecord, webhook: String?) async -> Result<String, ProviderFailure> {
        let script = TwilioScript(webhook: "", callId: record.callId, settings: settings)
        let request = requests.create(
            record,
            webhook: webhook,
            twiml: script.notify(record.initialMessage, delay: settings.notifyHangupDelaySeconds).text,
            ring: settings.ringTimeoutMilliseconds / 1000,
            // Whatever becomes of this worker, nobody talks to nobody for hours.
            longest: settings.maxDurationSeconds + 30
        )
        return await http.send(request).flatMap { json in
            guard let sid = json["sid"]?.string, TwilioRequest.isName(sid) else {
                return .failure(.unknown("the call was answered with something that is not Twilio's JSON"))
            }
            return .success(sid)
        }
    }

    func speak(_ text: String, in record: CallRecord, webhook: String, command: String) async
        -> Result<Void, ProviderFailure>
    {
        guard let sid = record.providerCallId else { return .failure(.unsent("the call has no name yet")) }
        let script = TwilioScript(webhook: webhook, callId: record.callId, settings: settings)
        return await http.send(requests.update(sid, twiml: script.say(text, token: command).text)).map { _ in }
    }

    func hangUp(_ record: CallRecord) async -> Result<Void, ProviderFailure> {
        guard let sid = record.providerCallId else { return .success(()) }
        switch await http.send(requests.hangUp(sid)) {
        case .success: return .success(())
        // 404: gone. 21220: it is no call that is in progress any more.
        case .failure(let failure) where failure.isGone || failure.words.contains("21220"): return .success(())
        case .failure(let failure): return .failure(failure)
        }
    }

    func look(_ providerCallId: String) async -> Result<CallEvent.Kind?, ProviderFailure> {
        switch await http.send(requests.fetch(providerCallId)) {
        case .success(let json):
            guard let status = json["status"]?.string, let kind = TwilioRequest.kind(status: status) else {
                return .failure(.unknown("a call without a status"))
            }
            return .success(kind)
        case .failure(let failure) where failure.isGone: return .success(nil)
        case .failure(let failure): return .failure(failure)
        }
    }

    func find(_ record: CallRecord, known: Set<String>) async -> Result<String?, ProviderFailure> {
        let request = requests.list(from: record.from, to: record.to, since: record.startedAt)
        return await http.send(request).flatMap { json in
            guard let calls = json["calls"]?.array else {
                return .failure(.unknown("the list of calls is not Twilio's JSON"))
            }
            return .success(Self.match(calls, record, known: known))
        }
    }

    /// The call that was made for this record: between the same numbers, the first since it began that is no other's.
    static func match(_ calls: [JSON], _ record: CallRecord, known: Set<String>) -> String? {
        let found = calls.prefix(200).compactMap { call -> (sid: String, at: Int64)? in
            guard let sid = call["sid"]?.string, TwilioRequest.isName(sid), !known.contains(sid),
                call["to"]?.string == record.to, call["from"]?.string == record.from,
                let text = call["date_created"]?.string ?? call["start_time"]?.string,
                // Seconds are all that Twilio tells, and its clock is another one.
                let at = TwilioRequests.moment(text), at >= record.startedAt - 5_000, at <= record.startedAt + 120_000
            else { return nil }
            return (sid, at)
        }
        return found.min { $0.at < $1.at }?.sid
    }

    func probe() async -> Result<Void, ProviderFailure> { await http.send(requests.probe).map { _ in } }
}
