internal import Config

/// Where programs are found.
enum ProgramPath {
    /// PATH as foreign programs get it.
    static func variable(_ config: LoadedConfig) -> String {
        config.environment["PATH"] ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    }

    /// The absolute path of a command: as given, or in the first directory of PATH that has it; nil: nowhere.
    static func find(_ program: String, _ config: LoadedConfig, _ files: some FileReading) -> String? {
        if program.contains("/") {
            let path = StatePaths.absolute(
                program,
                home: config.paths.home,
                currentDirectory: config.paths.stateDirectory
            )
            return files.exists(path) && !files.isDirectory(path) ? path : nil
        }
        return variable(config).split(separator: ":").lazy
            .filter { $0.hasPrefix("/") }
            .map { "\($0)/\(program)" }
            .first { files.exists($0) }
    }
}
