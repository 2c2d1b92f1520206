/// One of the servers in Tests/peers and its control side, which is asked with JSON.
struct FakeServer: Sendable {
    let process: ChildProcess
    let port: UInt16

    init(_ script: String, _ arguments: [String]) async throws {
        (process, port) = try await Peers.shared.start(script, arguments)
    }

    var root: String { "http://127.0.0.1:\(port)" }

    @discardableResult
    func post(_ path: String, _ body: JSONValue, within seconds: Double = 30) async throws -> JSONValue {
        let answer = try await HTTP.post(port, "/control/" + path, body, within: seconds)
        guard answer.status == 200 else { throw TestFailure("/control/\(path) of \(body.text): \(answer.text)") }
        return try JSONValue(answer.body)
    }

    func get(_ path: String, within seconds: Double = 10) async throws -> JSONValue {
        try JSONValue(try await HTTP.get(port, "/control/" + path, within: seconds).body)
    }

    /// A list from index `index` on; waits until there is something in it. `query`: what picks its rows.
    func rows(_ list: String, from index: Int, within seconds: Double, _ query: String = "") async throws -> [JSONValue]
    {
        try await get("\(list)?after=\(index)&wait=\(seconds)\(query)", within: seconds + 10).array
    }
}
