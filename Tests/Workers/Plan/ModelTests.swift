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
        "any key of any provider silences the demonstration model",
        arguments: [
            (["OPENAI_API_KEY": "x"], "{}", "openai"),
            (["GOOGLE_API_KEY": "x"], "{}", "google"),
            ([:], "{models: {providers: {'my-llm': {apiKey: 'x', baseUrl: 'http://x'}}}}", "my-llm"),
            ([:], "{models: {providers: {ollama: {baseUrl: 'http://localhost:11434'}}}}", "ollama"),
            ([:], "{models: {providers: {anthropic: {apiKey: '${MISPELT_KEY}'}}}}", "anthropic"),
            ([:], "{models: {providers: {anthropic: {apiKey: 'ANTHROPIC_API_KYE'}}}}", "anthropic"),
            ([:], "{env: {OPENAI_API_KEY: 'x'}}", "openai"),
        ] as [([String: String], String, String)]
    )
    func anyKey(environment: [String: String], config: String, provider: String) throws {
        let plan = try makePlan(config, environment: environment)
        let gateway = try plan.gateway()
        #expect(gateway.demoModel == nil)
        #expect(!plan.workers.contains { $0.hasPrefix("model:") })
        #expect(gateway.agent("main").model.primary.unavailable.contains("\"\(provider)\""))
    }

    @Test("a key that no worker can use yet is said in the log, by the variable's name and without its value")
    func unsupported() throws {
        let plan = try makePlan(environment: ["OPENAI_API_KEY": "sk-secret", "ANTHROPIC_API_KEY": "k"])
        #expect(
            plan.complaints == [
                "warn OPENAI_API_KEY is set, but this version has no worker for the provider openai yet"
            ]
        )
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

    @Test("stored profiles go before the environment, that before the file; OAuth tokens go as such")
    func credentials() throws {
        let config = "{models: {providers: {anthropic: {apiKey: 'from-file', baseUrl: 'http://127.0.0.1:9/v1/'}}}}"
        func secrets(_ environment: [String: String], _ files: [String: String] = [:]) throws -> [String: String] {
            let plan = try makePlan(config, environment: environment, files: files)
            #expect(try plan.config("model:anthropic", as: AnthropicConfig.self).baseURL == "http://127.0.0.1:9")
            return plan.secrets("model:anthropic")
        }
        #expect(try secrets([:]) == ["ANTHROPIC_API_KEY": "from-file"])
        #expect(try secrets(["ANTHROPIC_API_KEY": "env\n"]) == ["ANTHROPIC_API_KEY": "env"])
        #expect(try secrets(["ANTHROPIC_API_KEY": "sk-ant-oat01-x"]) == ["ANTHROPIC_OAUTH_TOKEN": "sk-ant-oat01-x"])
        let both = ["ANTHROPIC_API_KEY": "env", "ANTHROPIC_OAUTH_TOKEN": "token"]
        #expect(try secrets(both) == ["ANTHROPIC_OAUTH_TOKEN": "token"])
        let profiles =
            #"{"profiles": {"anthropic:default": {"type": "api_key", "provider": "anthropic", "key": "stored"}}}"#
        #expect(
            try secrets(both, ["/data/agents/main/agent/auth-profiles.json": profiles]) == [
                "ANTHROPIC_API_KEY": "stored"
            ]
        )
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
        let config = try plan.config("model:anthropic", as: AnthropicConfig.self)
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
