import Config
import IPCControl
import Testing

@testable import Plan

@Suite("Tunnels of both files")
struct TunnelTests {
    private let programs = [
        "/bin/ngrok": "", "/bin/cloudflared": "", "/bin/tailscale": "", "/bin/tailscaled": "",
    ]
    private let telegramToken = "123456:AAE-invented_token"

    private func plan(
        own: String = "{}",
        config: String = "{}",
        _ variables: [String: String] = [:],
        installed: Bool = true
    ) throws -> MadePlan {
        try makePlan(
            config,
            environment: ["PATH": "/bin", "ANTHROPIC_API_KEY": "k"].merging(variables) { $1 },
            files: (installed ? programs : [:]).merging(["/data/clawhold.json": own]) { $1 }
        )
    }

    private func tunnel(_ plan: MadePlan, _ provider: String) throws -> TunnelConfig {
        try plan.config("tunnel:\(provider)", as: TunnelConfig.self)
    }

    private func voice(_ settings: String) -> String {
        "{plugins: {entries: {'voice-call': {enabled: true, config: {provider: 'twilio', \(settings)}}}}}"
    }

    @Test("one with a token from the environment has it nowhere but in its secret, and its domain is found there too")
    func ngrok() throws {
        let plan = try plan(
            own: "{tunnel: {provider: 'ngrok', expose: [{path: '/hooks', port: 3334}]}}",
            ["NGROK_AUTHTOKEN": "2tok", "NGROK_DOMAIN": "Example.ngrok.app"]
        )
        let tunnel = try tunnel(plan, "ngrok")
        #expect(
            tunnel.program == "/bin/ngrok" && tunnel.domain == "example.ngrok.app" && tunnel.isPublic && tunnel.hasToken
        )
        #expect(tunnel.port == 0, "ngrok is told the port, so any will do")
        #expect(tunnel.routes == [TunnelRoute(path: "/hooks", port: 3334)])
        #expect(plan.secrets("tunnel:ngrok") == ["TUNNEL_TOKEN": "2tok"])
        #expect(plan.worker("tunnel:ngrok")?["UID"] == "own" && plan.worker("tunnel:ngrok")?["NETWORK"] == "yes")
        #expect(try plan.gateway().tunnels.map(\.worker) == ["tunnel:ngrok"])
        #expect(!plan.blocks.contains { $0.type != "SECRET" && "\($0)".contains("2tok") })
    }

    @Test("the plugin's tunnel serves what is named where no calls run, and says that voice does not")
    func guide() throws {
        let plan = try plan(config: voice("tunnel: {provider: 'ngrok'}"))
        #expect(!plan.workers.contains { $0.hasPrefix("tunnel:") })
        let named = try self.plan(
            own: "{tunnel: {expose: ['voice', {path: '/hooks', port: 80}]}}",
            config: voice("tunnel: {provider: 'cloudflared'}")
        )
        #expect(try tunnel(named, "cloudflared").routes.map(\.path) == ["/hooks"], "the plugin's tunnel, what is there")
        #expect(named.complaints.contains { $0.contains("names voice: no voice calls run") })
    }

    @Test("clawhold.json goes before the plugin")
    func precedence() throws {
        let own = """
            {tunnel: {provider: 'ngrok', authToken: '${T}', domain: 'https://mine.ngrok.app', port: 4545,
             expose: [{path: '/calls', port: 4000}]}}
            """
        let config = voice("tunnel: {provider: 'tailscale-funnel', ngrokDomain: 'other.app'}")
        let plan = try plan(own: own, config: config, ["T": "2own", "NGROK_AUTHTOKEN": "2env"])
        let tunnel = try tunnel(plan, "ngrok")
        #expect(tunnel.domain == "mine.ngrok.app" && tunnel.port == 4545)
        #expect(tunnel.routes.map(\.path) == ["/calls"] && tunnel.routes.map(\.port) == [4000])
        #expect(plan.secrets("tunnel:ngrok") == ["TUNNEL_TOKEN": "2own"])
        #expect(
            try self.plan(own: "{tunnel: {provider: 'none'}}", config: config).workers.allSatisfy {
                !$0.hasPrefix("tunnel:")
            }
        )
    }

    @Test("one that is not installed is planned without a program, so that its worker can say what to install")
    func missing() throws {
        let plan = try plan(
            own: "{tunnel: {provider: 'cloudflared', expose: [{path: '/x', port: 80}]}}",
            installed: false
        )
        #expect(try tunnel(plan, "cloudflared").program.isEmpty)
        #expect(try tunnel(plan, "cloudflared").buildArgument == "CLOUDFLARED=1")
        let installed = try self.plan(own: "{tunnel: {provider: 'cloudflared', expose: [{path: '/x', port: 80}]}}")
        #expect(
            plan.revision("tunnel:cloudflared") != installed.revision("tunnel:cloudflared"),
            "installing it un-parks it"
        )
    }

    @Test("Telegram's webhook goes through it where it is named, with a secret of its own; elsewhere it polls")
    func telegram() throws {
        let own = "{tunnel: {provider: 'ngrok', expose: ['telegram']}}"
        let plan = try plan(own: own, ["NGROK_AUTHTOKEN": "2tok", "TELEGRAM_BOT_TOKEN": telegramToken])
        let settings = try plan.config("channel:telegram:default", as: TelegramConfig.self)
        #expect(settings.usesTunnel && settings.webhookHost == "127.0.0.1")
        let secret = try #require(plan.secrets("channel:telegram:default")["TELEGRAM_WEBHOOK_SECRET"])
        #expect(secret.utf8.count == 64 && !telegramToken.contains(secret))
        #expect(
            try tunnel(plan, "ngrok").routes == [
                TunnelRoute(worker: "channel:telegram:default", path: "/telegram-webhook", port: 8787)
            ]
        )
        let without = try self.plan(own: own, ["TELEGRAM_BOT_TOKEN": telegramToken])
        #expect(
            try !without.config("channel:telegram:default", as: TelegramConfig.self).usesTunnel,
            "no ngrok, so polling"
        )
        #expect(without.complaints.contains { $0.contains("NGROK_AUTHTOKEN") && $0.contains("(tunnel:ngrok is off)") })
    }

    @Test("tailscale runs as the owner beside a tailscaled of ours where TS_AUTHKEY says so, else with the machine's")
    func tailscale() throws {
        let own = "{tunnel: {provider: 'tailscale-funnel', expose: [{path: '/x', port: 80}]}}"
        let plan = try plan(own: own, ["TS_AUTHKEY": "tskey-auth-x"])
        let tunnel = try tunnel(plan, "tailscale")
        #expect(
            tunnel.isPublic && tunnel.port == LoadedConfig.fixedTunnelPort
                && tunnel.socket == "/data/tailscale/tailscaled.sock"
        )
        #expect(plan.worker("tunnel:tailscale")?["UID"] == "owner")
        let daemon = try #require(plan.worker("sidecar:tailscaled"))
        #expect(daemon["UID"] == "owner" && daemon["ARG1"] == "--tun=userspace-networking")
        #expect(plan.secrets("sidecar:tailscaled").isEmpty, "the key is the tunnel's")
        let machine = try self.plan(own: own)
        #expect(machine.worker("sidecar:tailscaled") == nil)
        #expect(try self.tunnel(machine, "tailscale").socket.isEmpty)
        let operators = try self.plan(
            own: "{tunnel: {provider: 'tailscale-funnel', expose: [{path: '/x', port: 80}]}, "
                + "sidecars: {tailscaled: {command: ['/bin/tailscaled', '--verbose=1']}}}",
            ["TS_AUTHKEY": "tskey-auth-x"]
        )
        #expect(operators.blocks.filter { $0["ID"] == "sidecar:tailscaled" && $0.type == "WORKER" }.count == 1)
        #expect(operators.worker("sidecar:tailscaled")?["ARG1"] == "--verbose=1", "whoever writes one runs that one")
        #expect(try self.tunnel(operators, "tailscale").socket.isEmpty)
        let serve = try self.plan(
            own: "{tunnel: {expose: ['telegram']}}",
            config: voice("tailscale: {mode: 'serve'}"),
            ["TELEGRAM_BOT_TOKEN": telegramToken]
        )
        #expect(try !self.tunnel(serve, "tailscale").isPublic)
        #expect(serve.complaints.contains { $0.contains("Twilio, Telnyx and Telegram cannot call it") })
    }

    @Test("the control UI is exposed only where that is said, and by funnel only with a password")
    func control() throws {
        let word = try plan(own: "{tunnel: {provider: 'ngrok', expose: ['control']}}", ["NGROK_AUTHTOKEN": "2t"])
        #expect(try tunnel(word, "ngrok").routes == [TunnelRoute(path: "/", port: 18789, isTree: true)])
        let serve = try plan(config: "{gateway: {tailscale: {mode: 'serve'}}}")
        #expect(try tunnel(serve, "tailscale").routes == [TunnelRoute(path: "/", port: 18789, isTree: true)])
        let funnel = try plan(config: "{gateway: {tailscale: {mode: 'funnel'}}}")
        #expect(funnel.worker("tunnel:tailscale") == nil)
        #expect(funnel.complaints.contains { $0.contains("tailscale funnel requires gateway auth mode=password") })
        let both = try plan(
            own: "{tunnel: {provider: 'tailscale-funnel', expose: [{path: '/x', port: 80}]}}",
            config: "{gateway: {tailscale: {mode: 'serve'}}}"
        )
        #expect(try tunnel(both, "tailscale").routes.map(\.path) == ["/x"])
        #expect(both.complaints.contains { $0.contains("one port is either public or not") })
    }

    @Test(
        "what is wrong costs the smallest part, and the line is named",
        arguments: [
            ("provider: 'ngrok'", "ngrok needs its authtoken"),
            ("provider: 'frp', authToken: 'x'", "one of \"none\", \"ngrok\""),
            ("provider: 'ngrok', authToken: 'a b'", "the token holds blanks"),
            ("provider: 'ngrok', authToken: 'x', domain: '-x y'", "is no host name"),
            ("provider: 'cloudflared', domain: 'a.example'", "a domain needs a named tunnel"),
            ("provider: 'cloudflared', authToken: 'x'", "a named tunnel needs its public hostname"),
            ("provider: 'tailscale-funnel', httpsPort: 4430", "httpsPort is one of 443, 8443 and 10000"),
            ("provider: 'cloudflared', expose: []", "nothing asks to be exposed"),
        ]
    )
    func bad(settings: String, words: String) throws {
        let plan = try plan(own: "{\ntunnel: {\(settings)}}")
        #expect(!plan.workers.contains { $0.hasPrefix("tunnel:") })
        #expect(plan.complaints.contains { $0.contains(words) }, "\(plan.complaints)")
    }

    @Test("a path that is none, doubled or everything is left out, and the others are exposed")
    func paths() throws {
        let own = """
            {tunnel: {provider: 'cloudflared', expose: [{path: '/a', port: 80}, {path: '/a', port: 81}, {path: '/', port: 82},
             {path: 'b', port: 83}, {path: '/c/../d', port: 84}, {path: '/e%2f', port: 85}, 'nonsense', {port: 86}, {path: '/z', port: 87}]}}
            """
        let plan = try plan(own: own)
        #expect(try tunnel(plan, "cloudflared").routes.map(\.path) == ["/a", "/z"])
        #expect(plan.complaints.filter { $0.contains("tunnel") }.count == 7, "\(plan.complaints)")
        let many = (0..<20).map { "{path: '/p\($0)', port: 80}" }.joined(separator: ", ")
        let crowded = try self.plan(own: "{tunnel: {provider: 'cloudflared', expose: [\(many)]}}")
        #expect(try tunnel(crowded, "cloudflared").routes.count == TunnelConfig.routeLimit)
    }
}
