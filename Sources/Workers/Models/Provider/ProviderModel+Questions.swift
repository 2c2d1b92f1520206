internal import Config
internal import Failover
internal import IPCHub
internal import OAuth
internal import Runtime
internal import Synchronization

/// What the gateway may ask: `status`, `probe`, `clear` (`docs/ipc.md` section 2.3).
extension ProviderModel {
    /// A probe of one key takes at most this long; with all of them it stays below the gateway's limit.
    static let probeLimit = Duration.seconds(20)
    /// Keys that one probe asks.
    static let probeCount = 8

    func answer(question method: String, _ params: [UInt8]) async -> JSON? {
        let parsed = params.isEmpty ? [:] : (try? JSON(parsing: params)) ?? [:]
        switch method {
        case "status": return status()
        case "clear":
            let (profile, model) = (parsed["profile"]?.string, parsed["model"]?.string.map(ownName))
            let count = state.withLock { $0.clear(profile: profile, model: model) }
            changedByHand()
            return ["cleared": .integer(Int64(count)), "status": status()]
        case "probe":
            guard let model = parsed["model"]?.string.map(ownName) ?? usualModel else {
                return ["error": "say which model: nothing has been asked of this provider yet", "results": []]
            }
            return await probe(model, profile: parsed["profile"]?.string)
        default: return nil
        }
    }

    /// A model's name without this provider in front.
    private func ownName(_ name: String) -> String {
        name.hasPrefix("\(config.provider)/") ? String(name.dropFirst(config.provider.count + 1)) : name
    }

    private var usualModel: String? {
        let last = lastModel.withLock { $0 }
        return last.isEmpty ? config.models.first?.id : last
    }

    // MARK: Status

    func status() -> JSON {
        let now = now()
        let state = state.withLock { $0 }
        let shared = state.book.windows.filter { $0.key.profile == nil }
        return [
            "provider": .string(config.provider),
            "dialect": .string(config.dialect.rawValue),
            "at": .integer(now.milliseconds),
            "profiles": .array(keys.profiles.map { profile($0.id, state, now) }),
            "models": .array(rows(shared, now)),
        ]
    }

    private func profile(_ id: String, _ state: FailoverState, _ now: WallTime) -> JSON {
        let written = keys.profiles.first { $0.id == id }
        var object = JSONObject(members: [
            .init(key: "id", value: .string(id)),
            .init(key: "mode", value: .string(written?.mode.rawValue ?? "")),
            .init(key: "source", value: .string(written?.source ?? "")),
        ])
        object["lastUsed"] = state.profiles.first { $0.id == id }?.lastUsed.map { .integer($0.milliseconds) }
        if let login = keys.login(id) { object["expires"] = .integer(login.credential.expires) }
        let whole = state.book.windows[CooldownKey(profile: id, model: nil)]
        let hasValue = keys.fixed(id) != nil || keys.login(id) != nil
        object["state"] = .string(hasValue ? Self.word(whole, now) : "missing")
        if let whole, Self.word(whole, now) != "ok" { Self.describe(whole, &object) }
        let own = state.book.windows.filter { $0.key.profile == id && $0.key.model != nil }
        object["models"] = .array(rows(own, now))
        return .object(object)
    }

    private func rows(_ windows: [CooldownKey: Cooldown], _ now: WallTime) -> [JSON] {
        windows.filter { Self.word($0.value, now) != "ok" }.sorted { $0.value.until > $1.value.until }.prefix(100).map {
            key,
            window in
            var object = JSONObject(members: [
                .init(key: "model", value: .string(key.model ?? "*")),
                .init(key: "state", value: .string(Self.word(window, now))),
            ])
            Self.describe(window, &object)
            return .object(object)
        }
    }

    private static func describe(_ window: Cooldown, _ object: inout JSONObject) {
        object["kind"] = .string(window.kind.word)
        object["since"] = .integer(window.since.milliseconds)
        object["until"] = .integer(window.until.milliseconds)
        object["nextProbe"] = window.nextProbe.map { .integer($0.milliseconds) }
        object["failures"] = .integer(Int64(window.strikes))
        object["cause"] = .string(window.cause)
    }

    /// `ok`, `cooling`, `locked` (billing, auth), `half-open` (the next call decides), `probing`.
    private static func word(_ window: Cooldown?, _ now: WallTime) -> String {
        guard let window, window.until > window.since else { return "ok" }
        if window.probe != nil { return "probing" }
        if window.until <= now { return "half-open" }
        return window.kind == .billing || window.kind == .auth ? "locked" : "cooling"
    }

    // MARK: Probe

    /// Asks each key for one word, whatever cools.
    private func probe(_ model: String, profile: String?) async -> JSON {
        let profiles = keys.profiles.map(\.id).filter { profile == nil || $0 == profile }.prefix(Self.probeCount)
        let results = await withTaskGroup(of: (Int, JSON).self) { group in
            for (index, profile) in profiles.enumerated() {
                group.addTask { (index, await self.probe(model, with: profile)) }
            }
            var results: [(Int, JSON)] = []
            for await result in group { results.append(result) }
            return results.sorted { $0.0 < $1.0 }.map(\.1)
        }
        return ["model": .string("\(config.provider)/\(model)"), "results": .array(results)]
    }

    private func probe(_ model: String, with profile: String) async -> JSON {
        var request = HubModelRequest()
        request.model = model
        request.maxTokens = 16
        request.caller.purpose = "probe"
        var message = HubModelMessage()
        var block = HubModelBlock()
        block.text = "Answer with the word OK."
        message.blocks = [block]
        let plan = state.withLock { state in
            CallPlan(
                &state,
                model: model,
                session: "",
                pinned: profile,
                byChoice: true,
                attemptsLeft: 1,
                time: Self.probeLimit
            )
        }
        let began = ContinuousClock.now
        let failure = Mutex<HubModelEvent.Failed?>(nil)
        let sink = ModelAnswer { event in
            if case .failed(let failed)? = event.event { failure.withLock { $0 = failed } }
        }
        do {
            try await run(answering(ModelCall(request: request, messages: [message]), sink), RunningPlan(plan))
        } catch {
            return ["profile": .string(profile), "ok": false, "cause": "the probe was ended"]
        }
        var object = JSONObject(members: [.init(key: "profile", value: .string(profile))])
        let failed = failure.withLock { $0 }
        object["ok"] = .bool(failed == nil)
        object["milliseconds"] = .integer((ContinuousClock.now - began).wholeMilliseconds)
        if let failed {
            object["kind"] = .string(failed.kind.word)
            object["cause"] = .string(failed.cause)
        }
        return .object(object)
    }
}
