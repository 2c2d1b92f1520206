import Config
import IPCControl
import Testing

@testable import Plan

@Suite("Which model answers")
struct ModelTests {
    @Test("with no key at all the demonstration model answers in WebChat, and only there")
    func demo() throws {
        let plan = try makePlan(environment: ["TELEGRAM_BOT_TOKEN": telegramToken])
        let gateway = try plan.gateway()
        #expect(plan.workers.contains("model:demo"))
        #expect(gateway.demoModel?.worker == "model:demo")
        #expect(gateway.agent("main").model.primary.worker == "")
        #expect(gateway.agent("main").model.primary.unavailable.contains("Set ANTHROPIC_API_KEY"))
        #expect(plan.worker("model:demo")?["NETWORK"] == "no")
    }

    @Test(
        "any key of any provider, and any server that wants none, silences the demonstration model and answers",
        arguments: [
            (["OPENAI_API_KEY": "x"], "{}", "openai"), (["GOOGLE_API_KEY": "x"], "{}", "google"),
            (["MISTRAL_API_KEY": "x"], "{}", "mistral"), ([:], "{env: {OPENAI_API_KEY: 'x'}}", "openai"),
            (
                [:], "{models: {providers: {'My-LLM': {apiKey: 'x', baseUrl: 'http://x.test', models: [{id: 'm'}]}}}}",
                "my-llm"
            ),
            (
                [:], "{models: {providers: {ollama: {baseUrl: 'http://localhost:11434', models: [{id: 'm'}]}}}}",
                "ollama"
            ),
            ([:], "{models: {providers: {vllm: {models: [{id: 'm'}]}}}}", "vllm"),
        ] as [([String: String], String, String)]
    )
    func anyKey(environment: [String: String], config: String, provider: String) throws {
        let plan = try makePlan(config, environment: environment)
        let gateway = try plan.gateway()
        #expect(gateway.demoModel == nil)
        #expect(plan.workers.filter { $0.hasPrefix("model:") } == ["model:\(provider)"])
        #expect(gateway.models == [ModelWorkerEntry(worker: "model:\(provider)", provider: provider)])
        let model = gateway.agent("main").model.primary
        #expect(model.worker == "model:\(provider)" && model.model.hasPrefix("\(provider)/") && model.unavailable == "")
        #expect(plan.worker("model:\(provider)")?["NETWORK"] == "yes")
    }

    @Test(
        "a key that cannot be read or used silences the demonstration model too, and a person is told what to do",
        arguments: [
            ([:], "{models: {providers: {anthropic: {apiKey: '${MISPELT_KEY}'}}}}", "cannot be read"),
            ([:], "{models: {providers: {anthropic: {apiKey: 'ANTHROPIC_API_KYE'}}}}", "cannot be read"),
            ([:], "{models: {providers: {x: {baseUrl: 'https://x.test/v1'}}}}", "Set models.providers.x.apiKey"),
            (["COPILOT_GITHUB_TOKEN": "x"], "{}", "Choose another provider"),
            (["XAI_API_KEY": "x"], "{}", "Set agents.defaults.model.primary to \"xai/"),
            (["ANTHROPIC_API_KEY": "x"], "{agents: {defaults: {model: 'groq/llama'}}}", "Set GROQ_API_KEY"),
            (["ANTHROPIC_API_KEY": "x"], "{agents: {defaults: {model: 'nobody/m'}}}", "models.providers.nobody"),
        ] as [([String: String], String, String)]
    )
    func unusable(environment: [String: String], config: String, words: String) throws {
        let gateway = try makePlan(config, environment: environment).gateway()
        #expect(gateway.demoModel == nil)
        let model = gateway.agent("main").model.primary
        #expect(model.worker == "" && model.unavailable.contains(words), "\(model)")
    }

    @Test("a key that no worker can use is said in the log, without its value")
    func unsupported() throws {
        let plan = try makePlan(environment: ["AWS_BEARER_TOKEN_BEDROCK": "secret", "ANTHROPIC_API_KEY": "k"])
        #expect(plan.complaints.count == 1 && plan.complaints[0].contains("amazon-bedrock cannot be called"))
        #expect(!plan.complaints[0].contains("secret"))
    }

