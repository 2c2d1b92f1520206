import IPCControl
import Testing

@testable import Plan

@Suite("Refusals")
struct RefusalTests {
    @Test("a lan bind without a token is refused with OpenClaw's words")
    func lanWithoutToken() {
        let text = """
            Refusing to bind gateway to lan without auth.
            Set gateway.auth.token/password (or OPENCLAW_GATEWAY_TOKEN/OPENCLAW_GATEWAY_PASSWORD) or pass --token/--password.
            """
        #expect(refusal(arguments: ["--allow-unconfigured", "--bind", "lan"]) == PlanRefusal(code: 1, text: text))
        #expect(
            refusal(
                arguments: ["--allow-unconfigured"],
                environment: ["OPENCLAW_GATEWAY_TOKEN": "", "OPENCLAW_GATEWAY_BIND": "lan"]
            )?.text == text
        )
        #expect(refusal("{gateway: {mode: 'local', bind: 'lan'}}")?.text == text)
    }

    @Test("loopback needs a token too; an empty one in the file hides the environment's, and old spellings get a hint")
    func loopbackWithoutToken() {
        let text = """
            Gateway auth is set to token, but no token is configured.
            Set gateway.auth.token (or OPENCLAW_GATEWAY_TOKEN), or pass --token.
            """
        #expect(refusal(arguments: ["--allow-unconfigured"]) == PlanRefusal(code: 1, text: text))
        #expect(
            refusal("{gateway: {mode: 'local', auth: {token: ''}}}", environment: ["OPENCLAW_GATEWAY_TOKEN": "x"])?.text
                == text
        )
        #expect(
            refusal("{gateway: {mode: 'local', token: 'x', remote: {token: 'y'}}}")?.text == text
                + "\nFound \"gateway.token\" in config. Use \"gateway.auth.token\" instead."
                + "\n\"gateway.remote.token\" is for remote CLI calls; it does not enable local gateway auth."
        )
        #expect(
            refusal(arguments: ["--allow-unconfigured", "--auth", "password"])?.text == """
                Gateway auth is set to password, but no password is configured.
                Set gateway.auth.password (or OPENCLAW_GATEWAY_PASSWORD), or pass --password.
                """
        )
    }

    @Test("without a file or gateway.mode=local nothing starts, unless told so")
    func mode() {
        #expect(
            refusal(environment: [:])?.text
                == "Missing config. Run `openclaw setup` or set gateway.mode=local (or pass --allow-unconfigured)."
        )
        for (config, shown) in [("{}", "unset"), ("{gateway: {mode: 'remote'}}", "remote")] {
            #expect(
                refusal(config, environment: [:])?.text
                    == "Gateway start blocked: set gateway.mode=local (current: \(shown)) or pass --allow-unconfigured."
            )
            #expect(refusal(config, arguments: ["--allow-unconfigured"], environment: [:]) == nil)
        }
    }

    @Test(
        "every bad flag is refused with its own words",
        arguments: [
            (["--port", "0"], 1, "Invalid port"),
            (["--port", "x1"], 1, "Invalid port"),
            (["--port", "65536"], 1, "Invalid port"),
            (["--port", "99999999999999999999"], 1, "Invalid port"),
            (["--bind", "0.0.0.0"], 1, #"Invalid --bind (use "loopback", "lan", "tailnet", "auto", or "custom")"#),
            (["--auth=none"], 1, #"Invalid --auth (use "token" or "password")"#),
            (["--log-format", "xml"], 1, #"Invalid --log-format (use "text", "json", or "journal")"#),
            (["--ws-log", "loud"], 1, #"Invalid --ws-log (use "auto", "full", "compact")"#),
            (["--tailscale", "on"], 1, #"Invalid --tailscale (use "off", "serve", or "funnel")"#),
            (["--reset"], 1, "Use --reset with --dev."),
            (["--dev", "--profile", "a"], 2, "Cannot combine --dev with --profile"),
            (["--profile"], 2, "--profile requires a value"),
            (["--profile", "a/b"], 2, #"Invalid --profile (use letters, numbers, "_", "-" only)"#),
            (["--port"], 1, "error: option '--port <value>' argument missing"),
            (["--nonsense"], 1, "error: unknown option '--nonsense'"),
        ] as [([String], Int32, String)]
    )
    func flags(arguments: [String], code: Int32, text: String) {
        #expect(
            refusal(arguments: ["--allow-unconfigured"] + arguments, environment: [:])
                == PlanRefusal(code: code, text: text)
        )
    }

    @Test("the log's format is handed to the supervisor when it was typed, and only then")
    func logFormat() throws {
        #expect(
            try makePlan(arguments: ["--allow-unconfigured", "--log-format=json"]).settings?["LOG_FORMAT"] == "json"
        )
        let plan = try makePlan()
        #expect(plan.settings?["LOG_FORMAT"] == nil)
        // The supervisor writes notices in it.
        #expect(plan.blocks.first?.type == "SETTINGS")
    }

    @Test("flags go before the environment, that before the file; ports are read as OpenClaw reads them")
    func precedence() throws {
        let config = "{gateway: {port: 1, bind: 'lan', auth: {token: 'file'}}}"
        let variables = [
            "CLAWDBOT_GATEWAY_PORT": "2abc", "OPENCLAW_GATEWAY_BIND": "loopback", "OPENCLAW_GATEWAY_TOKEN": "env",
        ]
        var plan = try makePlan(config, environment: variables)
        #expect(plan.settings?["PORT"] == "2" && plan.settings?["BIND"] == "loopback")
        #expect(plan.secrets("gateway") == ["GATEWAY_TOKEN": "file"])
        #expect(
            plan.complaints.contains(
                "warn gateway.auth.token: differs from OPENCLAW_GATEWAY_TOKEN; the one in the file is in force"
            )
        )
        plan = try makePlan(
            config,
            arguments: ["--allow-unconfigured", "--port=3", "--bind", "lan", "--token", " flag\n"],
            environment: variables
        )
        #expect(plan.settings?["PORT"] == "3" && plan.settings?["BIND"] == "lan")
        #expect(plan.secrets("gateway") == ["GATEWAY_TOKEN": "flag"])
        plan = try makePlan(config)
        #expect(plan.settings?["PORT"] == "1" && plan.listen?["HOST"] == "::")
        #expect(try makePlan().settings?["PORT"] == "18789")
        #expect(try makePlan(arguments: ["--dev", "--allow-unconfigured"]).settings?["PORT"] == "19001")
    }

    @Test("a custom bind takes an address and nothing else")
    func customBind() throws {
        let plan = try makePlan("{gateway: {bind: 'custom', customBindHost: '192.168.1.10'}}")
        #expect(plan.listen?["HOST"] == "192.168.1.10")
        let wrong = refusal("{gateway: {mode: 'local', bind: 'custom', customBindHost: 'localhost'}}", environment: [:])
        #expect(wrong?.code == 1 && wrong?.text.contains("gateway.customBindHost is no IP address") == true)
        #expect(
            refusal(
                "{gateway: {mode: 'local', bind: 'custom', customBindHost: '10.0.0.1'}}"
            )?.text.hasPrefix("Refusing to bind gateway to custom without auth.") == true
        )
    }
}
