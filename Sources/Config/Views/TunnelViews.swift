/// A tunnel that the configuration asks for, and its secret.
package struct PlannedTunnel: Sendable, Equatable {
    package var config: TunnelConfig
    /// The provider's token; "" without one.
    package var token: String
    /// The name to look for in PATH, or a path.
    package var command: String
    /// tailscale: tailscaled is ours to run.
    package var runsDaemon = false
    /// Where it stands: of `clawhold.json` ("clawhold.json: tunnel") or of the voice-call plugin.
    package var place: String
    package var line: Int
}

extension LoadedConfig {
    /// Where a provider leads to that keeps its own idea of the port: OpenClaw uses those from 18789 on.
    package static var fixedTunnelPort: Int { 18788 }

    static var tunnelPath: ConfigPath { ["tunnel"] }

    /// The tunnels that are asked for, at most one of each provider: `tunnel` of `clawhold.json`, the voice-call plugin's
    /// `tunnel` and older `tailscale`, and `gateway.tailscale`. What keeps one from running is reported.
    ///
    /// - Parameters:
    ///   - gatewayPort: where the control UI is.
    ///   - telegram: the webhooks of the accounts that `tunnel.expose` names.
    ///   - voice: telephone calls, where there are any.
    package mutating func tunnels(
        gatewayPort: Int,
        telegram: [TunnelRoute],
        voice: PlannedVoice? = nil
    ) -> [PlannedTunnel] {
        var tunnels: [PlannedTunnel] = []
        let wanted = wantedTunnel(voice)
        if var tunnel = wanted {
            tunnel.config.routes = exposedRoutes(gatewayPort: gatewayPort, telegram: telegram, voice: voice, tunnel)
            if tunnel.config.routes.isEmpty {
                report(
                    ConfigProblem(
                        path: tunnel.place,
                        line: tunnel.line,
                        text: "nothing asks to be exposed: name something in clawhold.json: tunnel.expose "
                            + "(\"voice\", \"telegram\", \"control\", {path, port})",
                        disables: tunnel.config.worker
                    )
                )
            } else {
                tunnels.append(tunnel)
            }
        }
        addGatewayTunnel(&tunnels, gatewayPort: gatewayPort)
        return tunnels
    }

    // MARK: Which

    private mutating func wantedTunnel(_ voice: PlannedVoice?) -> PlannedTunnel? {
        guard isOwnSound(Self.tunnelPath) else { return nil }
        let own = ownValue(Self.tunnelPath)
        if let word = own?["provider"]?.string {
            guard word != "none" else { return nil }
            return tunnel(word, place: "clawhold.json: tunnel", own?["provider"])
        }
        // Without calls, or with an address of their own, the plugin's tunnel has nobody to lead to but what is named here.
        let leadsToCalls = voice.map { $0.config.publicURL.isEmpty } ?? false
        guard isVoiceEnabled, own != nil || leadsToCalls else { return nil }
        if let provider = voiceSetting("tunnel", "provider"), let word = provider.string, word != "none" {
            return tunnel(word, place: "\(Self.voicePath).config.tunnel", provider)
        }
        if let mode = voiceSetting("tailscale", "mode"), let word = mode.string, word != "off" {
            return tunnel("tailscale-\(word)", place: "\(Self.voicePath).config.tailscale", mode)
        }
        return nil
    }

    private mutating func tunnel(_ word: String, place: String, _ value: ConfigValue?) -> PlannedTunnel? {
        let own = ownValue(Self.tunnelPath)
        let line = Int(value?.position.line ?? 0)
        var config: TunnelConfig
        switch word {
        case "ngrok": config = TunnelConfig(.ngrok)
        case "cloudflared": config = TunnelConfig(.cloudflared)
        case "tailscale-funnel": config = TunnelConfig(.tailscale)
        case "tailscale-serve":
            config = TunnelConfig(.tailscale)
            config.isPublic = false
        default:
            report(
                ConfigProblem(
                    path: "\(place).provider",
                    line: line,
                    text:
                        "\"\(word.prefix(40))\" is none of none, ngrok, tailscale-serve, tailscale-funnel, cloudflared",
                    disables: "tunnel"
                )
            )
            return nil
        }
        let token = self.token(of: config.provider)
        config.hasToken = !token.isEmpty
        config.domain = Self.domain(
            own?["domain"]?.string
                ?? (config.provider == .ngrok
                    ? voiceSetting("tunnel", "ngrokDomain")?.string ?? environment["NGROK_DOMAIN"] : nil)
        )
        let needsFixedPort = config.provider == .tailscale || (config.provider == .cloudflared && !token.isEmpty)
        config.port = own?["port"]?.integer ?? (needsFixedPort ? Self.fixedTunnelPort : 0)
        config.httpsPort = own?["httpsPort"]?.integer ?? 443
        config.socket = own?["socket"]?.string ?? ""
        config.hostName = own?["hostname"]?.string ?? environment["TS_HOSTNAME"] ?? ""
        if let problem = Self.problem(of: config, token: token) {
            report(ConfigProblem(path: place, line: line, text: problem, disables: config.worker))
            return nil
        }
        var tunnel = PlannedTunnel(
            config: config,
            token: token,
            command: own?["command"]?.string ?? config.provider.rawValue,
            place: place,
            line: line
        )
        tunnel.runsDaemon = config.provider == .tailscale && !token.isEmpty && config.socket.isEmpty
        return tunnel
    }

