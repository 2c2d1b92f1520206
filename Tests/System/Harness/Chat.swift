import Testing

/// The chat networks of the tests; what is promised of one is asked of each.
enum Chat: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case telegram, discord

    var worker: String { "channel:\(rawValue):default" }
    var testDescription: String { rawValue }
}

/// What people and the network itself do, on either network.
protocol ChatFake: Sendable {
    var server: FakeServer { get }

    /// The one person who may talk writes to the bot in private.
    func say(_ text: String) async throws
    /// The text of one row of `sent`.
    func text(_ row: JSONValue) -> String?
}

extension ChatFake {
    var root: String { server.root }
    var port: UInt16 { server.port }

    /// What the bot has sent from the message with this index on; waits until there is one.
    func sent(from index: Int, within seconds: Double) async throws -> [JSONValue] {
        try await server.rows("sent", from: index, within: seconds)
    }

    /// Everything the bot has sent, once there are `count` messages.
    func sent(count: Int, within seconds: Double = 30) async throws -> [JSONValue] {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(seconds)
        var all = try await sent(from: 0, within: 0)
        while all.count < count {
            let left = (deadline - clock.now) / .seconds(1)
            guard left > 0 else {
                throw TestFailure("\(all.count) of \(count) messages were sent within \(seconds) s: \(all.map(\.text))")
            }
            all += try await sent(from: all.count, within: left)
        }
        return all
    }

    /// Everything the bot has said so far that contains `word`.
    func answers(to word: String) async throws -> [String] {
        try await sent(from: 0, within: 0).compactMap(text).filter { $0.contains(word) }
    }

    /// Returns once something that the bot said contains `word`; nil when it does not come.
    func answer(to word: String, within seconds: Double) async throws -> String? {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var seen = 0
        while true {
            let left = (deadline - .now) / .seconds(1)
            let rows = try await sent(from: seen, within: max(0, left))
            if let found = rows.compactMap(text).first(where: { $0.contains(word) }) { return found }
            seen += rows.count
            if left <= 0 { return nil }
        }
    }

    func state() async throws -> JSONValue { try await server.get("state") }

    /// The next calls fail; see `Fault` of the fake.
    func fault(_ fault: JSONValue) async throws { try await server.post("fault", fault) }

    @discardableResult
    func control(_ path: String, _ body: JSONValue = [:]) async throws -> JSONValue {
        try await server.post(path, body)
    }
}
