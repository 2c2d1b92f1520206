extension LoadedConfig {
    /// What a tunnel lets through: `tunnel.expose`. What cannot be exposed is reported.
    mutating func exposedRoutes(
        gatewayPort: Int,
        telegram: [TunnelRoute],
        voice: PlannedVoice?,
        _ tunnel: PlannedTunnel
    ) -> [TunnelRoute] {
        var routes: [TunnelRoute] = []
        var names: Set<String> = []
        for (index, entry) in (ownValue(Self.tunnelPath + "expose")?.array ?? []).enumerated() {
            let added: [TunnelRoute]
            if let word = entry.string {
                names.insert(word)
                switch word {
                // Its own configuration says where it listens.
                case "voice": added = []
                case _ where word == "telegram" || word.hasPrefix("telegram:"):
                    added = []
                    nameMissingAccount(word, entry, index, telegram)
                case "control": added = [TunnelRoute(path: "/", port: gatewayPort, isTree: true)]
                default:
                    reject(
                        entry,
                        index,
                        "\"\(word.prefix(40))\" is none of voice, telegram, telegram:<account>, control"
                    )
                    continue
                }
            } else if let path = entry["path"]?.string, let port = entry["port"]?.integer, TunnelRoute.isPath(path) {
                guard path != "/" else {
                    reject(entry, index, "path \"/\" would expose everything behind that port: list its paths")
                    continue
                }
                added = [TunnelRoute(path: path, port: port)]
            } else {
                reject(entry, index, "a word, or {path: \"/hooks/x\", port: 8080} is expected")
                continue
            }
            routes += added
        }
        let isPlugins = tunnel.place.hasPrefix("\(Self.voicePath)")
        // The plugin's own tunnel is for calls, unless they have another address.
        if names.contains("voice") || (isPlugins && voice?.config.publicURL.isEmpty == true) {
            routes += voiceRoute(voice, tunnel, isNamed: names.contains("voice"))
        }
        routes += telegram
        return unique(routes, tunnel)
    }

    private mutating func voiceRoute(
        _ voice: PlannedVoice?,
        _ tunnel: PlannedTunnel,
        isNamed: Bool
    ) -> [TunnelRoute] {
        if let route = voice?.route { return [route] }
        let why = voice?.noRoute ?? "no voice calls run (plugins.entries.voice-call)"
        report(
            ConfigProblem(
                path: isNamed ? "clawhold.json: tunnel.expose" : tunnel.place,
                line: tunnel.line,
                text: isNamed ? "names voice: \(why)" : why,
                disables: "voice"
            )
        )
        return []
    }

    /// Whether this account's updates are to come by webhook through the tunnel.
    func isExposed(telegram account: String) -> Bool {
        guard isOwnSound(Self.tunnelPath) else { return false }
        return (ownValue(Self.tunnelPath + "expose")?.array ?? []).contains { entry in
            entry.string == "telegram:\(account)" || (entry.string == "telegram" && account == "default")
        }
    }

    private mutating func nameMissingAccount(
        _ word: String,
        _ entry: ConfigValue,
        _ index: Int,
        _ telegram: [TunnelRoute]
    ) {
        let account = word.split(separator: ":").count == 2 ? word.dropFirst("telegram:".count) : "default"
        guard !telegram.contains(where: { $0.worker == "channel:telegram:\(account)" }) else { return }
        report(
            ConfigProblem(
                path: "clawhold.json: tunnel.expose.\(index)",
                line: Int(entry.position.line),
                text: "no Telegram account \(account.prefix(60)) runs"
            )
        )
    }

    private mutating func reject(_ entry: ConfigValue, _ index: Int, _ text: String) {
        report(
            ConfigProblem(
                path: "clawhold.json: tunnel.expose.\(index)",
                line: Int(entry.position.line),
                text: text,
                disables: "tunnel.expose.\(index)"
            )
        )
    }

    private mutating func unique(_ routes: [TunnelRoute], _ tunnel: PlannedTunnel) -> [TunnelRoute] {
        var kept: [TunnelRoute] = []
        for route in routes {
            let problem: String? =
                if !TunnelRoute.isPath(route.path) {
                    "\"\(route.path.prefix(80))\" is no path that can be exposed"
                } else if let other = kept.first(where: { $0.path == route.path }) {
                    "\(route.path) is wanted twice, of port \(other.port) and of port \(route.port): give one another path"
                } else if kept.count >= TunnelConfig.routeLimit {
                    "more than \(TunnelConfig.routeLimit) paths"
                } else {
                    nil
                }
            if let problem {
                report(ConfigProblem(path: tunnel.place, line: tunnel.line, text: problem, disables: route.path))
            } else {
                kept.append(route)
            }
        }
        return kept
    }
}
