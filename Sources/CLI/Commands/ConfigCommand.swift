internal import ArgumentParser
internal import Config
internal import IPCControl

/// `config file`, `config get`: what the files say, read by this command itself.
struct ConfigCommand: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "config",
            abstract: "Where the configuration is, and what it says.",
            subcommands: [File.self, Get.self]
        )
    }

    func run() throws {
        throw CleanExit.helpRequest(Self.self)
    }

    /// `config file`.
    struct File: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(abstract: "Prints the path of the configuration file.")
        }
        @OptionGroup var common: CommonOptions

        func run() throws {
            let path = ConfigCommand.paths(common).configPath
            Terminal.say(common.json ? JSONText.object([("path", .string(path))]) : path)
        }
    }

    /// `config get PATH`.
    struct Get: ParsableCommand {
        static var configuration: CommandConfiguration {
            CommandConfiguration(
                abstract: "Prints a value with includes and variables resolved; secrets inside an object are left out."
            )
        }
        @Argument(help: "Dotted, with [0] or .0 for elements: agents.list[0].id")
        var path: String
        @OptionGroup var common: CommonOptions

        func run() throws {
            let paths = ConfigCommand.paths(common)
            let environment = Environment(Discovery.processEnvironment())
            let config = ConfigLoader.load(paths: paths, environment: environment, files: DiskFiles()).config
            if !config.error.isEmpty { Terminal.complain(config.error) }
            guard let place = ConfigPathText.parse(path), let value = LoadedConfig.find(place, in: config.root) else {
                throw CommandFailure(text: "Config path not found: \(path)\nThe file is \(paths.configPath)")
            }
            if case .broken(let reason) = value.kind { throw CommandFailure(text: "\(path): \(reason)") }
            if !common.json, let text = value.string {
                Terminal.say(text)
            } else {
                Terminal.say(JSONWriter.text(SecretKeys.without(value), pretty: !common.json).trimmingNewline)
            }
        }
    }

    /// The running gateway's files when there is one, else those that a start would read.
    static func paths(_ common: CommonOptions) -> StatePaths {
        let discovery = common.discovery
        var paths = discovery.paths
        if let status = try? discovery.find().status, let state = status["STATE_DIR"],
            let config = status["CONFIG_PATH"]
        {
            (paths.stateDirectory, paths.configPath) = (state, config)
        }
        return paths
    }
}

/// Paths as they are typed: dots, brackets, a backslash before a dot that belongs to a key.
enum ConfigPathText {
    /// Nil when it is malformed.
    static func parse(_ text: String) -> ConfigPath? {
        var parts: [String] = []
        var part = ""
        var isEscaped = false
        var isInBracket = false
        for character in text {
            if isEscaped {
                part.append(character)
                isEscaped = false
                continue
            }
            switch character {
            case "\\": isEscaped = true
            case "." where !isInBracket:
                if part.isEmpty, parts.isEmpty { return nil }
                if !part.isEmpty { parts.append(part) }
                part = ""
            case "[" where !isInBracket:
                if !part.isEmpty { parts.append(part) }
                part = ""
                isInBracket = true
            case "]" where isInBracket:
                parts.append(part.trimmingQuotes)
                part = ""
                isInBracket = false
            default: part.append(character)
            }
        }
        guard !isEscaped, !isInBracket else { return nil }
        if !part.isEmpty { parts.append(part) }
        return parts.isEmpty || parts.contains("") ? nil : ConfigPath(parts)
    }
}

/// Values that are not shown to somebody who asked for the object around them.
enum SecretKeys {
    private static let endings = ["token", "password", "apikey", "secret", "accountsid", "authid"]

    static func without(_ value: ConfigValue) -> ConfigValue {
        var result = value
        switch value.kind {
        case .array(let elements): result.kind = .array(elements.map(without))
        case .object(let object):
            var clean = ConfigObject()
            for var member in object.members {
                let isSecret = endings.contains { member.key.lowercased().hasSuffix($0) } && member.value.string != nil
                member.value = isSecret ? ConfigValue(.string("__OPENCLAW_REDACTED__")) : without(member.value)
                clean.set(member)
            }
            result.kind = .object(clean)
        case .null, .bool, .number, .string, .broken: break
        }
        return result
    }
}

extension String {
    fileprivate var trimmingNewline: String { hasSuffix("\n") ? String(dropLast()) : self }

    fileprivate var trimmingQuotes: String {
        guard count >= 2, let first, first == last, "\"'".contains(first) else { return self }
        return String(dropFirst().dropLast())
    }
}
