/// Commands as the state's owner types them.
enum Terminal {
    /// Exit code, and what it printed.
    static func type(_ world: World, _ words: String...) async throws -> (code: Int32, text: String) {
        let process = try run(world, words)
        let code = try await process.ended(within: 60)
        return (code, process.lines.items.joined(separator: "\n"))
    }

    /// The same with `--json`; throws when it fails.
    static func json(_ world: World, _ words: String...) async throws -> JSONValue {
        let process = try run(world, words + ["--json"])
        guard try await process.ended(within: 60) == 0 else { throw TestFailure("\(words): \(process.tail())") }
        return try JSONValue(process.lines.items.joined(separator: "\n").utf8)
    }

    private static func run(_ world: World, _ words: [String]) throws -> ChildProcess {
        try ChildProcess(
            [try Place.executable()] + words + ["--state-dir", world.gateway.state.path],
            environment: ["PATH": "/usr/bin:/bin", "HOME": "/tmp"]
        )
    }
}
