/// Something that a model worker does not ask at the moment, as it told or had kept (`docs/models.md`).
struct KeyTrouble: Equatable {
    /// Empty: every key of the provider.
    var profile: String
    /// Empty: every model.
    var model: String
    /// `auth`, `billing`, `rate-limit`, …
    var kind: String
    /// Milliseconds since 1970.
    var since: Int64
    var until: Int64
    /// When it may be tried although it lasts; 0: not before `until`.
    var nextProbe: Int64
    /// Of HTTP; 0: none came.
    var status: Int
    var cause: String

    /// Rows of one answer that are looked at.
    private static let most = 500

    /// What lasts at `now`, from the JSON of a model worker: as it had it kept (`cooldowns`), or as it answers `status`
    /// (`profiles` with their own, `models` for all keys). What cannot be read is passed over.
    static func list(_ json: WireValue?, now: Int64) -> [KeyTrouble] {
        var found = (json?["cooldowns"]?.items ?? []).prefix(most).compactMap {
            read($0, profile: $0["profile"]?.text ?? "", now)
        }
        for key in (json?["profiles"]?.items ?? []).prefix(64) {
            let profile = key["id"]?.text ?? ""
            if let own = read(key, profile: profile, now) { found.append(own) }
            found += (key["models"]?.items ?? []).prefix(most).compactMap { read($0, profile: profile, now) }
        }
        found += (json?["models"]?.items ?? []).prefix(most).compactMap { read($0, profile: "", now) }
        // What holds most and longest first.
        return found.sorted {
            ($0.model.isEmpty ? 0 : 1, -$0.until, $0.profile, $0.model)
                < ($1.model.isEmpty ? 0 : 1, -$1.until, $1.profile, $1.model)
        }
    }

    private static func read(_ item: WireValue, profile: String, _ now: Int64) -> KeyTrouble? {
        guard let until = item["until"]?.whole, until > now, until - now < 1 << 50, let kind = item["kind"]?.text else {
            return nil
        }
        let model = item["model"]?.text ?? ""
        return KeyTrouble(
            profile: Shown.text(profile, limit: 256),
            model: model == "*" ? "" : Shown.text(model, limit: 256),
            kind: Shown.text(kind.replacingUnderscores, limit: 32),
            since: max(0, item["since"]?.whole ?? 0),
            until: until,
            nextProbe: max(0, item["nextProbe"]?.whole ?? 0),
            status: Int(clamping: min(max(item["status"]?.whole ?? 0, 0), 999)),
            cause: Shown.text(item["cause"]?.text ?? "", limit: 300)
        )
    }

    var wire: WireValue {
        [
            "profile": .nonEmpty(profile),
            "model": .nonEmpty(model),
            "kind": .string(kind),
            "words": .string(words),
            "since": since > 0 ? .integer(since) : nil,
            "until": .integer(until),
            "nextProbe": nextProbe > 0 ? .integer(nextProbe) : nil,
            "status": status > 0 ? .number(status) : nil,
            "cause": .nonEmpty(cause),
        ]
    }

    /// For people.
    private var words: String {
        switch kind {
        case "auth": "the key is refused"
        case "billing": "no money left"
        case "rate-limit": "too many requests"
        case "overloaded": "the provider is overloaded"
        case "timeout": "it did not answer in time"
        case "unreachable": "it cannot be reached"
        case "model-not-found": "there is no such model"
        case "transient", "cut": "it fails at the moment"
        default: kind
        }
    }
}

extension String {
    fileprivate var replacingUnderscores: String { String(lowercased().map { $0 == "_" ? "-" : $0 }) }
}
