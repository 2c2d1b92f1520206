import Glibc
import IPCControl

/// The model provider's fake, and what a test does on its side.
final class ModelFake: Sendable {
    static let key = "sk-ant-test"
    let port: UInt16
    private let process: ChildProcess

    init() async throws {
        (process, port) = try await Peers.shared.start("model_fake.py", ["--key", Self.key])
    }

    var root: String { "http://127.0.0.1:\(port)" }

    /// The next calls fail; see model_fake.py.
    func fault(_ fault: JSONValue) async throws { try await control("fault", fault) }

    /// The requests from index `index` on; waits until there is one.
    func calls(from index: Int = 0, within seconds: Double = 0) async throws -> [JSONValue] {
        let answer = try await HTTP.get(port, "/control/calls?after=\(index)&wait=\(seconds)", within: seconds + 5)
        return try JSONValue(answer.body).array
    }

    /// `pace`, `hold`, `release`, `clear-faults`.
    func control(_ path: String, _ body: JSONValue = [:]) async throws {
        _ = try await HTTP.post(port, "/control/" + path, body)
    }
}

/// A gateway between a Bot API and a model provider.
final class World: Sendable {
    static let telegramWorker = "channel:telegram:default"
    static let agentWorker = "agent:main"
    static let modelWorker = "model:anthropic"
    /// The one person who may talk.
    static let chat: Int64 = 42

    let telegram: BotAPI
    let model: ModelFake
    let gateway: Gateway

    private init(telegram: BotAPI, model: ModelFake, gateway: Gateway) {
        self.telegram = telegram
        self.model = model
        self.gateway = gateway
    }

    static func start(
        killPoints: [String] = [],
        telegram: BotAPI? = nil,
        model: ModelFake? = nil,
        state: StateDirectory? = nil,
        change: (inout Gateway.Setup) -> Void = { _ in }
    ) async throws -> World {
        let telegram = if let telegram { telegram } else { try await BotAPI() }
        let model = if let model { model } else { try await ModelFake() }
        var setup = Self.setup(telegram: telegram.root, model: model.root)
        setup.killPoints = killPoints
        change(&setup)
        let gateway = try await Gateway.start(setup, in: state)
        return World(telegram: telegram, model: model, gateway: gateway)
    }

    static func setup(telegram: String, model: String) -> Gateway.Setup {
        Gateway.Setup(
            config: [
                "channels": [
                    "telegram": ["apiRoot": .string(telegram), "dmPolicy": "allowlist", "allowFrom": [.integer(chat)]]
                ],
                "models": ["providers": ["anthropic": ["baseUrl": .string(model)]]],
                "agents": ["defaults": ["model": ["primary": "anthropic/claude-test"]]],
            ],
            environment: ["TELEGRAM_BOT_TOKEN": BotAPI.token, "ANTHROPIC_API_KEY": ModelFake.key]
        )
    }

    /// Writes by Telegram and returns the answer's text. `from` is how many messages the bot had sent before.
    func ask(_ text: String, within seconds: Double = 30) async throws -> String {
        let before = try await telegram.sent(from: 0, within: 0).count
        try await telegram.write(text, chat: Self.chat)
        do {
            let sent = try await telegram.sent(count: before + 1, within: seconds)
            return sent[before]["text"]?.string ?? ""
        } catch {
            throw TestFailure("\(error)\nthe gateway said:\n\(gateway.process.tail())")
        }
    }

    /// Everything the bot has said to somebody's message, by a word that only it contains.
    func answers(to word: String) async throws -> [String] {
        try await telegram.sent(from: 0, within: 0).compactMap { $0["text"]?.string }.filter { $0.contains(word) }
    }

    /// The texts that the journal of a stopped gateway marks as possible duplicates.
    func markedTexts() async throws -> [String] {
        guard let journal = try gateway.state.paths(endingWith: "journal.sqlite").first else {
            throw TestFailure("no journal below \(gateway.state.path)")
        }
        let question =
            "import sqlite3, sys, json; print(json.dumps([r[0] for r in sqlite3.connect(sys.argv[1]).execute("
            + "'SELECT text FROM outbox WHERE possible_duplicate = 1')]))"
        let reader = try ChildProcess([try await Peers.shared.interpreter(), "-c", question, journal])
        guard try await reader.ended() == 0, let line = await reader.lines.first(where: { _ in true }) else {
            throw TestFailure("the journal cannot be read:\n\(reader.tail())")
        }
        return try JSONValue(line.utf8).array.compactMap(\.string)
    }

    /// All lines of all transcripts.
    func transcript() throws -> [JSONValue] {
        try gateway.state.files(endingWith: ".jsonl").values.flatMap { text in
            try text.split(separator: "\n").map { try JSONValue($0.utf8) }
        }
    }

    /// Transcript messages of a role that contain `word`.
    func transcript(_ role: String, containing word: String) throws -> [JSONValue] {
        try transcript().filter { $0["message"]?["role"]?.string == role && $0.text.contains(word) }
    }
}
