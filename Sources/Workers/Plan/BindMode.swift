internal import Config

/// `gateway.bind` and `--bind`.
package enum BindMode: String, Sendable {
    case loopback
    case lan
    case tailnet
    case auto
    case custom

    /// For messages, with OpenClaw's words.
    static let choices = #""loopback", "lan", "tailnet", "auto", or "custom""#
}

/// Where to listen.
struct BindChoice: Sendable, Equatable {
    var mode: BindMode
    /// What the supervisor binds: `::` is dual stack.
    var host: String
    /// What people are shown.
    var text: String

    var isLoopback: Bool { host == "127.0.0.1" || host == "::1" }

    /// Flag, then OPENCLAW_GATEWAY_BIND, then the file, then loopback.
    static func resolve(
        flags: GatewayFlags,
        config: inout LoadedConfig,
        tailnetAddress: String?
    ) throws(PlanRefusal) -> BindChoice {
        var mode = flags.bind
        if mode == nil, let text = config.environment.branded("GATEWAY_BIND") {
            mode = BindMode(rawValue: text)
            if mode == nil {
                config.report(
                    ConfigProblem(
                        path: "OPENCLAW_GATEWAY_BIND",
                        line: 0,
                        text: "is none of \(BindMode.choices); it is not used"
                    )
                )
            }
        }
        let path: ConfigPath = ["gateway", "bind"]
        mode = mode ?? config.value(path)?.string.flatMap(BindMode.init)
        switch mode ?? .loopback {
        // Loopback can always be bound, and then it is what OpenClaw's `auto` takes.
        case .loopback, .auto: return BindChoice(mode: .loopback, host: "127.0.0.1", text: "127.0.0.1")
        // Fly's private network is IPv6 only, so both; the guide promises the line with 0.0.0.0.
        case .lan: return BindChoice(mode: .lan, host: "::", text: "0.0.0.0")
        case .tailnet:
            guard let tailnetAddress else {
                config.report(
                    ConfigProblem(
                        path: "gateway.bind",
                        line: 0,
                        text: "no Tailscale address is up; bound to loopback instead"
                    )
                )
                return BindChoice(mode: .loopback, host: "127.0.0.1", text: "127.0.0.1")
            }
            return BindChoice(mode: .tailnet, host: tailnetAddress, text: tailnetAddress)
        case .custom:
            let host = config.value(["gateway", "customBindHost"])?.string ?? ""
            guard BindAddress.isNumeric(host) else {
                // OpenClaw listens on 0.0.0.0 then; a slip must not open more than was asked for.
                throw PlanRefusal(
                    code: 1,
                    text:
                        "gateway.bind is \"custom\", but gateway.customBindHost is \(host.isEmpty ? "not set" : "no IP address").\n"
                        + "Set gateway.customBindHost to the address to listen on (for example 192.168.1.10), or pass --bind lan."
                )
            }
            return BindChoice(mode: .custom, host: host, text: host)
        }
    }
}
