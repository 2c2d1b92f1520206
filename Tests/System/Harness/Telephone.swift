import IPCControl
import TestSupport

/// A telephone provider's fake, a gateway's voice worker that uses it, and what people do with telephones.
final class Telephone: Sendable {
    enum Provider: String, CaseIterable, Sendable {
        case twilio, telnyx

        /// What it calls the end of a call that somebody hung up.
        var hungUp: String { self == .twilio ? "completed" : "normal_clearing" }
        /// What it calls saying something.
        var says: String { self == .twilio ? "Say" : "speak" }
    }

    static let worker = "channel:voice-call:default"
    static let account = "AC0123456789abcdef0123456789abcdef"
    static let token = "9d1f7c2a4b6e8d0f-twilio-test"
    static let key = "KEY0199-telnyx-test"
    static let connection = "1494404757140276705"
    /// Our own number, and the one person who may call it.
    static let own = "+15550001234"
    static let ada = "+4915123456789"
    static let url = "https://voice.example/voice/webhook"

    let provider: Provider
    let server: FakeServer
    /// Where the worker listens; public addresses lead there.
    let port: UInt16

    /// - Parameter scale: what time of people is multiplied by.
    init(_ provider: Provider = .twilio, scale: Double = 0.02) async throws {
        self.provider = provider
        port = try Socket.freePort()
        let secrets =
            switch provider {
            case .twilio: ["--account", Self.account, "--token", Self.token]
            case .telnyx: ["--key", Self.key, "--connection", Self.connection]
            }
        server = try await FakeServer("\(provider.rawValue)_fake.py", secrets + ["--scale", "\(scale)"])
        try await server.post("target", ["url": .string("http://127.0.0.1:\(port)")])
        let url = JSONValue.string(Self.url)
        try await server.post("number", ["url": url, "fallback": url, "status": url])
    }

    /// Puts the plugin's settings into a gateway's configuration. `more` stands in `config`; a null takes a key out.
    func configure(_ setup: inout Gateway.Setup, _ more: [String: JSONValue] = [:]) async throws {
        var config: [String: JSONValue] = [
            "provider": .string(provider.rawValue), "fromNumber": .string(Self.own), "publicUrl": .string(Self.url),
            "serve": ["port": .integer(Int64(port))], "inboundPolicy": "allowlist", "allowFrom": [.string(Self.ada)],
            "inboundGreeting": "Clawhold here.", "outbound": ["notifyHangupDelaySec": 1],
        ]
        switch provider {
        case .twilio:
            config["twilio"] = ["accountSid": .string(Self.account)]
            setup.environment["TWILIO_AUTH_TOKEN"] = Self.token
        case .telnyx:
            config["telnyx"] = ["connectionId": .string(Self.connection), "publicKey": try await server.get("key")]
            setup.environment["TELNYX_API_KEY"] = Self.key
        }
        for (key, value) in more { config[key] = value == .null ? nil : value }
        setup.config = (setup.config ?? [:]).with(
            "plugins",
            "entries",
            "voice-call",
            value: ["enabled": true, "config": .object(config)]
        )
        setup.ownConfig = (setup.ownConfig ?? [:]).with("voice", "apiRoot", value: .string(server.root))
    }

    /// A gateway with telephone calls.
    func world(
        on chats: Set<Chat> = [],
        _ more: [String: JSONValue] = [:],
        killPoints: [String] = [],
        change: (inout Gateway.Setup) -> Void = { _ in }
    ) async throws -> World {
        let model = try await ModelFake()
        var base = World.setup(model: model.root)
        try await configure(&base, more)
        let voice = base
        let world = try await World.start(on: chats, killPoints: killPoints, model: model) { setup in
            setup.config = setup.config?.with("plugins", value: voice.config?["plugins"] ?? [:])
            setup.ownConfig = (setup.ownConfig ?? [:]).with("voice", value: voice.ownConfig?["voice"] ?? [:])
            setup.environment.merge(voice.environment) { $1 }
            change(&setup)
        }
        try await ready(world)
        return world
    }

    /// Returns once the worker runs and its webhook listens, which comes a moment later.
    func ready(_ world: World, within seconds: Double = 60) async throws {
        try await world.gateway.worker(Self.worker, within: seconds)
        try await eventually(within: seconds, "nobody listens on \(port):\n\(world.gateway.process.tail())") {
            let port = port
            return try await blocking { (try? Socket.tcp(port)) != nil }
        }
    }

    // MARK: People

    /// Somebody calls us; the provider's name of the call. Of `says`, one is said each time that we listen.
    func call(from number: String = ada, says: [JSONValue] = [], hangsUp: Bool = true) async throws -> String {
        let call: JSONValue = ["from": .string(number), "says": .array(says), "hangup": .bool(hangsUp)]
        guard let sid = try await server.post("call", call)["sid"]?.string else { throw TestFailure("no call") }
        return sid
    }

