internal import Config

/// The secret that clients prove themselves with.
struct GatewaySecret: Sendable, Equatable {
    var mode: GatewayAuth.Mode
    /// Nil: none can be used, though one was meant; every connect is refused.
    var value: String?

    /// Bytes; has to fit into a block.
    static let lengthLimit = 4096

    /// Flag, then the file, then the environment (OpenClaw's order on the server's side).
    ///
    /// Throws when none was ever given. One that was given and cannot be had (an unmet `${VAR}`, a file that does not parse) is
    /// no refusal: the port stays open for health checks, and nobody gets in.
    static func resolve(
        flags: GatewayFlags,
        config: inout LoadedConfig,
        bind: BindChoice
    ) throws(PlanRefusal) -> GatewaySecret {
        let auth: ConfigPath = ["gateway", "auth"]
        let isSound = config.isSound(auth) && config.state != .unusable
        let token = secret("token", flag: flags.token, config: &config, isSound: isSound)
        let password = secret("password", flag: flags.password, config: &config, isSound: isSound)
        var wanted = flags.auth ?? config.value(auth + "mode")?.string
        if let mode = wanted, GatewayAuth.Mode(rawValue: mode) == nil {
            config.report(
                ConfigProblem(
                    path: "gateway.auth.mode",
                    line: Int(LoadedConfig.find(auth + "mode", in: config.root)?.position.line ?? 0),
                    text: "\"\(mode)\" is not supported; the token is asked for instead"
                )
            )
            wanted = "token"
        }
        let mode = wanted.flatMap(GatewayAuth.Mode.init) ?? (password != nil ? .password : .token)
        let value = mode == .token ? token : password
        if let value, value.utf8.count > lengthLimit {
            throw PlanRefusal(
                code: 1,
                text: "The gateway's \(mode.rawValue) is longer than \(lengthLimit) bytes. Choose a shorter one."
            )
        }
        guard value == nil, isSound else { return GatewaySecret(mode: mode, value: value) }
        throw PlanRefusal(code: 1, text: refusal(mode, bind, config))
    }

    private static func secret(
        _ kind: String,
        flag: String?,
        config: inout LoadedConfig,
        isSound: Bool
    ) -> String? {
        let variable = "GATEWAY_" + kind.uppercased()
        let environment = config.environment.branded(variable)
        if let flag = flag.map(trimmed), !flag.isEmpty { return flag }
        guard isSound else { return config.state == .unusable ? environment : nil }
        guard let written = config.value(["gateway", "auth", kind])?.string else { return environment }
        let value = trimmed(written)
        if let environment, !value.isEmpty, environment != value {
            config.report(
                ConfigProblem(
                    path: "gateway.auth.\(kind)",
                    line: 0,
                    text: "differs from OPENCLAW_\(variable); the one in the file is in force"
                )
            )
        }
        // An empty one in the file hides the environment's, as in OpenClaw.
        return value.isEmpty ? nil : value
    }

    private static func trimmed(_ text: String) -> String {
        // Secrets piped into a file or a platform's store often end with a newline.
        Environment(["": text])[""] ?? ""
    }

    private static func refusal(_ mode: GatewayAuth.Mode, _ bind: BindChoice, _ config: LoadedConfig) -> String {
        var lines: [String]
        if !bind.isLoopback {
            lines = [
                "Refusing to bind gateway to \(bind.mode.rawValue) without auth.",
                "Set gateway.auth.token/password (or OPENCLAW_GATEWAY_TOKEN/OPENCLAW_GATEWAY_PASSWORD)"
                    + " or pass --token/--password.",
            ]
        } else {
            let kind = mode.rawValue
            lines = [
                "Gateway auth is set to \(kind), but no \(kind) is configured.",
                "Set gateway.auth.\(kind) (or OPENCLAW_GATEWAY_\(kind.uppercased())), or pass --\(kind).",
            ]
        }
        if config.value(["gateway", "token"]) != nil {
            lines.append("Found \"gateway.token\" in config. Use \"gateway.auth.token\" instead.")
        }
        if config.value(["gateway", "remote", "token"]) != nil {
            lines.append("\"gateway.remote.token\" is for remote CLI calls; it does not enable local gateway auth.")
        }
        return lines.joined(separator: "\n")
    }
}
