internal import Config
internal import IPCControl

/// The foreign programs that `clawhold.json` names. One that is not as it should be stays off, with a problem that says
/// where and why; the others run.
struct Sidecars {
    /// A typing error must not start a thousand programs.
    static let limit = 32
    /// Variables that every program gets where they are set; everything else it must name. HOME comes from the
    /// supervisor, who knows whether the program has a user of its own.
    private static let ordinary = ["LANG", "TZ"]
    /// The supervisor's own talk with whoever started it: a program that got it could speak in its name.
    private static let neverCopied: Set<String> = [
        "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
    ]

    private(set) var drafts: [WorkerDraft] = []
    private(set) var problems: [ConfigProblem] = []

    init(_ config: LoadedConfig, files: some FileReading) {
        let members = config.anyOwnValue(["sidecars"])?.object?.members ?? []
        for member in members.prefix(Self.limit) {
            // What is wrong by its shape alone has its problem already.
            guard config.isOwnSound(["sidecars", member.key]), member.value["enabled"]?.bool != false else { continue }
            do {
                drafts.append(try Self.draft(member, config, files))
            } catch {
                problems.append(error.problem(of: member))
            }
        }
        for member in members.dropFirst(Self.limit) {
            problems.append(Refusal("is one too many: at most \(Self.limit) sidecars are run").problem(of: member))
        }
    }

    /// Why a sidecar stays off.
    private struct Refusal: Error {
        var text: String
        var key: String
        var value: ConfigValue?

        init(_ text: String, _ key: String = "", _ value: ConfigValue? = nil) {
            (self.text, self.key, self.value) = (text, key, value)
        }

        func problem(of member: ConfigObject.Member) -> ConfigProblem {
            let path: ConfigPath = ["sidecars", member.key]
            return ConfigProblem(
                path: "clawhold.json: \(key.isEmpty ? path : path + key)",
                line: Int((value?.position ?? member.position).line),
                text: text,
                disables: "sidecar:\(member.key.prefix(60))"
            )
        }
    }

    private static func draft(
        _ member: ConfigObject.Member,
        _ config: LoadedConfig,
        _ files: some FileReading
    ) throws(Refusal) -> WorkerDraft {
        guard !member.key.contains(":"), member.key.utf8.count <= 60, let id = WorkerID("sidecar:\(member.key)") else {
            throw Refusal("needs a name of small letters, digits, \"-\", \"_\" and \".\", 60 at most")
        }
        let path: ConfigPath = ["sidecars", member.key]
        var draft = WorkerDraft(id: id, budget: .of(id, config: config, extra: path + "memory"))
        draft.arguments = try command(member.value["command"], config, files)
        try setVariables(of: member.value["env"], config, &draft)
        draft.uid = member.value["user"]?.string ?? "own"
        draft.restart = member.value["restart"]?.string ?? "always"
        draft.ready = try ready(member.value["ready"])
        guard draft.blocks().allSatisfy({ (try? $0.encoded()) != nil }) else {
            throw Refusal("is too large: command and env together may have 64 KiB, each word of them 32 KiB")
        }
        return draft
    }

    private static func command(
        _ value: ConfigValue?,
        _ config: LoadedConfig,
        _ files: some FileReading
    ) throws(Refusal) -> [String] {
        var words = value?.array?.compactMap(\.string) ?? []
        if let text = value?.string {
            do {
                words = try CommandText.split(text)
            } catch {
                throw Refusal(error.text, "command", value)
            }
        }
        guard let program = words.first, !program.isEmpty else {
            throw Refusal("needs a command: \"program argument\" or [\"program\", \"argument\"]", "command", value)
        }
        guard words.count <= 200 else { throw Refusal("has more than 200 words", "command", value) }
        guard !words.contains(where: { $0.utf8.contains(0) }) else { throw Refusal("holds a NUL", "command", value) }
        guard let executable = ProgramPath.find(program, config, files) else {
            let place = program.contains("/") ? "there is no such file" : "it is in no directory of PATH"
            throw Refusal(
                "\(program.prefix(80)) is not installed: \(place). Install it, then:  clawhold reload",
                "command",
                value
            )
        }
        return [executable] + words.dropFirst()
    }

    /// `env` is an object of values, or a list of names whose values are copied. What is secret by its name travels as
    /// a secret: its value is kept out of the log.
    private static func setVariables(
        of value: ConfigValue?,
        _ config: LoadedConfig,
        _ draft: inout WorkerDraft
    ) throws(Refusal) {
        var variables = ["PATH": ProgramPath.variable(config)]
        for name in ordinary { variables[name] = config.environment.values[name] }
        for member in value?.object?.members ?? [] {
            guard isName(member.key) else { throw Refusal(badName(member.key), "env", value) }
            guard let text = member.value.string, !text.utf8.contains(0) else {
                throw Refusal("\(member.key) holds a NUL", "env", member.value)
            }
            variables[member.key] = text
        }
        for element in value?.array ?? [] {
            guard let name = element.string, isName(name) else {
                throw Refusal(badName(element.string ?? ""), "env", element)
            }
            if !neverCopied.contains(name) { variables[name] = config.environment.values[name] ?? variables[name] }
        }
        guard variables.count <= 200 else { throw Refusal("has more than 200 variables", "env", value) }
        for (name, text) in variables.sorted(by: { $0.key < $1.key }) {
            if isSecret(name) {
                draft.secrets.append((name: name, value: text))
            } else {
                draft.environment.append("\(name)=\(text)")
            }
        }
    }

    private static func badName(_ name: String) -> String {
        "\"\(name.prefix(60))\" is no name of a variable (letters, digits and \"_\", no digit first)"
    }

    private static func isName(_ name: String) -> Bool {
        guard let first = name.first, !first.isNumber, name.utf8.count <= 200 else { return false }
        return name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
    }

    private static func isSecret(_ name: String) -> Bool {
        let name = name.uppercased()
        return ["TOKEN", "KEY", "SECRET", "PASS", "CREDENTIAL", "AUTH"].contains { name.contains($0) }
    }

    private static func ready(_ value: ConfigValue?) throws(Refusal) -> WorkerDraft.ReadySign? {
        guard let value else { return nil }
        switch (value["line"]?.string, value["port"]?.integer) {
        case (let line?, nil):
            guard !line.isEmpty, line.utf8.count <= 1000, !line.contains(where: \.isNewline) else {
                throw Refusal("needs a text of one line, 1000 bytes at most", "ready", value)
            }
            return .line(line)
        case (nil, let port?): return .port(port)
        default: throw Refusal("needs either {line: \"text\"} or {port: 1234}", "ready", value)
        }
    }
}
