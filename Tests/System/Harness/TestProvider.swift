import Testing

/// A model provider as a test configures it: a dialect, a name, keys. The model fake serves it under its name.
struct TestProvider: Sendable, CustomTestStringConvertible {
    enum Dialect: String, CaseIterable, Sendable {
        case anthropic = "anthropic-messages"
        case chat = "openai-completions"
        case responses = "openai-responses"
        case gemini = "google-generative-ai"

        /// As the fake names it.
        var short: String { "\(self)" }
    }

    var name: String
    var dialect: Dialect
    /// Taken by the fake and found nowhere else: what a test looks for in places where no key may be.
    var keys: [String]

    var testDescription: String { "\(dialect)" }
    var model: String { "\(name)/test-1" }
    var worker: String { "model:\(name)" }

    init(_ name: String, _ dialect: Dialect, keys: Int = 1) {
        self.name = name
        self.dialect = dialect
        let letters = Array("abcdefghkmnpqrstuvwxyz23456789")
        self.keys = (0..<keys).map { _ in "sk-test-" + String((0..<32).map { _ in letters.randomElement() ?? "x" }) }
    }

    /// Its entry of `models.providers`; `root`: where it is to be found instead of the fake.
    func entry(_ root: String) -> JSONValue {
        let path =
            switch dialect {
            case .anthropic: ""
            case .chat, .responses: "/v1"
            case .gemini: "/v1beta"
            }
        var entry: JSONValue = [
            "baseUrl": .string("\(root)/\(name)\(path)"), "api": .string(dialect.rawValue),
            "models": [["id": "test-1"], ["id": "test-2"]],
        ]
        // Several keys are stored profiles.
        if keys.count == 1 { entry = entry.with("apiKey", value: .string(keys[0])) }
        return entry
    }

    /// `auth-profiles.json` of these providers' keys, as far as they have several.
    static func profiles(_ providers: [TestProvider]) -> JSONValue {
        var profiles: [String: JSONValue] = [:]
        for provider in providers where provider.keys.count > 1 {
            for (number, key) in provider.keys.enumerated() {
                profiles["\(provider.name):key\(number)"] = [
                    "type": "api_key", "provider": .string(provider.name), "key": .string(key),
                ]
            }
        }
        return ["version": 1, "profiles": .object(profiles)]
    }
}

extension World {
    /// A world whose models are these: the first is asked, the others in turn when it fails. Attempts give up within seconds.
    static func start(
        models providers: [TestProvider],
        on chats: Set<Chat> = [],
        killPoints: [String] = [],
        state: StateDirectory? = nil,
        model: ModelFake? = nil,
        change: (inout Gateway.Setup) -> Void = { _ in }
    ) async throws -> World {
        let state = try state ?? StateDirectory()
        let fake: ModelFake
        if let model { fake = model } else { fake = try await ModelFake(keys: providers.flatMap(\.keys)) }
        if providers.contains(where: { $0.keys.count > 1 }) {
            try state.makeDirectories("agents/main/agent")
            try state.write("agents/main/agent/auth-profiles.json", TestProvider.profiles(providers).text)
        }
        return try await start(on: chats, killPoints: killPoints, model: fake, state: state) { setup in
            var entries: [String: JSONValue] = [:]
            for provider in providers { entries[provider.name] = provider.entry(fake.root) }
            let names = providers.map { JSONValue.string($0.model) }
            setup.environment["ANTHROPIC_API_KEY"] = nil
            setup.config = setup.config?.with("models", "providers", value: .object(entries))
                .with("agents", "defaults", "model", "primary", value: names.first ?? .null)
                .with("agents", "defaults", "model", "fallbacks", value: .array(Array(names.dropFirst())))
            setup.ownConfig = (setup.ownConfig ?? [:]).with(
                "models",
                "timeouts",
                value: ["connectMs": 1500, "headMs": 2000, "firstContentMs": 2000, "idleMs": 1500, "totalMs": 20000]
            )
            change(&setup)
        }
    }

    /// A WebSocket client that may do everything.
    func client() async throws -> WebSocketClient {
        try await WebSocketClient.connected(to: gateway.port, token: Gateway.token)
    }

    /// The rows of the ledger; the gateway must have stopped.
    func ledger() async throws -> [JSONValue] { try await JournalRows(gateway.state).ledger }
}
