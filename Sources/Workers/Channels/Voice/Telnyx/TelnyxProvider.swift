internal import Config
internal import NIOCore
internal import Runtime

/// Telnyx call control: commands out, events in.
struct TelnyxProvider: CallProvider {
    let name = "telnyx"
    let speaksByWebhook = false
    let http: ProviderHTTP
    let requests: TelnyxRequests
    let settings: VoiceSettings

    init(settings: VoiceSettings, key: String, group: any EventLoopGroup) {
        self.settings = settings
        http = ProviderHTTP(authorization: "Bearer \(key)", secret: key, group: group)
        requests = TelnyxRequests(
            root: settings.apiRoot.isEmpty ? TelnyxRequests.ownRoot : settings.apiRoot,
            connection: settings.connectionId
        )
    }

    func dial(_ record: CallRecord, webhook: String?) async -> Result<String, ProviderFailure> {
        let request = requests.dial(
            record,
            webhook: webhook,
            ring: settings.ringTimeoutMilliseconds / 1000,
            longest: max(60, settings.maxDurationSeconds + 30)
        )
        return await http.send(request).flatMap { json in
            guard let id = json["data"]?["call_control_id"]?.string, (1...256).contains(id.utf8.count) else {
                return .failure(.unknown("the call was answered with something that is not Telnyx' JSON"))
            }
            return .success(id)
        }
    }

    func speak(_ text: String, in record: CallRecord, webhook: String, command: String) async
        -> Result<Void, ProviderFailure>
    {
        guard let id = record.providerCallId else { return .failure(.unsent("the call has no name yet")) }
        let request = requests.speak(
            id,
            text,
            voice: settings.voice,
            language: settings.language,
            command: TelnyxRequests.command(record.callId, command)
        )
        var result = await http.send(request)
        // A command of the same name is carried out once: asked again, doubt is gone.
        for _ in 0..<2 {
            guard case .failure(.unknown) = result else { break }
            result = await http.send(request)
        }
        return result.map { _ in }
    }

    func hangUp(_ record: CallRecord) async -> Result<Void, ProviderFailure> {
        guard let id = record.providerCallId else { return .success(()) }
        switch await http.send(requests.hangUp(id, callId: record.callId)) {
        case .success: return .success(())
        case .failure(let failure) where failure.isGone: return .success(())
        case .failure(let failure): return .failure(failure)
        }
    }

    func look(_ providerCallId: String) async -> Result<CallEvent.Kind?, ProviderFailure> {
        switch await http.send(requests.retrieve(providerCallId)) {
        case .success(let json):
            guard let isAlive = json["data"]?["is_alive"]?.bool else {
                return .failure(.unknown("a call that says neither that it lives nor that it is over"))
            }
            return .success(isAlive ? .other("alive") : .ended(.completed))
        case .failure(let failure) where failure.isGone: return .success(nil)
        case .failure(let failure): return .failure(failure)
        }
    }

    /// Telnyx has no list of calls: its events bring the name, in `client_state`.
    func find(_ record: CallRecord, known: Set<String>) async -> Result<String?, ProviderFailure> { .success(nil) }

    /// Nothing of an account's own can be asked for without naming it.
    func probe() async -> Result<Void, ProviderFailure> { .success(()) }

    /// Takes a call that comes in.
    func answer(_ record: CallRecord) async -> Result<Void, ProviderFailure> {
        await insist(requests.answer(record.providerCallId ?? "", callId: record.callId))
    }

    /// Has what the caller says written down.
    func listen(_ record: CallRecord) async -> Result<Void, ProviderFailure> {
        await insist(
            requests.listen(record.providerCallId ?? "", language: settings.language, callId: record.callId)
        )
    }

    func reject(_ id: String, isBusy: Bool) async -> Result<Void, ProviderFailure> {
        await insist(requests.reject(id, cause: isBusy ? "USER_BUSY" : "CALL_REJECTED"))
    }

    /// A command of the same name is carried out once, so it may be given again.
    private func insist(_ request: ProviderRequest) async -> Result<Void, ProviderFailure> {
        let first = await http.send(request)
        switch first {
        case .failure(.unknown), .failure(.unsent): return await http.send(request).map { _ in }
        case .success, .failure: return first.map { _ in }
        }
    }
}
