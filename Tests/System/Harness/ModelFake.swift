/// The model provider's fake, and what a test does on its side.
final class ModelFake: Sendable {
    static let key = "sk-ant-test"
    private let server: FakeServer

    init() async throws {
        server = try await FakeServer("model_fake.py", ["--key", Self.key])
    }

    var root: String { server.root }

    /// The next calls fail; see model_fake.py.
    func fault(_ fault: JSONValue) async throws { try await control("fault", fault) }

    /// The requests from index `index` on; waits until there is one.
    func calls(from index: Int = 0, within seconds: Double = 0) async throws -> [JSONValue] {
        try await server.rows("calls", from: index, within: seconds)
    }

    /// `pace`, `hold`, `release`, `clear-faults`.
    func control(_ path: String, _ body: JSONValue = [:]) async throws {
        try await server.post(path, body)
    }
}