    /// How the next one that we call behaves.
    func answer(_ mode: String = "answered", says: [JSONValue] = [], hangsUp: Bool = false) async throws {
        try await server.post("answer", ["mode": .string(mode), "says": .array(says), "hangup": .bool(hangsUp)])
    }

    func say(_ text: String, in sid: String) async throws {
        try await server.post("say", ["call": .string(sid), "text": .string(text)])
    }

    // MARK: What became of it

    /// What was heard in a call so far.
    func heard(_ sid: String) async throws -> [String] {
        try await server.rows("heard", from: 0, within: 0, "&call=\(sid)&verb=\(provider.says)").compactMap {
            $0["text"]?.string
        }
    }

    /// Returns once something that contains `words` was heard.
    @discardableResult
    func heard(_ words: String, in sid: String, within seconds: Double = 30) async throws -> String {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var texts: [String] = []
        while true {
            let left = max(0, (deadline - .now) / .seconds(1))
            let query = "&call=\(sid)&verb=\(provider.says)"
            let rows = try await server.rows("heard", from: texts.count, within: left, query)
            texts += rows.map { $0["text"]?.string ?? "" }
            if let found = texts.suffix(rows.count).first(where: { $0.contains(words) }) { return found }
            if left <= 0 { throw TestFailure("“\(words)” was not heard within \(seconds) s: \(texts)") }
        }
    }

    /// The call once it is over.
    func ended(_ sid: String, within seconds: Double = 30) async throws -> JSONValue {
        let call = try await server.get("ended?call=\(sid)&wait=\(seconds)", within: seconds + 5)
        guard call["end_time"]?.string != nil else { throw TestFailure("not over within \(seconds) s: \(call.text)") }
        return call
    }

    /// Every call there was, oldest first.
    var calls: [JSONValue] { get async throws { try await server.get("calls").array } }

    /// Returns once there are so many calls; the last one's name.
    func sid(ofCall number: Int = 1, within seconds: Double = 20) async throws -> String {
        try await eventually(within: seconds, "there is no call \(number)") { try await calls.count >= number }
        guard let sid = try await calls[number - 1]["sid"]?.string else { throw TestFailure("a call without a name") }
        return sid
    }

    /// Our requests, with their forms.
    var requests: [JSONValue] { get async throws { try await server.rows("rest", from: 0, within: 0) } }

    /// How often we asked for a call.
    var dialled: Int {
        get async throws {
            let path =
                provider == .twilio ? "/2010-04-01/Accounts/\(Self.account)/Calls.json" : "/v2/calls"
            return try await requests.filter { $0["path"]?.string == path && $0["method"] == "POST" }.count
        }
    }

    var violations: [JSONValue] { get async throws { try await server.get("state")["violations"]?.array ?? [] } }

    /// The provider's own library compares what we sent with what it sends; what it compared.
    func judged() async throws -> String {
        let secrets = provider == .twilio ? [Self.account, Self.token] : [Self.key, Self.connection]
        let judge = try ChildProcess(
            [
                try await Peers.shared.interpreter(), Place.root + "/Tests/peers/voice_judge.py", provider.rawValue,
                server.root,
            ] + secrets,
            environment: ["PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"]
        )
        guard try await judge.ended(within: 60) == 0, let line = judge.lines.items.last else {
            throw TestFailure("the judge found a difference:\n\(judge.tail())")
        }
        return line
    }

    // MARK: Our side of a call

    /// The gateway's record of a call, by our name or the provider's; nil: none.
    static func record(_ client: WebSocketClient, _ id: String) async throws -> JSONValue? {
        let answer = try await client.request("voicecall.status", ["callId": .string(id)])
        guard let payload = answer["payload"] else { throw TestFailure("voicecall.status: \(answer.text)") }
        return payload["found"]?.bool == true ? payload["call"] : nil
    }

    /// The record once it is in one of these states.
    static func record(
        _ client: WebSocketClient,
        _ id: String,
        in states: Set<String>,
        within seconds: Double = 20
    ) async throws -> JSONValue {
        var found: JSONValue?
        try await eventually(within: seconds, "\(id) is in none of \(states): \(found?.text ?? "no record")") {
            found = try await record(client, id)
            return states.contains(found?["state"]?.string ?? "")
        }
        return found ?? .null
    }

    /// Every state that a call ends in.
    static let ends: Set<String> = [
        "completed", "hangup-user", "hangup-bot", "timeout", "error", "failed", "no-answer", "busy", "voicemail",
    ]
}
