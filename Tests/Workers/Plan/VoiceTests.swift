import Config
import IPCControl
import Testing

@testable import Plan

@Suite("Telephone calls of the configuration")
struct VoiceTests {
    private static let worker = "channel:voice-call:default"
    private static let twilio = ["TWILIO_ACCOUNT_SID": "AC1", "TWILIO_AUTH_TOKEN": "tok"]

    private func plan(
        _ settings: String = "provider: 'twilio', fromNumber: '+15550000001'",
        own: String = "{}",
        _ variables: [String: String] = Self.twilio,
        rest: String = ""
    ) throws -> MadePlan {
        try makePlan(
            "{plugins: {entries: {'voice-call': {enabled: true, config: {\(settings)}}}}\(rest)}",
            environment: ["PATH": "/bin", "ANTHROPIC_API_KEY": "k"].merging(variables) { $1 },
            files: ["/bin/ngrok": "", "/bin/tailscale": "", "/data/clawhold.json": own]
        )
    }

    private func slice(_ plan: MadePlan) throws -> VoiceConfig { try plan.config(Self.worker, as: VoiceConfig.self) }

    @Test("the guide's example works as written: the worker, ngrok in front of it, and what is left to do is told")
    func guide() throws {
        let plan = try makePlan(
            SeedTests.voiceCall,
            arguments: ["--allow-unconfigured", "--strict-config"],
            environment: Self.twilio.merging(["NGROK_AUTHTOKEN": "2tok", "ANTHROPIC_API_KEY": "k", "PATH": "/bin"]) {
                $1
            },
            files: ["/bin/ngrok": ""]
        )
        #expect(plan.workers.contains(Self.worker) && plan.workers.contains("tunnel:ngrok"))
        let config = try slice(plan)
        #expect(
            config.usesTunnel && config.bind == "127.0.0.1" && config.port == 3334 && config.path == "/voice/webhook"
        )
        #expect(config.webhookSecurity.allowedHosts == ["example.ngrok.app"] && config.accountSid == "AC1")
        #expect(plan.secrets(Self.worker) == ["TWILIO_AUTH_TOKEN": "tok"])
        #expect(
            try plan.config("tunnel:ngrok", as: TunnelConfig.self).routes == [
                TunnelRoute(worker: Self.worker, path: "/voice/webhook", port: 3334)
            ]
        )
        #expect(plan.complaints.count == 1 && plan.complaints[0].contains("fromNumber"))
        #expect(try plan.gateway().voice?.noOutbound.contains("fromNumber") == true)
        #expect(try plan.config("agent:main", as: AgentConfig.self).voice == nil, "so the agent is offered no calls")
        #expect(!plan.blocks.contains { $0.type != "SECRET" && "\($0)".contains("tok\"") })
    }

    @Test("every setting arrives, and the gateway and the agents are told what is theirs")
    func settings() throws {
        let plan = try plan(
            """
            provider: 'telnyx', fromNumber: '+15550000001', toNumber: '+15550000002', inboundPolicy: 'pairing',
            allowFrom: ['+15550000003', '0800'], inboundGreeting: 'Hi', maxDurationSeconds: 60, ringTimeoutMs: 20000,
            outbound: {defaultMode: 'conversation', notifyHangupDelaySec: 5}, transcriptTimeoutMs: 90000,
            maxConcurrentCalls: 2, responseTimeoutMs: 9000, staleCallReaperSeconds: 400,
            serve: {port: 4444, bind: '0.0.0.0', path: '/calls'}, publicUrl: 'https://me.example/calls',
            webhookSecurity: {trustForwardingHeaders: true, trustedProxyIPs: ['10.0.0.1']},
            tts: {openai: {voice: 'nova'}}, responseSystemPrompt: 'Be brief.', responseModel: 'anthropic/quick'
            """,
            own: "{voice: {apiRoot: 'http://127.0.0.1:9/', language: 'de-DE'}}",
            ["TELNYX_API_KEY": "KEY", "TELNYX_CONNECTION_ID": "17", "TELNYX_PUBLIC_KEY": "pub"]
        )
        let config = try slice(plan)
        #expect(config.provider == .telnyx && config.connectionId == "17" && config.apiRoot == "http://127.0.0.1:9")
        #expect(config.inboundPolicy == .allowlist && config.allowFrom == ["+15550000003"], "0800 lets nobody in")
        #expect(config.defaultMode == .conversation && config.notifyHangupDelaySeconds == 5)
        #expect(config.maxDurationSeconds == 60 && config.ringTimeoutMilliseconds == 20_000)
        #expect(config.maxConcurrentCalls == 2 && config.responseTimeoutMilliseconds == 9000)
        #expect(config.staleCallReaperSeconds == 400 && config.transcriptTimeoutMilliseconds == 90_000)
        #expect(config.bind == "0.0.0.0" && config.port == 4444 && config.path == "/calls")
        #expect(config.publicURL == "https://me.example/calls" && !config.usesTunnel)
        #expect(config.webhookSecurity.trustForwardingHeaders && config.webhookSecurity.trustedProxyIPs == ["10.0.0.1"])
        #expect(config.voice == "nova" && config.language == "de-DE" && config.inboundGreeting == "Hi")
        #expect(plan.secrets(Self.worker) == ["TELNYX_API_KEY": "KEY", "TELNYX_PUBLIC_KEY": "pub"])
        let voice = try #require(try plan.gateway().voice)
        #expect(voice.toNumber == "+15550000002" && voice.prompt == "Be brief." && voice.noOutbound.isEmpty)
        #expect(voice.transcriptTimeoutMilliseconds == 90_000)
        #expect(voice.model == ModelRef(model: "anthropic/quick", worker: "model:anthropic"))
        #expect(try plan.config("agent:main", as: AgentConfig.self).voice?.toNumber == "+15550000002")
        #expect(plan.complaints.count == 1 && plan.complaints[0].contains("0800"))
    }

    @Test("its access: the worker has judged, commands are nobody's, answers are short, nothing is acknowledged")
    func access() throws {
        let access = try #require(try plan().gateway().channels.first { $0.worker == Self.worker })
        #expect(access.dmPolicy == .open && access.groupPolicy == .disabled && access.commandsFrom == [])
        #expect(access.textChunkLimit == 3000 && access.chunkMode == "length" && access.ackReaction.isEmpty)
        let named = try plan(rest: ", commands: {allowFrom: {'voice-call': ['+15550000002', '*']}}")
        #expect(
            try named.gateway().channels.first { $0.worker == Self.worker }?.commandsFrom == ["+15550000002"],
            "everybody is not a list"
        )
        #expect(
            try plan().gateway().listings.contains {
                $0.channel == "voice-call" && $0.tokenSource == .env && $0.isEnabled
            }
        )
    }

    @Test("what is missing is named, and nothing is planned")
    func missing() throws {
        let none = try plan(["NGROK_AUTHTOKEN": "2tok"])
        #expect(!none.workers.contains(Self.worker))
        #expect(none.complaints.contains { $0.contains("TWILIO_ACCOUNT_SID") && $0.contains("TWILIO_AUTH_TOKEN") })
        let telnyx = try plan(
            "provider: 'telnyx', telnyx: {apiKey: 'K', connectionId: '1'}",
            own: "{tunnel: {provider: 'ngrok', expose: ['voice']}}",
            ["NGROK_AUTHTOKEN": "2tok"]
        )
        #expect(telnyx.complaints.contains { $0.contains("TELNYX_PUBLIC_KEY") && !$0.contains("TELNYX_API_KEY") })
        #expect(telnyx.complaints.contains { $0.contains("names voice: no voice calls run") })
        #expect(!telnyx.workers.contains { $0.hasPrefix("tunnel:") })
        #expect(
            try plan("fromNumber: '+15550000001'").complaints.contains { $0.contains("provider to twilio or telnyx") }
        )
        #expect(try none.gateway().voice == nil && none.gateway().channels.isEmpty)
    }

    private func plan(_ variables: [String: String]) throws -> MadePlan {
        try plan("provider: 'twilio', tunnel: {provider: 'ngrok'}", variables)
    }

    @Test(
        "what is unsafe or not there is refused by its name, in its smallest part",
        arguments: [
            ("provider: 'plivo'", "plivo", false),
            ("provider: 'mock', serve: {bind: '0.0.0.0'}", "listens on 127.0.0.1 alone", false),
            ("provider: 'twilio', serve: {port: 18789}", "the gateway's own port", false),
            ("provider: 'twilio', skipSignatureVerification: true, serve: {bind: '::'}", "refused unless", true),
            ("provider: 'twilio', serve: {bind: 'localhost'}", "no numeric address", true),
            ("provider: 'twilio', serve: {path: '/../x'}", "no path of a webhook", true),
            ("provider: 'twilio', maxDurationSeconds: 'long'", "maxDurationSeconds", true),
            ("provider: 'twilio', fromNumber: '0800 1234'", "E.164", true),
            ("provider: 'twilio', streaming: {enabled: true}", "media streams are not supported", true),
            ("provider: 'twilio', tts: {provider: 'elevenlabs'}", "elevenlabs", true),
            ("provider: 'twilio', stt: {provider: 'openai'}", "own speech recognition", true),
            ("provider: 'twilio', publicUrl: 'me.example'", "https:// address", true),
            ("provider: 'twilio', nonsense: 1", "nonsense", true),
            ("provider: 7", "provider", false),
        ]
    )
    func unsafe(settings: String, complaint: String, runs: Bool) throws {
        let plan = try plan(settings)
        #expect(plan.complaints.contains { $0.contains(complaint) }, "\(plan.complaints)")
        #expect(plan.workers.contains(Self.worker) == runs)
        guard runs else { return }
        let config = try slice(plan)
        #expect(!config.skipsSignatures && config.maxDurationSeconds == 300 && config.path == "/voice/webhook")
        if complaint.contains("numeric") { #expect(config.bind == "127.0.0.1") }
    }

    @Test("signatures may be skipped on a loopback listener alone, and that is said at every start")
    func skipping() throws {
        let plan = try plan(
            "provider: 'telnyx', telnyx: {apiKey: 'K', connectionId: '1'}, skipSignatureVerification: true",
            [:]
        )
        #expect(try slice(plan).skipsSignatures)
        #expect(plan.complaints.contains { $0.contains("can speak for a caller") })
    }

    @Test("a list of proxies that cannot be read does not become any proxy")
    func proxies() throws {
        let plan = try plan(
            "provider: 'twilio', webhookSecurity: {trustForwardingHeaders: true, trustedProxyIPs: [1]}"
        )
        #expect(try slice(plan).webhookSecurity == VoiceConfig.WebhookSecurity())
    }

    @Test("the mock needs no secret, and no tunnel leads to it")
    func mock() throws {
        let plan = try plan(
            "provider: 'mock', tunnel: {provider: 'ngrok'}",
            ["NGROK_AUTHTOKEN": "2tok"]
        )
        #expect(plan.workers.contains(Self.worker) && !plan.workers.contains("tunnel:ngrok"))
        #expect(plan.complaints.contains { $0.contains("no tunnel leads there") })
        #expect(try plan.config("agent:main", as: AgentConfig.self).voice != nil)
    }

    @Test("each way to a tunnel: the plugin's, the older one, clawhold.json's; a public address needs none")
    func tunnels() throws {
        let base = "provider: 'twilio', fromNumber: '+15550000001'"
        let variables = Self.twilio.merging(["NGROK_AUTHTOKEN": "2tok"]) { $1 }
        let older = try plan("\(base), tailscale: {mode: 'funnel'}", variables)
        #expect(try older.config("tunnel:tailscale", as: TunnelConfig.self).routes.map(\.worker) == [Self.worker])
        #expect(try slice(older).usesTunnel)
        let private_ = try plan("\(base), tunnel: {provider: 'tailscale-serve'}", variables)
        #expect(try !slice(private_).usesTunnel, "a tailnet is not the internet")
        #expect(private_.complaints.contains { $0.contains("cannot call it") })
        let own = try plan(base, own: "{tunnel: {provider: 'ngrok', expose: ['voice']}}", variables)
        #expect(try own.config("tunnel:ngrok", as: TunnelConfig.self).routes.map(\.port) == [3334])
        #expect(try slice(own).usesTunnel)
        let unnamed = try plan(base, own: "{tunnel: {provider: 'ngrok', expose: [{path: '/x', port: 80}]}}", variables)
        #expect(try unnamed.config("tunnel:ngrok", as: TunnelConfig.self).routes.map(\.path) == ["/x"])
        #expect(try !slice(unnamed).usesTunnel)
        let fixed = try plan(
            "\(base), tunnel: {provider: 'ngrok'}, publicUrl: 'https://me.example/voice/webhook'",
            variables
        )
        #expect(!fixed.workers.contains("tunnel:ngrok") && fixed.complaints.isEmpty)
        let elsewhere = try plan("\(base), tunnel: {provider: 'ngrok'}, serve: {bind: '10.0.0.5'}", variables)
        #expect(!elsewhere.workers.contains("tunnel:ngrok") && elsewhere.workers.contains(Self.worker))
        #expect(elsewhere.complaints.contains { $0.contains("a tunnel leads to 127.0.0.1") })
    }

    @Test("a model whose provider has no key is the agent's own, and that is told")
    func model() throws {
        let plan = try plan("provider: 'twilio', fromNumber: '+15550000001', responseModel: 'openai/gpt-4o-mini'")
        #expect(try plan.gateway().voice?.model == nil)
        #expect(try plan.gateway().voice?.prompt == GatewayVoice.standardPrompt)
        #expect(plan.complaints.contains { $0.contains("openai/gpt-4o-mini (responseModel) cannot be asked") })
    }

    @Test(
        "every switch that turns channels off turns calls off, and says so",
        arguments: [
            ("plugins: {enabled: false, entries: {'voice-call': {enabled: true, ", "plugins.enabled"),
            ("plugins: {deny: ['voice-call'], entries: {'voice-call': {enabled: true, ", "plugins.deny"),
            ("plugins: {entries: {'voice-call': {enabled: false, ", ""),
            ("plugins: {entries: {'voice-call': {", ""),
        ]
    )
    func switches(start: String, reason: String) throws {
        let plan = try makePlan("{\(start)config: {provider: 'mock'}}}}}", environment: ["ANTHROPIC_API_KEY": "k"])
        #expect(!plan.workers.contains(Self.worker))
        let words = reason.isEmpty ? "voice" : "voice-call is off because of \(reason)"
        #expect(plan.notices.contains { $0.contains(words) } == !reason.isEmpty, "\(plan.notices)")
    }

    @Test("so do its own second switch and OPENCLAW_SKIP_CHANNELS")
    func moreSwitches() throws {
        #expect(try !plan("provider: 'mock', enabled: false").workers.contains(Self.worker))
        let skipped = try plan("provider: 'mock'", ["OPENCLAW_SKIP_CHANNELS": "1"])
        #expect(!skipped.workers.contains(Self.worker))
        #expect(skipped.notices.contains { $0.contains("voice-call is off because OPENCLAW_SKIP_CHANNELS is set") })
    }
}
