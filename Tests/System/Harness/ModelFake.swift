/// The model providers' fake, and what a test does on its side. One process is as many providers as a test wants.
final class ModelFake: Sendable {
    static let key = "sk-ant-test"
    private let server: FakeServer

    init(keys: [String] = [ModelFake.key]) async throws {
        server = try await FakeServer("model_fake.py", keys.flatMap { ["--key", $0] })
    }

    var root: String { server.root }
    var port: UInt16 { server.port }

    /// The next calls fail; see model_fake.py.
    func fault(_ fault: JSONValue) async throws { try await control("fault", fault) }

    /// The requests from index `index` on; waits until there is one.
    func calls(from index: Int = 0, within seconds: Double = 0) async throws -> [JSONValue] {
        try await server.rows("calls", from: index, within: seconds)
    }

    /// The requests so far to one provider, without their bodies.
    func calls(to provider: String) async throws -> [JSONValue] {
        try await server.rows("calls", from: 0, within: 0, "&brief=1").filter { $0["provider"]?.string == provider }
    }

    /// Returns when nothing is being answered any more, with all requests, without their bodies.
    func settled(within seconds: Double = 20) async throws -> [JSONValue] {
        guard try await server.get("idle?wait=\(seconds)", within: seconds + 5).bool == true else {
            throw TestFailure("the fake still answers after \(seconds) s")
        }
        return try await server.rows("calls", from: 0, within: 0, "&brief=1")
    }

    /// `pace`, `hold`, `release`, `clear-faults`, `keys`, `transcript`.
    func control(_ path: String, _ body: JSONValue = [:]) async throws {
        try await server.post(path, body)
    }
}
