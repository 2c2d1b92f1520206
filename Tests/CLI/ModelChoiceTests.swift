import Config
import Glibc
import Testing

@testable import CLI

@Suite("Choosing a model at the terminal")
struct ModelChoiceTests {
    private struct Files: FileReading {
        var texts: [String: String]

        func read(_ path: String, limit: Int) -> FileContent {
            texts[path].map { .bytes(Array($0.utf8)) } ?? .missing
        }
        func isDirectory(_ path: String) -> Bool { false }
    }

    private static let paths = StatePaths(stateDirectory: "/s", configPath: "/s/openclaw.json", home: "/h")

    private func choose(
        _ model: String,
        _ text: String?,
        _ others: [String: String] = [:],
        environment: [String: String] = [:],
        served: Set<String>? = nil
    ) throws(CommandFailure) -> ModelChoice {
        var files = Files(texts: others)
        files.texts["/s/openclaw.json"] = text
        return try ModelChoice(
            model,
            bytes: text.map { Array($0.utf8) },
            paths: Self.paths,
            environment: Environment(environment),
            files: files,
            served: served
        )
    }

    private static let keys = ["OPENAI_API_KEY": "k"]

    @Test("a name, an alias, a name of Anthropic's; as an object and as a text; old and new are told")
    func names() throws {
        let text =
            #"{agents: {defaults: {model: {primary: "a/b", fallbacks: ["c/d"]}, models: {"openai/gpt-5.2": {alias: "GPT"}}}}}"#
        let choice = try choose("gpt", text, environment: Self.keys)
        #expect(choice.model == "openai/gpt-5.2" && choice.old == "a/b" && choice.notes.isEmpty)
        #expect(String(decoding: choice.bytes, as: UTF8.self) == text.replacing(#""a/b""#, with: #""openai/gpt-5.2""#))
        #expect(try choose("claude-x", "{}", served: ["anthropic"]).model == "anthropic/claude-x")
        #expect(try choose("OpenAI/GPT-5", "{}", environment: Self.keys).model == "openai/GPT-5")
        let plain = try choose("openai/x", "{agents: {defaults: {model: 'a/b'}}}", environment: Self.keys)
        #expect(String(decoding: plain.bytes, as: UTF8.self) == "{agents: {defaults: {model: 'openai/x'}}}")
        let none = try choose("openai/x", nil, environment: Self.keys)
        #expect(none.old == nil && String(decoding: none.bytes, as: UTF8.self).contains(#""primary": "openai/x""#))
        for wrong in [
            "", "/", "openai/", "/x", "openai/a b", "openai/${X}", "openai/\"x", String(repeating: "x", count: 300),
        ] {
            #expect(throws: CommandFailure.self, "\(wrong)") { try choose(wrong, "{}", environment: Self.keys) }
        }
    }

