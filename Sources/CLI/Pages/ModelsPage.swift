internal import Runtime

/// What `models` prints.
enum ModelsPage {
    // MARK: Status

    static func status(_ answer: JSON, now: Int64, style: Style, width: Int?) -> String {
        var lines: [String] = []
        for agent in (answer["agents"]?.array ?? []).prefix(64) {
            let name = text(agent["agentId"])
            lines += Words.wrapped(
                "\(Words.padded(name, 10))  \(route(agent, style))",
                width: width ?? .max,
                indent: 0
            )
            for model in [agent["primary"] ?? [:]] + (agent["fallbacks"]?.array ?? []) {
                let why = text(model["unavailable"])
                guard !why.isEmpty else { continue }
                lines += Words.wrapped("\(text(model["model"])): \(why)", width: width ?? .max, indent: 2).map(
                    style.bad
                )
            }
        }
        let providers = answer["providers"]?.array ?? []
        for provider in providers.prefix(64) { lines += [""] + section(provider, now, style, width) }
        if providers.isEmpty {
            let why =
                answer["demo"]?.bool == true
                ? "No provider has a key: the demonstration model answers in WebChat." : "No provider has a key."
            lines += ["", why, "Set ANTHROPIC_API_KEY, OPENAI_API_KEY or GEMINI_API_KEY, then:  clawhold reload"]
        } else if providers.contains(where: { !troubles($0).isEmpty }) {
            lines += [
                "", "Try a key now:         clawhold models probe NAME",
                "Forget what it did:    clawhold models clear NAME",
            ]
        }
        return lines.joined(separator: "\n")
    }

    private static func route(_ agent: JSON, _ style: Style) -> String {
        let fallbacks = (agent["fallbacks"]?.array ?? []).map { text($0["model"]) }
        let primary = text(agent["primary"]?["model"])
        return ([primary.isEmpty ? "no model" : primary] + fallbacks).joined(separator: ", then ")
    }

    private static func section(_ provider: JSON, _ now: Int64, _ style: Style, _ width: Int?) -> [String] {
        let name = text(provider["provider"])
        let state = text(provider["state"])
        let saved = Age.short(provider["savedAt"], now: now)
        let source =
            provider["live"]?.bool == true
            ? "as it says itself" : saved == "-" ? "nothing is known of it yet" : "as it said \(saved) ago"
        var lines = ["\(style.bold(name))  \(style.state(state, state.isEmpty ? "not running" : state)), \(source)"]
        let reason = text(provider["reason"])
        if !reason.isEmpty { lines += Words.wrapped(reason, width: width ?? .max, indent: 2).map(style.bad) }
        let found = troubles(provider)
        for key in (provider["keys"]?.array ?? []).prefix(64) {
            let id = text(key["profile"])
            let own = found.first { text($0["profile"]) == id && text($0["model"]).isEmpty }
            let facts = [
                text(key["mode"]), text(key["source"]),
                Age.short(key["lastUsedAt"], now: now) == "-"
                    ? "" : "used \(Age.short(key["lastUsedAt"], now: now)) ago",
                expiry(key, now),
            ].filter { !$0.isEmpty }.joined(separator: ", ")
            let mark = own != nil || text(key["state"]) == "missing" ? style.bad("off") : style.good("ok ")
            lines += ["  \(mark)  \(id)\(facts.isEmpty ? "" : "  " + style.dim(facts))"]
        }
        for trouble in found.prefix(40) { lines += row(trouble, now, style, width) }
        return lines
    }

    private static func row(_ trouble: JSON, _ now: Int64, _ style: Style, _ width: Int?) -> [String] {
        let profile = text(trouble["profile"])
        let model = text(trouble["model"])
        let what = [profile.isEmpty ? "every key" : profile, model.isEmpty ? "" : "for \(model)"]
            .filter { !$0.isEmpty }.joined(separator: " ")
        let left = Words.duration(milliseconds: max(trouble["until"]?.integer ?? now, now) - now)
        let cause = text(trouble["cause"])
        let line = "\(what): \(text(trouble["words"])), not asked for \(left)\(cause.isEmpty ? "" : " (\(cause))")"
        return Words.wrapped(line, width: width ?? .max, indent: 7).map(style.careful)
    }

    private static func expiry(_ key: JSON, _ now: Int64) -> String {
        guard let end = key["expiresAt"]?.integer, end > 0 else { return "" }
        return end > now
            ? "renewed in \(Words.duration(milliseconds: min(end - now, 1 << 45)))" : "to be renewed at its next use"
    }

    private static func troubles(_ provider: JSON) -> [JSON] { provider["cooldowns"]?.array ?? [] }

