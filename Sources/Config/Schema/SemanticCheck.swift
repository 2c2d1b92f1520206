/// Rules that go beyond the type of a single value.
enum SemanticCheck {
    static func run(_ root: ConfigValue, _ check: inout ConfigCheck) {
        openNeedsWildcard(root, &check)
        bindings(root, &check)
        mentionPatterns(root, &check)
        oldToken(root, &check)
        voiceCalls(root, &check)
    }

    /// The one plugin whose settings this version reads.
    private static func voiceCalls(_ root: ConfigValue, _ check: inout ConfigCheck) {
        guard let config = root["plugins"]?["entries"]?["voice-call"]?["config"] else { return }
        check.check(config, VoiceSchema.config, at: LoadedConfig.voicePath + "config")
    }

    /// `open` means everybody, and has to say so in the list too: one slip must not open a bot to the world.
    private static func openNeedsWildcard(_ root: ConfigValue, _ check: inout ConfigCheck) {
        guard let telegram = root["channels"]?["telegram"] else { return }
        var places: [(ConfigPath, ConfigValue)] = [(["channels", "telegram"], telegram)]
        for member in telegram["accounts"]?.object?.members ?? [] {
            places.append((["channels", "telegram", "accounts", member.key], member.value))
        }
        for (path, value) in places where value["dmPolicy"]?.string == "open" {
            let list = value["allowFrom"] ?? telegram["allowFrom"]
            guard list?.array?.contains(where: { $0.string == "*" }) != true else { continue }
            check.add(
                .wrong,
                path + "dmPolicy",
                value["dmPolicy"],
                "dmPolicy=\"open\" requires allowFrom to include \"*\""
            )
        }
    }

    private static func bindings(_ root: ConfigValue, _ check: inout ConfigCheck) {
        for (index, binding) in (root["bindings"]?.array ?? []).enumerated() where binding.object != nil {
            let path = ConfigPath(["bindings", String(index)])
            if binding["agentId"] == nil { check.add(.wrong, path, binding, "agentId is missing") }
            if binding["match"]?["channel"] == nil { check.add(.wrong, path, binding, "match.channel is missing") }
            bindingTraps(root, binding, path, &check)
        }
    }

    /// What is allowed and does something else than it seems to.
    private static func bindingTraps(
        _ root: ConfigValue,
        _ binding: ConfigValue,
        _ path: ConfigPath,
        _ check: inout ConfigCheck
    ) {
        guard let match = binding["match"] else { return }
        let place = path + "match"
        if match["peer"] != nil, match["guildId"] != nil || match["teamId"] != nil {
            let text =
                "peer and \(match["guildId"] == nil ? "teamId" : "guildId") do not narrow each other: it counts for the peer"
                + " everywhere and for everybody else in there; write two bindings, or one of the two keys"
            check.add(.unknown, place, match, text)
        }
        let channel = match["channel"]?.string?.lowercased() ?? ""
        let accounts = root["channels"]?[channel]?["accounts"]?.object?.members.map(\.key) ?? []
        let account = match["accountId"]?.identifier.map(Environment.trimmed) ?? ""
        if account.isEmpty, accounts.contains(where: { $0 != "default" }) {
            let text =
                "without accountId it counts for the account \"default\" alone; for all accounts write accountId: \"*\""
            check.add(.unknown, place, match, text)
        }
        let agents = root["agents"]?["list"]?.array?.compactMap { $0["id"]?.string.map(LoadedConfig.agentID) } ?? []
        if let agent = binding["agentId"]?.string.map(LoadedConfig.agentID),
            !(agents.isEmpty ? ["main"] : agents).contains(agent)
        {
            check.add(.unknown, path + "agentId", binding["agentId"], "no agent has this id: the default agent answers")
        }
    }

    /// A pattern that cannot be used is off by itself; the others of its list count.
    private static func mentionPatterns(_ root: ConfigValue, _ check: inout ConfigCheck) {
        let agents = root["agents"]?["list"]?.array ?? []
        let places: [(ConfigPath, ConfigValue?)] =
            [(["messages", "groupChat"], root["messages"]?["groupChat"])]
            + agents.enumerated().map { (["agents", "list", String($0), "groupChat"], $1["groupChat"]) }
        for (path, value) in places {
            for (index, pattern) in (value?["mentionPatterns"]?.array ?? []).enumerated() {
                guard let source = pattern.string else { continue }
                let place = path + "mentionPatterns" + String(index)
                guard index < LoadedConfig.patternLimit else {
                    check.add(.wrong, place, pattern, "more than \(LoadedConfig.patternLimit) patterns")
                    break
                }
                do throws(PatternError) {
                    _ = try MentionPattern(source)
                } catch {
                    check.add(.wrong, place, pattern, "the pattern \(error)")
                }
            }
        }
    }

    private static func oldToken(_ root: ConfigValue, _ check: inout ConfigCheck) {
        guard let token = root["gateway"]?["token"] else { return }
        check.add(
            .unknown,
            ["gateway", "token"],
            token,
            "Found \"gateway.token\" in config. Use \"gateway.auth.token\" instead."
        )
    }
}