    @Test(
        "what cannot be written as meant is refused with the reason, and what to do",
        arguments: [
            ("{agents: {defaults: {model: {primary: '${MODEL}'}}}}", "variable decides"),
            ("{agents: {$include: './more.json'}}", "$include names (./more.json)"),
            ("{$include: ['./all.json']}", "$include names"),
            ("{agents: {defaults: {model: 5}}}", "agents.defaults.model"), ("{agents: {", "cannot be used"),
            ("{agents: {defaults: {model: {primary: []}}}}", "not a text"),
        ]
    )
    func refused(_ text: String, _ words: String) {
        let others = [
            "/s/more.json": #"{"defaults": {"model": {"primary": "x/y"}}}"#,
            "/s/all.json": #"{"agents": {"defaults": {"model": "x/y"}}}"#,
        ]
        let error = #expect(throws: CommandFailure.self) {
            try choose("openai/x", text, others, environment: Self.keys.merging(["MODEL": "a/b"]) { $1 })
        }
        #expect(error?.text.contains(words) == true, "\(error?.text ?? "nothing")")
        #expect(error?.text.contains("othing was changed") == true, "\(error?.text ?? "nothing")")
    }

    @Test("beside an include that says nothing of the model it is written here")
    func beside() throws {
        let choice = try choose(
            "openai/x",
            "{$include: './more.json'}",
            ["/s/more.json": "{gateway: {port: 1}}"],
            environment: Self.keys
        )
        #expect(String(decoding: choice.bytes, as: UTF8.self).contains("primary: \"openai/x\""))
    }

    @Test("nobody's provider, one without a key, one that is not spoken to")
    func providers() throws {
        func error(_ model: String, _ text: String = "{}", served: Set<String>? = nil) -> String {
            do {
                _ = try choose(model, text, served: served)
                return ""
            } catch {
                return error.text
            }
        }
        #expect(error("opnai/x").contains("Did you mean openai?"))
        #expect(error("github-copilot/x").contains("does not know how to speak"))
        #expect(error("groq/x", served: ["openai"]).contains("paste-api-key --provider groq"))
        #expect(error("openai-codex/x", served: []).contains("models auth login --provider openai-codex"))
        // Nothing runs: the gateway's own environment may have it.
        #expect(try choose("groq/x", "{}").notes.first?.contains("GROQ_API_KEY") == true)
        #expect(
            try choose("box/m", "{models: {providers: {box: {baseUrl: 'http://127.0.0.1:1'}}}}", served: []).notes
                .isEmpty
        )
    }

    @Test("an agent with a model of its own is named")
    func ownModel() throws {
        let text = "{agents: {list: [{id: 'main', model: 'groq/y'}]}}"
        #expect(try choose("openai/x", text, environment: Self.keys).notes.first?.contains("Agent main") == true)
    }
}

@Suite("Files that commands change")
struct FileReplacementTests {
    private static func directory() throws -> String {
        var name = Array("/tmp/clawhold-test-XXXXXX".utf8CString)
        return String(cString: try #require(mkdtemp(&name)))
    }

    private static func text(_ path: String) -> String? {
        if case .bytes(let bytes) = DiskFiles().read(path, limit: 1 << 20) {
            String(decoding: bytes, as: UTF8.self)
        } else {
            nil
        }
    }

    @Test("written as a whole with the mode that it had; a link stays a link; nothing else is left behind")
    func written() throws {
        let directory = try Self.directory()
        defer {
            for name in ["new/deep/c", "b", "a"] { unlink("\(directory)/\(name)") }; rmdir("\(directory)/new/deep");
            rmdir("\(directory)/new"); rmdir(directory)
        }
        let new = try FileReplacement("\(directory)/new/deep/c", limit: 100)
        #expect(new.bytes == nil)
        try new.write(Array("one".utf8))
        var about = stat()
        #expect(stat("\(directory)/new/deep/c", &about) == 0 && about.st_mode & 0o777 == 0o600)
        #expect(stat("\(directory)/new", &about) == 0 && about.st_mode & 0o777 == 0o700)
        try new.path.withCString { path in
            #expect(chmod(path, 0o640) == 0 && symlink(path, "\(directory)/a") == 0)
            try FileReplacement("\(directory)/a", limit: 100).write(Array("two".utf8))
        }
        #expect(
            Self.text(new.path) == "two" && lstat("\(directory)/a", &about) == 0 && about.st_mode & S_IFMT == S_IFLNK
        )
        #expect(stat(new.path, &about) == 0 && about.st_mode & 0o777 == 0o640)
        try FileReplacement(new.path, limit: 100).write(Array("three".utf8), mode: 0o600)
        #expect(stat(new.path, &about) == 0 && about.st_mode & 0o777 == 0o600)
    }