    /// 0: well; 1: an agent has no model that answers, or a key is refused, without money or missing; 2: a login that
    /// cannot be renewed ends within a day.
    static func checkCode(_ answer: JSON, now: Int64) -> Int32 {
        let agents = answer["agents"]?.array ?? []
        let isDumb = agents.contains { agent in
            ([agent["primary"] ?? [:]] + (agent["fallbacks"]?.array ?? [])).allSatisfy { model in
                !text(model["unavailable"]).isEmpty || text(model["model"]).isEmpty
            }
        }
        let providers = answer["providers"]?.array ?? []
        let isLocked = providers.contains { provider in
            troubles(provider).contains { ["auth", "billing"].contains(text($0["kind"])) }
                || (provider["keys"]?.array ?? []).contains { text($0["state"]) == "missing" }
        }
        if isDumb || isLocked { return 1 }
        let ends = providers.flatMap { $0["keys"]?.array ?? [] }.filter { text($0["mode"]) == "token" }
            .compactMap { $0["expiresAt"]?.integer }
        return ends.contains { $0 > 0 && $0 < now + 86_400_000 } ? 2 : 0
    }

    // MARK: List

    static func list(_ answer: JSON, plain: Bool, style: Style, width: Int?) -> String {
        let models = (answer["models"]?.array ?? []).prefix(1000)
        let names = models.map { "\(text($0["provider"]))/\(text($0["id"]))" }
        if plain { return names.joined(separator: "\n") }
        guard !models.isEmpty else {
            return "No model can be had. See why:  clawhold models"
        }
        let rows = zip(models, names).map { model, name -> TextTable.Row in
            let window = model["contextWindow"]?.integer ?? 0
            let inputs = (model["input"]?.array ?? []).compactMap(\.string).map(Words.plain).joined(separator: "+")
            let shown = text(model["name"])
            return TextTable.Row(cells: [
                .init(text: name), .init(text: window > 0 ? Words.count(window) : "-", isNumber: true),
                .init(text: inputs.isEmpty ? "-" : inputs),
                .init(text: shown == text(model["id"]) ? "-" : shown),
            ])
        }
        let lines = TextTable.lines(
            ["MODEL", "CONTEXT", "READS", "NAME"],
            limits: [44, 8, 12, nil],
            rows,
            style: style,
            width: width
        )
        return lines.joined(separator: "\n")
    }

    // MARK: Probe and clear

    static func probe(_ answer: JSON, style: Style, width: Int?) -> String {
        (answer["providers"]?.array ?? []).prefix(64).flatMap { provider -> [String] in
            let name = text(provider["provider"])
            let result = provider["result"] ?? [:]
            let error = text(provider["error"]).isEmpty ? text(result["error"]) : text(provider["error"])
            var lines = [style.bold(name) + (text(result["model"]).isEmpty ? "" : "  \(text(result["model"]))")]
            if !error.isEmpty { lines += Words.wrapped(error, width: width ?? .max, indent: 2).map(style.bad) }
            for key in (result["results"]?.array ?? []).prefix(64) {
                let took = Words.took(milliseconds: min(max(0, key["milliseconds"]?.integer ?? 0), 1 << 40))
                if key["ok"]?.bool == true {
                    lines.append("  \(style.good("ok "))  \(text(key["profile"]))  answered in \(took)")
                } else {
                    let why = [text(key["kind"]), text(key["cause"])].filter { !$0.isEmpty }.joined(separator: ": ")
                    lines.append("  \(style.bad("off"))  \(text(key["profile"]))")
                    lines += Words.wrapped(why, width: width ?? .max, indent: 7).map(style.careful)
                }
            }
            return lines
        }.joined(separator: "\n")
    }

    static func cleared(_ answer: JSON, style: Style) -> String {
        (answer["providers"]?.array ?? []).prefix(64).map { provider in
            let name = text(provider["provider"])
            let error = text(provider["error"])
            guard error.isEmpty else { return "\(name): \(style.bad(error))" }
            let count = min(max(0, provider["result"]?["cleared"]?.integer ?? 0), 1_000_000)
            let what =
                count == 0
                ? "nothing was held back" : "\(count) \(count == 1 ? "cooldown is" : "cooldowns are") forgotten"
            return "\(name): \(what)"
        }.joined(separator: "\n")
    }

    /// Whether everything that was asked went well.
    static func isWell(_ answer: JSON) -> Bool {
        (answer["providers"]?.array ?? []).allSatisfy { provider in
            provider["ok"]?.bool == true && text(provider["result"]?["error"]).isEmpty
                && (provider["result"]?["results"]?.array ?? []).allSatisfy { $0["ok"]?.bool == true }
        }
    }

    private static func text(_ value: JSON?) -> String { Words.plain(value?.string ?? "") }
}