    /// `tunnel.authToken`, what the voice-call plugin says of ngrok, the provider's own variable.
    private func token(of provider: TunnelConfig.Provider) -> String {
        let written = ownValue(Self.tunnelPath + "authToken")?.string
        let found: String? =
            switch provider {
            case .ngrok: written ?? voiceSetting("tunnel", "ngrokAuthToken")?.string ?? environment["NGROK_AUTHTOKEN"]
            case .tailscale: written ?? environment["TS_AUTHKEY"]
            case .cloudflared: written ?? environment["TUNNEL_TOKEN"]
            }
        return Environment.trimmed(found ?? "")
    }

    /// A host name, whether it was written as one or as an address.
    private static func domain(_ text: String?) -> String {
        let text = Environment.trimmed(text ?? "")
        return text.contains("://") ? HostName.of(text) : text.lowercased()
    }

    private static func problem(of config: TunnelConfig, token: String) -> String? {
        let isName = config.domain.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "."):
                true
            default: false
            }
        }
        guard isName, config.domain.utf8.count <= 253, config.domain.first != "-", config.domain.first != "." else {
            return "the domain \"\(config.domain.prefix(80))\" is no host name"
        }
        guard [443, 8443, 10000].contains(config.httpsPort) else {
            return "httpsPort is one of 443, 8443 and 10000: Tailscale serves no others"
        }
        guard !token.utf8.contains(where: { $0 < 0x21 || $0 > 0x7E }), token.utf8.count <= 4096 else {
            return "the token holds blanks or characters that no token has: copy it again"
        }
        if config.provider == .ngrok, token.isEmpty {
            return "ngrok needs its authtoken: set NGROK_AUTHTOKEN (dashboard.ngrok.com/get-started/your-authtoken)"
        }
        if config.provider == .cloudflared, token.isEmpty != config.domain.isEmpty {
            return token.isEmpty
                ? "a domain needs a named tunnel: set TUNNEL_TOKEN, or remove tunnel.domain for a quick tunnel"
                : "a named tunnel needs its public hostname: set tunnel.domain as in Cloudflare's dashboard"
        }
        return nil
    }

    // MARK: gateway.tailscale

    /// The control UI through Tailscale, as OpenClaw's `gateway.tailscale.mode` has it.
    private mutating func addGatewayTunnel(_ tunnels: inout [PlannedTunnel], gatewayPort: Int) {
        guard let mode = value(["gateway", "tailscale", "mode"]), let word = mode.string, word != "off" else { return }
        let place = "gateway.tailscale.mode"
        func off(_ text: String) -> ConfigProblem {
            ConfigProblem(path: place, line: Int(mode.position.line), text: text, disables: place)
        }
        if word == "funnel", value(["gateway", "auth", "mode"])?.string != "password" {
            return report(
                off(
                    "tailscale funnel requires gateway auth mode=password (set gateway.auth.password or OPENCLAW_GATEWAY_PASSWORD)"
                )
            )
        }
        let route = TunnelRoute(path: "/", port: gatewayPort, isTree: true)
        if let index = tunnels.firstIndex(where: { $0.config.provider == .tailscale }) {
            guard tunnels[index].config.isPublic == (word == "funnel") else {
                return report(
                    off(
                        "is \"\(word)\", and \(tunnels[index].place) uses Tailscale the other way: one port is either public or not"
                    )
                )
            }
            if !tunnels[index].config.routes.contains(where: { $0.path == "/" }) {
                tunnels[index].config.routes.append(route)
            }
            return
        }
        guard var tunnel = self.tunnel("tailscale-\(word)", place: place, mode) else { return }
        tunnel.config.routes = [route]
        tunnels.append(tunnel)
    }
}
