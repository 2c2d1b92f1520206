/// Reads both configuration files.
///
/// Nothing here fails: whatever is wrong costs its smallest part, and the result says what that was.
package enum ConfigLoader {
    /// A configuration, and the bytes to keep as the last accepted ones, by file name (`openclaw.json`, `clawhold.json`).
    package struct Result: Sendable {
        package var config: LoadedConfig
        package var accepted: [String: [UInt8]]
    }

    /// `environment` already holds the process's variables and the `.env` of the working directory.
    package static func load(paths: StatePaths, environment: Environment, files: some FileReading) -> Result {
        var environment = environment
        if case .bytes(let bytes) = files.read(paths.stateDirectory + "/.env", limit: DotEnv.limit) {
            environment.add(DotEnv.parse(bytes), replacingBlank: false)
        }
        let main = ConfigFile.read(paths.configPath, accepted: "accepted-openclaw.json", paths: paths, files: files)
        let own = ConfigFile.read(paths.ownConfigPath, accepted: "accepted-clawhold.json", paths: paths, files: files)
        environment.add(environmentBlock(main.root), replacingBlank: true)
        var config = LoadedConfig(
            root: Substitution.apply(main.root, environment: environment),
            own: Substitution.apply(own.root, environment: environment),
            paths: paths,
            environment: environment,
            state: main.state,
            error: main.error
        )
        if !own.error.isEmpty {
            config.report(ConfigProblem(path: "clawhold.json", line: own.errorLine, text: own.error))
        }
        var accepted: [String: [UInt8]] = [:]
        accepted["openclaw.json"] = main.acceptable
        accepted["clawhold.json"] = own.acceptable
        return Result(config: config, accepted: accepted)
    }

    /// `env.<NAME>` and `env.vars.<NAME>`.
    private static func environmentBlock(_ root: ConfigValue) -> [String: String] {
        var values: [String: String] = [:]
        for source in [root["env"], root["env"]?["vars"]] {
            for member in source?.object?.members ?? [] {
                if let text = member.value.string { values[member.key] = text }
            }
        }
        return values
    }
}

/// One configuration file, or what stands in for it.
struct ConfigFile {
    /// An object, never anything else.
    var root = ConfigValue(.object(ConfigObject()))
    var state = ConfigFileState.State.missing
    var error = ""
    var errorLine = 0
    /// What was read, when it is to be kept.
    var acceptable: [UInt8]?

    static func read(_ path: String, accepted: String, paths: StatePaths, files: some FileReading) -> ConfigFile {
        var file = ConfigFile()
        switch files.read(path, limit: JSON5Limits().size) {
        case .missing: return file
        case .failed(let reason):
            file.error = "\(path) cannot be read: \(reason)"
        case .bytes(let bytes):
            do {
                file.root = try object(bytes, path, files)
                file.state = .accepted
                file.acceptable = bytes
                return file
            } catch {
                file.errorLine = Int(error.position.line)
                file.error = "\(path) cannot be used: JSON5 parse failed: \(error)"
            }
        }
        // The last accepted file, if there is one; where it was read from matters for its includes.
        file.state = .unusable
        if case .bytes(let bytes) = files.read("\(paths.acceptedDirectory)/\(accepted)", limit: JSON5Limits().size),
            let root = try? object(bytes, path, files)
        {
            file.root = root
            file.state = .lastAccepted
        }
        return file
    }

    private static func object(
        _ bytes: [UInt8],
        _ path: String,
        _ files: some FileReading
    ) throws(JSON5Error) -> ConfigValue {
        let value = try JSON5Parser.parse(bytes)
        guard value.object != nil else {
            throw JSON5Error(at: value.position, "the file must hold an object in braces, not \(value.kindName)")
        }
        let root = Includes(files: files).resolve(value, file: path)
        if case .broken(let reason) = root.kind { throw JSON5Error(at: value.position, reason) }
        guard root.object != nil else {
            throw JSON5Error(at: value.position, "$include must give an object, not \(root.kindName)")
        }
        return root
    }
}