    @Test(
        "where a provider is and how it is spoken to: known ones by name, others as they are described",
        arguments: [
            ("openai", "{apiKey: 'k'}", .responses, "https://api.openai.com/v1"),
            (
                "openai", "{apiKey: 'k', api: 'openai-completions', baseUrl: 'http://127.0.0.1:9/v1/'}",
                .chatCompletions, "http://127.0.0.1:9/v1"
            ),
            ("groq", "{apiKey: 'k'}", .chatCompletions, "https://api.groq.com/openai/v1"),
            ("minimax", "{apiKey: 'k'}", .anthropic, "https://api.minimax.io/anthropic"),
            ("google", "{apiKey: 'k', baseUrl: 'https://x.test/v1beta'}", .google, "https://x.test"),
            ("ollama", "{}", .chatCompletions, "http://127.0.0.1:11434/v1"),
            ("box", "{baseUrl: 'http://10.0.0.2:8080'}", .chatCompletions, "http://10.0.0.2:8080/v1"),
            (
                "other", "{apiKey: 'k', baseUrl: 'https://x.test', api: 'anthropic-messages'}", .anthropic,
                "https://x.test"
            ),
            (
                "other", "{apiKey: 'k', baseUrl: 'https://x.test/v1/chat/completions'}", .chatCompletions,
                "https://x.test/v1"
            ),
            (
                "other", "{apiKey: 'k', baseUrl: 'https://x.test/v1', models: [{id: 'm', api: 'openai-responses'}]}",
                .responses, "https://x.test/v1"
            ),
        ] as [(String, String, ProviderConfig.Dialect, String)]
    )
    func addresses(provider: String, entry: String, dialect: ProviderConfig.Dialect, address: String) throws {
        let plan = try makePlan("{models: {providers: {'\(provider)': \(entry)}}}")
        let config = try plan.config("model:\(provider)", as: ProviderConfig.self)
        #expect(config.provider == provider && config.dialect == dialect && config.baseURL == address)
        let mode = entry.contains("apiKey") ? ProviderConfig.Profile.Mode.apiKey : .none
        #expect(config.profiles.map(\.mode) == [mode])
    }

    @Test("an api that this version does not speak, and an address that is none, switch the provider off with a line")
    func badEntries() throws {
        for (entry, words) in [
            ("{apiKey: 'k', baseUrl: 'http://x', api: 'bedrock-converse-stream'}", "is not supported"),
            ("{apiKey: 'k', baseUrl: 'x.test', api: 'openai-completions'}", "must be an http"),
            ("{apiKey: 'k'}", "is missing"),
        ] {
            let plan = try makePlan("{models: {providers: {own: \(entry)}}}")
            #expect(!plan.workers.contains { $0.hasPrefix("model:") })
            #expect(plan.complaints.contains { $0.contains("models.providers.own") && $0.contains(words) }, "\(words)")
        }
    }

    @Test("what is written about models, headers and cooldowns reaches the worker")
    func details() throws {
        let plan = try makePlan(
            """
            {models: {providers: {own: {baseUrl: 'http://x.test/v1', apiKey: 'k', headers: {'X-A': 'b', 'anthropic-version': 'v'},
              models: [{id: 'm', contextWindow: 32000, maxTokens: 4000, reasoning: true, input: ['text'],
                compat: {maxTokensField: 'max_completion_tokens', supportsUsageInStreaming: false}}]}}},
             auth: {cooldowns: {billingBackoffHours: 2, billingBackoffHoursByProvider: {own: 3}, billingMaxHours: 9, failureWindowHours: 1}}}
            """
        )
        let config = try plan.config("model:own", as: ProviderConfig.self)
        #expect(config.headers == ["X-A": "b"] && config.apiVersion == "v")
        let model = try #require(config.models.first)
        #expect(model.id == "m" && model.contextTokens == 32_000 && model.maxTokens == 4000)
        #expect(model.isReasoning && !model.readsImages)
        #expect(config.maxTokensField == "max_completion_tokens" && !config.asksForUsage)
        #expect(config.billingBackoffHours == 3 && config.billingMaxHours == 9 && config.failureWindowHours == 1)
    }

    @Test("names without a provider are Anthropic's, aliases count, unknown providers get a sentence")
    func names() throws {
        let plan = try makePlan(
            """
            {agents: {defaults: {model: ' claude-x ', models: {'anthropic/claude-y': {alias: 'Opus'}}},
              list: [{id: 'a'}, {id: 'b', model: 'opus'}, {id: 'c', model: {primary: 'xai/grok'}}]}}
            """,
            environment: ["ANTHROPIC_API_KEY": "k"]
        )
        let agents = try plan.gateway().agents
        #expect(agents[0].model.primary == ModelRef(model: "anthropic/claude-x", worker: "model:anthropic"))
        #expect(agents[1].model.primary == ModelRef(model: "anthropic/claude-y", worker: "model:anthropic"))
        #expect(agents[2].model.primary.worker == "" && agents[2].model.primary.model == "xai/grok")
    }

