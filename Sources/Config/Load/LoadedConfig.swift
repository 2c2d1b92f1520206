/// A configuration as it is in force: both files, substituted and checked.
package struct LoadedConfig: Sendable {
    /// `openclaw.json`; an empty object without a file.
    package var root: ConfigValue
    /// `clawhold.json`.
    package var own: ConfigValue
    package var paths: StatePaths
    /// The environment with all its lower sources.
    package var environment: Environment
    package var state: ConfigFileState.State
    /// Why the file as a whole cannot be used; empty when it can.
    package var error: String
    package private(set) var problems: [ConfigProblem]
    private var wrong: [ConfigPath]
    private var wrongOwn: [ConfigPath]

    init(
        root: ConfigValue,
        own: ConfigValue,
        paths: StatePaths,
        environment: Environment,
        state: ConfigFileState.State,
        error: String
    ) {
        self.root = root
        self.own = own
        self.paths = paths
        self.environment = environment
        self.state = state
        self.error = error
        problems = []
        (wrong, wrongOwn) = ([], [])
        var check = ConfigCheck()
        check.check(root, OpenClawSchema.root)
        SemanticCheck.run(root, &check)
        take(check)
        var checkOwn = ConfigCheck()
        checkOwn.check(own, ClawholdSchema.root)
        takeOwn(checkOwn)
    }

    /// Whether nothing at this place or below it is wrong. `except` names keys directly below that do not count.
    package func isSound(_ path: ConfigPath, except: Set<String> = []) -> Bool {
        !wrong.contains { place in
            guard place.isWithin(path) else { return path.isWithin(place) }
            return place.parts.count == path.parts.count || !except.contains(place.parts[path.parts.count])
        }
    }

    /// The same for `clawhold.json`.
    package func isOwnSound(_ path: ConfigPath) -> Bool {
        !wrongOwn.contains { $0.isWithin(path) || path.isWithin($0) }
    }

    /// The value at a place of `openclaw.json`, unless it is wrong.
    package func value(_ path: ConfigPath) -> ConfigValue? {
        isSound(path) ? Self.find(path, in: root) : nil
    }

    /// The value at a place of `clawhold.json`, unless it is wrong.
    package func ownValue(_ path: ConfigPath) -> ConfigValue? {
        isOwnSound(path) ? Self.find(path, in: own) : nil
    }

    /// The value at a place whose parts may be wrong one by one; the caller asks `isSound` for each.
    package func anyValue(_ path: ConfigPath) -> ConfigValue? { Self.find(path, in: root) }

    /// The same for `clawhold.json`.
    package func anyOwnValue(_ path: ConfigPath) -> ConfigValue? { Self.find(path, in: own) }

    /// Problems that are kept; each is a log line and part of the gateway's configuration.
    package static var problemLimit: Int { 250 }

    /// Adds something that only the plan could find out.
    package mutating func report(_ problem: ConfigProblem) {
        guard problems.count < Self.problemLimit else { return }
        var problem = problem
        (problem.path, problem.text) = (Self.shown(problem.path), Self.shown(problem.text))
        problem.disables = Self.shown(problem.disables)
        problems.append(problem)
    }

    /// Steps down the tree; a number steps into an array.
    package static func find(_ path: ConfigPath, in root: ConfigValue) -> ConfigValue? {
        var value = root
        for part in path.parts {
            if let array = value.array {
                guard let index = Int(part), array.indices.contains(index) else { return nil }
                value = array[index]
            } else {
                guard let next = value[part] else { return nil }
                value = next
            }
        }
        return value
    }

    private mutating func take(_ check: ConfigCheck) {
        wrong = check.wrong
        for finding in check.findings {
            let owner = finding.kind == .wrong ? ConfigOwner.name(of: finding.path) : ""
            report(.init(path: "\(finding.path)", line: finding.line, text: finding.text, disables: owner))
        }
        if check.dropped > 0 {
            report(ConfigProblem(path: "", line: 0, text: "\(check.dropped) further problems are not listed"))
        }
    }

    private mutating func takeOwn(_ check: ConfigCheck) {
        wrongOwn = check.wrong
        for finding in check.findings {
            let owner = finding.kind == .wrong ? ConfigOwner.nameOwn(of: finding.path) : ""
            let path = "clawhold.json: \(finding.path)"
            report(.init(path: path, line: finding.line, text: finding.text, disables: owner))
        }
    }

    /// Keys are the user's: nothing of them may break a log line.
    private static func shown(_ text: String) -> String {
        let scalars = text.unicodeScalars.prefix(500).map { scalar -> Unicode.Scalar in
            scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value) ? "?" : scalar
        }
        return String(String.UnicodeScalarView(scalars))
    }
}
