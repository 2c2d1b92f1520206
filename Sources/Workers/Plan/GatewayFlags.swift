/// What was typed behind `gateway`.
struct GatewayFlags: Sendable, Equatable {
    var profile: String?
    var port: Int?
    var bind: BindMode?
    var token: String?
    var password: String?
    var auth: String?
    var allowUnconfigured = false
    var strictConfig = false
    /// How the supervisor writes the log; nil lets it choose.
    var logFormat: String?
    /// Flags that OpenClaw has and that have no effect here, as typed.
    var ignored: [String] = []

    /// Reads the whole command line: program, global flags, `gateway [run]`, flags.
    ///
    /// Throws the refusal with OpenClaw's words.
    static func parse(_ arguments: [String]) throws(PlanRefusal) -> GatewayFlags {
        var flags = GatewayFlags()
        var rest = arguments.dropFirst(arguments.first.map { $0.hasPrefix("-") || $0 == "gateway" } == true ? 0 : 1)
        var isDev = false
        var isReset = false
        while let argument = rest.popFirst() {
            if ["plan", "gateway", "run"].contains(argument) { continue }
            let (name, inline) = split(argument)
            func value() throws(PlanRefusal) -> String {
                if let inline { return inline }
                guard let next = rest.popFirst() else {
                    throw PlanRefusal(code: 1, text: "error: option '\(name) <value>' argument missing")
                }
                return next
            }
            switch name {
            case "--port": flags.port = try port(try value())
            case "--bind":
                guard let bind = BindMode(rawValue: try value()) else {
                    throw PlanRefusal(code: 1, text: "Invalid --bind (use \(BindMode.choices))")
                }
                flags.bind = bind
            case "--token": flags.token = try value()
            case "--password": flags.password = try value()
            case "--auth":
                flags.auth = try choice(try value(), name, ["token", "password"], #"use "token" or "password""#)
            case "--tailscale":
                let mode = try choice(
                    try value(),
                    name,
                    ["off", "serve", "funnel"],
                    #"use "off", "serve", or "funnel""#
                )
                if mode != "off" { flags.ignored.append("--tailscale \(mode)") }
            case "--log-format":
                flags.logFormat = try choice(
                    try value(),
                    name,
                    ["text", "json", "journal"],
                    #"use "text", "json", or "journal""#
                )
            case "--ws-log":
                _ = try choice(try value(), name, ["auto", "full", "compact"], #"use "auto", "full", "compact""#)
            case "--profile": flags.profile = try profile(inline ?? rest.popFirst())
            case "--raw-stream-path": _ = try value()
            case "--dev": isDev = true
            case "--reset": isReset = true
            case "--allow-unconfigured": flags.allowUnconfigured = true
            case "--strict-config": flags.strictConfig = true
            case "--force", "--tailscale-reset-on-exit", "--raw-stream", "--claude-cli-logs":
                flags.ignored.append(name)
            case "--verbose", "--compact", "--no-color", "--update": break
            default: throw PlanRefusal(code: 1, text: "error: unknown option '\(argument.prefix(80))'")
            }
        }
        if isDev {
            guard flags.profile == nil else {
                throw PlanRefusal(code: 2, text: "Cannot combine --dev with --profile")
            }
            flags.profile = "dev"
        }
        if isReset {
            throw PlanRefusal(
                code: 1,
                text: isDev
                    ? "--reset is not supported; remove the directory ~/.openclaw-dev instead"
                    : "Use --reset with --dev."
            )
        }
        return flags
    }

    private static func split(_ argument: String) -> (String, String?) {
        guard argument.hasPrefix("--"), let equals = argument.firstIndex(of: "=") else { return (argument, nil) }
        return (String(argument[..<equals]), String(argument[argument.index(after: equals)...]))
    }

    private static func port(_ text: String) throws(PlanRefusal) -> Int {
        guard let port = PortNumber.parse(text) else { throw PlanRefusal(code: 1, text: "Invalid port") }
        return port
    }

    private static func choice(
        _ text: String,
        _ name: String,
        _ allowed: [String],
        _ hint: String
    ) throws(PlanRefusal) -> String {
        guard allowed.contains(text) else { throw PlanRefusal(code: 1, text: "Invalid \(name) (\(hint))") }
        return text
    }

    private static func profile(_ text: String?) throws(PlanRefusal) -> String {
        guard let text, !text.isEmpty, !text.hasPrefix("-") else {
            throw PlanRefusal(code: 2, text: "--profile requires a value")
        }
        let isGood =
            text.utf8.count <= 64
            && text.allSatisfy { character in
                character.isASCII && (character.isLetter || character.isNumber || character == "_" || character == "-")
            }
        guard isGood else {
            throw PlanRefusal(code: 2, text: #"Invalid --profile (use letters, numbers, "_", "-" only)"#)
        }
        return text
    }
}

/// Port numbers as OpenClaw reads them: the digits in front count (`3000abc` is 3000).
enum PortNumber {
    static func parse(_ text: String) -> Int? {
        let digits = text.drop { $0 == " " }.prefix { $0.isASCII && $0.isNumber }
        guard digits.count <= 9, let port = Int(digits), (1...65535).contains(port) else { return nil }
        return port
    }
}
