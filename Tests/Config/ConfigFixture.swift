import Config

/// Files in memory.
struct MemoryFiles: FileReading {
    var texts: [String: String] = [:]

    func read(_ path: String, limit: Int) -> FileContent {
        guard let text = texts[path] else { return .missing }
        return .bytes([UInt8](text.utf8))
    }

    func isDirectory(_ path: String) -> Bool { texts.keys.contains { $0.hasPrefix(path + "/") } }
}

/// Loads `/s/openclaw.json` and what stands beside it.
func loaded(_ texts: [String: String], environment: [String: String] = [:]) -> ConfigLoader.Result {
    ConfigLoader.load(
        paths: StatePaths(stateDirectory: "/s", configPath: "/s/openclaw.json", home: "/h"),
        environment: Environment(environment),
        files: MemoryFiles(texts: texts)
    )
}