    @Test("what somebody else wrote meanwhile is not written over; a file that is too large is not touched")
    func raced() throws {
        let directory = try Self.directory()
        defer { unlink("\(directory)/a"); rmdir(directory) }
        let (one, two) = (
            try FileReplacement("\(directory)/a", limit: 100), try FileReplacement("\(directory)/a", limit: 100)
        )
        try one.write(Array("one".utf8))
        #expect(throws: CommandFailure.self) { try two.write(Array("two".utf8)) }
        #expect(Self.text("\(directory)/a") == "one")
        #expect(throws: CommandFailure.self) { try FileReplacement("\(directory)/a", limit: 2) }
        #expect(throws: CommandFailure.self) { try FileReplacement(directory, limit: 2) }
    }
}

@Suite("Credentials at the terminal")
struct CredentialTests {
    private static let setup = "sk-ant-oat01-" + String(repeating: "x", count: 90)

    @Test("the right kind is stored; the wrong one is told where it belongs, without a word of it")
    func kinds() throws {
        #expect(
            try PastedCredential(.token, "anthropic", Self.setup).members.map(\.key) == ["type", "provider", "token"]
        )
        #expect(
            try PastedCredential(.apiKey, "groq", "gsk-1", expires: 5).members.map(\.key) == [
                "type", "provider", "key", "expires",
            ]
        )
        for (kind, value, words) in [
            (PastedCredential.Kind.apiKey, Self.setup, "paste-token"), (.token, "sk-ant-api03-abc", "paste-api-key"),
            (.token, "sk-ant-oat01-short", "cut off"), (.apiKey, "", "Nothing was pasted"), (.apiKey, "a b", "blanks"),
            (.apiKey, "clé", "blanks"), (.apiKey, String(repeating: "x", count: 20_000), "blanks"),
        ] {
            let error = #expect(throws: CommandFailure.self) { try PastedCredential(kind, "anthropic", value) }
            #expect(error?.text.contains(words) == true, "\(error?.text ?? "")")
            #expect(value.count < 5 || error?.text.contains(value) == false)
        }
    }

    @Test("times")
    func times() {
        #expect(
            PastedCredential.milliseconds("90m") == 5_400_000 && PastedCredential.milliseconds("365d") == 31_536_000_000
        )
        #expect(PastedCredential.milliseconds("2") == 172_800_000)
        for wrong in ["", "d", "-1d", "1y", "99999999999999999999d", "1 d"] {
            #expect(PastedCredential.milliseconds(wrong) == nil)
        }
    }

    @Test("a line is edited without being seen, ends with Enter, and has a bound")
    func line() {
        func typed(_ bytes: [UInt8]) -> (SecretLine.Line.Step, String) {
            var line = SecretLine.Line()
            for byte in bytes {
                let step = line.take(byte)
                if step != .more { return (step, line.trimmed) }
            }
            return (line.take(nil), line.trimmed)
        }
        #expect(typed(Array(" ab\u{8}c \n".utf8)) == (.done, "ac"))
        #expect(typed(Array("wrong\u{15}right\r".utf8)) == (.done, "right"))
        #expect(typed(Array("\u{1B}[200~key\u{1B}[201~\n".utf8)) == (.done, "key"))
        #expect(typed([0x04]).0 == .givenUp && typed([]).0 == .givenUp && typed(Array("x".utf8)) == (.done, "x"))
        #expect(typed([UInt8](repeating: 0x61, count: SecretLine.limit + 1)).0 == .tooLong)
    }

    @Test("whom one cannot log in to: by name, with what works instead")
    func offers() {
        #expect(throws: Never.self) { try LoginOffer.check("openai-codex") }
        for (provider, words) in [
            ("anthropic", "setup-token"), ("openai", "--provider openai-codex"), ("github-copilot", "does not speak"),
            ("groq", "paste-api-key --provider groq"), ("\u{1B}[31m", "no login"),
        ] {
            let error = #expect(throws: CommandFailure.self) { try LoginOffer.check(provider) }
            #expect(error?.text.contains(words) == true && error?.text.contains("\u{1B}") == false)
        }
    }
}
