/// Where state and configuration are (rules of OpenClaw, with an explicit state directory never falling through to the home).
package struct StatePaths: Sendable, Equatable {
    /// Absolute, without a slash at its end.
    package var stateDirectory: String
    /// Absolute; the file need not exist.
    package var configPath: String
    /// The home that `~` stands for; empty when there is none.
    package var home: String

    /// `clawhold.json`, beside `openclaw.json`'s state.
    package var ownConfigPath: String { stateDirectory + "/clawhold.json" }
    /// Copies of the files that were last in force.
    package var acceptedDirectory: String { stateDirectory + "/clawhold" }

    package init(stateDirectory: String, configPath: String, home: String = "") {
        self.stateDirectory = stateDirectory
        self.configPath = configPath
        self.home = home
    }

    /// Resolves both from the environment.
    ///
    /// `profile` is that of `--profile` or `--dev`; variables that are set explicitly win over it. `userHome` is the home of the user
    /// database, for an environment without HOME.
    package static func resolve(
        environment: Environment,
        profile: String? = nil,
        userHome: String = "",
        currentDirectory: String,
        files: some FileReading
    ) -> StatePaths {
        let home = environment["OPENCLAW_HOME"] ?? environment["HOME"] ?? userHome
        func absolute(_ path: String) -> String { Self.absolute(path, home: home, currentDirectory: currentDirectory) }

        let state: String
        let stateIsGiven: Bool
        if let given = environment.branded("STATE_DIR") {
            (state, stateIsGiven) = (absolute(given), true)
        } else if let profile = profile ?? environment["OPENCLAW_PROFILE"], profile != "default" {
            (state, stateIsGiven) = (absolute("~/.openclaw-\(profile)"), true)
        } else {
            let candidates = [".openclaw", ".clawdbot", ".moldbot", ".moltbot"].map { absolute("~/\($0)") }
            (state, stateIsGiven) = (candidates.first(where: files.isDirectory) ?? candidates[0], false)
        }
        if let given = environment.branded("CONFIG_PATH") {
            return StatePaths(stateDirectory: state, configPath: absolute(given), home: home)
        }
        let names = ["openclaw.json", "clawdbot.json", "moldbot.json", "moltbot.json"]
        var candidates = names.map { "\(state)/\($0)" }
        if !stateIsGiven {
            for directory in [".openclaw", ".clawdbot", ".moldbot", ".moltbot"] {
                candidates += names.map { absolute("~/\(directory)/\($0)") }
            }
        }
        let config = candidates.first(where: files.exists) ?? "\(state)/openclaw.json"
        return StatePaths(stateDirectory: state, configPath: config, home: home)
    }

    /// Makes a path absolute: `~` is the home, `.` and `..` are resolved by text.
    package static func absolute(_ path: String, home: String, currentDirectory: String) -> String {
        var text = path
        if text == "~" || text.hasPrefix("~/") { text = home + text.dropFirst() }
        if !text.hasPrefix("/") { text = currentDirectory + "/" + text }
        var parts: [Substring] = []
        for part in text.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}