    /// The credentials of a worker in their order: "profile mode secret source".
    private static func keys(_ plan: MadePlan, _ provider: String) throws -> [String] {
        let config = try plan.config("model:\(provider)", as: ProviderConfig.self)
        let secrets = plan.secrets("model:\(provider)")
        #expect(secrets.count == config.profiles.count { $0.mode != .none })
        return config.profiles.map { "\($0.id) \($0.mode.rawValue) \(secrets[$0.secret] ?? "-") \($0.source)" }
    }

    @Test("stored profiles go before the environment, that before the file; OAuth tokens go as such")
    func credentials() throws {
        let config = "{models: {providers: {anthropic: {apiKey: 'from-file', baseUrl: 'http://127.0.0.1:9/v1/'}}}}"
        func keys(_ environment: [String: String], _ files: [String: String] = [:]) throws -> [String] {
            let plan = try makePlan(config, environment: environment, files: files)
            #expect(try plan.config("model:anthropic", as: ProviderConfig.self).baseURL == "http://127.0.0.1:9")
            return try Self.keys(plan, "anthropic")
        }
        #expect(try keys([:]) == ["anthropic:default api_key from-file models.providers.anthropic.apiKey"])
        #expect(try keys(["ANTHROPIC_API_KEY": "env\n"]) == ["anthropic:default api_key env ANTHROPIC_API_KEY"])
        #expect(
            try keys(["ANTHROPIC_API_KEY": "sk-ant-oat01-x"]) == [
                "anthropic:default token sk-ant-oat01-x ANTHROPIC_API_KEY"
            ]
        )
        let both = ["ANTHROPIC_API_KEY": "env", "ANTHROPIC_OAUTH_TOKEN": "token"]
        #expect(try keys(both) == ["anthropic:default token token ANTHROPIC_OAUTH_TOKEN"])
        let profiles =
            #"{"profiles": {"anthropic:default": {"type": "api_key", "provider": "anthropic", "key": "stored"}}}"#
        #expect(
            try keys(both, ["/data/agents/main/agent/auth-profiles.json": profiles]) == [
                "anthropic:default api_key stored auth-profiles.json: anthropic:default"
            ]
        )
    }

    @Test("several keys of one provider: both of Google's variables, lists and numbered ones, each value once")
    func severalKeys() throws {
        let google = try makePlan(environment: ["GEMINI_API_KEY": "a", "GOOGLE_API_KEY": "b"])
        #expect(
            try Self.keys(google, "google") == [
                "google:default api_key a GEMINI_API_KEY", "google:2 api_key b GOOGLE_API_KEY",
            ]
        )
        let same = try makePlan(environment: ["GEMINI_API_KEY": "a", "GOOGLE_API_KEY": "a"])
        #expect(try Self.keys(same, "google").count == 1)
        let openAI = try makePlan(environment: [
            "OPENAI_API_KEYS": "a, b;c", "OPENAI_API_KEY": "b", "OPENAI_API_KEY_2": "d",
        ])
        #expect(
            try Self.keys(openAI, "openai") == [
                "openai:default api_key b OPENAI_API_KEY", "openai:2 api_key a OPENAI_API_KEYS",
                "openai:3 api_key c OPENAI_API_KEYS", "openai:4 api_key d OPENAI_API_KEY_2",
            ]
        )
    }

    private static let store = """
        {"profiles": {
          "openai:work": {"type": "api_key", "provider": "openai", "key": "w"},
          "openai:codex": {"type": "oauth", "provider": "openai", "access": "a", "refresh": "r", "expires": 5},
          "openai:home": {"type": "token", "provider": "openai", "token": "h"},
          "openai:empty": {"type": "api_key", "provider": "openai", "key": " "}
        }ORDER}
        """

    private static func stored(_ config: String = "{}", order: String = "") throws -> (
        ids: [String], isFixed: Bool, plan: MadePlan
    ) {
        let text = store.replacing("ORDER", with: order)
        let plan = try makePlan(config, files: ["/data/agents/main/agent/auth-profiles.json": text])
        let config = try plan.config("model:openai", as: ProviderConfig.self)
        return (config.profiles.map(\.id), config.isOrderFixed, plan)
    }

    @Test("stored profiles of all kinds are used; auth.order chooses and orders them, the store's own order before it")
    func order() throws {
        let plain = try Self.stored()
        #expect(plain.ids == ["openai:work", "openai:codex", "openai:home"] && !plain.isFixed)
        let keys = try Self.keys(plain.plan, "openai")
        #expect(keys[0].hasPrefix("openai:work api_key w ") && keys[2].hasPrefix("openai:home token h "))
        #expect(keys[1].contains(#""refresh":"r""#) && keys[1].contains(#""expires":5"#))
        let ordered = try Self.stored("{auth: {order: {openai: ['openai:home', 'openai:gone', 'openai:work']}}}")
        #expect(ordered.ids == ["openai:home", "openai:work"] && ordered.isFixed)
        let own = try Self.stored(
            "{auth: {order: {openai: ['openai:home']}}}",
            order: #", "order": {"openai": ["openai:codex"]}"#
        )
        #expect(own.ids == ["openai:codex"] && own.isFixed)
        let mode = try Self.stored(
            "{auth: {profiles: {'openai:home': {provider: 'openai', mode: 'oauth'}, 'openai:work': {provider: 'openai', mode: 'token'}}}}"
        )
        #expect(mode.ids == ["openai:home", "openai:codex"])
    }

    @Test("a key that changes restarts its provider's worker and no other")
    func revision() throws {
        func revisions(_ key: String) throws -> [String?] {
            let plan = try makePlan(environment: ["OPENAI_API_KEY": key, "GROQ_API_KEY": "g"])
            return [plan.revision("model:openai"), plan.revision("model:groq")]
        }
        let (one, other) = (try revisions("a"), try revisions("b"))
        #expect(one[0] != other[0] && one[1] == other[1] && one[1] != nil)
    }

    @Test("a provider's name is the same in small and large letters: one worker, with the file's address")
    func letters() throws {
        let plan = try makePlan(
            "{models: {providers: {OpenAI: {baseUrl: 'http://10.0.0.2:1', api: 'openai-completions'}}}}",
            environment: ["OPENAI_API_KEY": "k"]
        )
        #expect(plan.workers.filter { $0 == "model:openai" }.count == 1)
        let config = try plan.config("model:openai", as: ProviderConfig.self)
        #expect(config.baseURL == "http://10.0.0.2:1/v1" && config.profiles.map(\.source) == ["OPENAI_API_KEY"])
        let wrong = try makePlan(
            "{models: {providers: {OpenAI: {baseUrl: 7}}}}",
            environment: ["OPENAI_API_KEY": "k"]
        )
        #expect(!wrong.workers.contains("model:openai"))
    }

    @Test("how much models think by default is the agents' to know")
    func thinking() throws {
        let plan = try makePlan("{agents: {defaults: {thinkingDefault: 'high'}}}", environment: ["OPENAI_API_KEY": "k"])
        #expect(try plan.config("agent:main", as: AgentConfig.self).thinking == "high")
    }

    @Test("an address that is none stops the provider, and the key is not sent anywhere else")
    func baseURL() throws {
        let plan = try makePlan(
            "{models: {providers: {anthropic: {baseUrl: 'api.example.com'}}}}",
            environment: ["ANTHROPIC_API_KEY": "k"]
        )
        #expect(!plan.workers.contains("model:anthropic"))
        #expect(plan.complaints.contains { $0.contains("must be an http:// or https:// address") })
    }

    @Test("time limits of a model call and the demonstration's pace come from clawhold.json")
    func ownSettings() throws {
        let own =
            "{models: {timeouts: {connectMs: 1, headMs: 2, firstContentMs: 3, idleMs: 4, totalMs: 5}}, demo: {charactersPerSecond: 7}}"
        let plan = try makePlan(environment: ["ANTHROPIC_API_KEY": "k"], files: ["/data/clawhold.json": own])
        let config = try plan.config("model:anthropic", as: ProviderConfig.self)
        #expect(
            [
                config.connectMilliseconds, config.headMilliseconds, config.firstContentMilliseconds,
                config.idleMilliseconds, config.totalMilliseconds,
            ] == [1, 2, 3, 4, 5]
        )
        let demo = try makePlan(files: ["/data/clawhold.json": own]).config("model:demo", as: DemoConfig.self)
        #expect(demo.charactersPerSecond == 7)
    }
}
