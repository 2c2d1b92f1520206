import Config
import Testing

@Suite("Environment, paths, variables")
struct EnvironmentTests {
    private func paths(
        _ variables: [String: String],
        _ files: [String: String] = [:],
        profile: String? = nil
    ) -> [String] {
        let paths = StatePaths.resolve(
            environment: Environment(["HOME": "/h"].merging(variables) { $1 }),
            profile: profile,
            currentDirectory: "/cwd",
            files: MemoryFiles(texts: files)
        )
        return [paths.stateDirectory, paths.configPath]
    }

    @Test("the state directory: the newest name first, blank is unset, relative and ~ made absolute")
    func stateDirectory() {
        #expect(paths([:]) == ["/h/.openclaw", "/h/.openclaw/openclaw.json"])
        let all = ["OPENCLAW_STATE_DIR": " /data/ ", "CLAWDBOT_STATE_DIR": "/b", "MOLTBOT_STATE_DIR": "/c"]
        #expect(paths(all)[0] == "/data")
        #expect(paths(all.merging(["OPENCLAW_STATE_DIR": " "]) { $1 })[0] == "/b")
        #expect(paths(["MOLTBOT_STATE_DIR": "~/x/../y/./z"])[0] == "/h/y/z")
        #expect(paths(["OPENCLAW_STATE_DIR": "state"])[0] == "/cwd/state")
        #expect(paths(["OPENCLAW_HOME": "/other"])[0] == "/other/.openclaw")
    }

    @Test("older directories and files are found, but never behind an explicit state directory")
    func olderNames() {
        let old = ["/h/.clawdbot/clawdbot.json": "{}"]
        #expect(paths([:], old) == ["/h/.clawdbot", "/h/.clawdbot/clawdbot.json"])
        #expect(paths(["OPENCLAW_STATE_DIR": "/data"], old) == ["/data", "/data/openclaw.json"])
        #expect(paths(["OPENCLAW_STATE_DIR": "/data"], ["/data/moltbot.json": "{}"])[1] == "/data/moltbot.json")
        #expect(paths(["CLAWDBOT_CONFIG_PATH": "~/c.json"], old)[1] == "/h/c.json")
    }

    @Test("a profile has a directory of its own, unless one is set explicitly")
    func profiles() {
        #expect(paths([:], profile: "work") == ["/h/.openclaw-work", "/h/.openclaw-work/openclaw.json"])
        #expect(paths(["OPENCLAW_PROFILE": "work"])[0] == "/h/.openclaw-work")
        #expect(paths(["OPENCLAW_STATE_DIR": "/data"], profile: "work")[0] == "/data")
    }

    @Test("sources rank: process, .env of the state directory, env block; only the block replaces a blank one")
    func sources() {
        let texts = [
            "/s/.env": "A=file\nB=file\nC=\nD=file",
            "/s/openclaw.json": "{env: {A: 'block', B: 'block', C: 'block', vars: {E: 'block'}, F: 7}}",
        ]
        let values = loaded(texts, environment: ["A": "process", "D": " "]).config.environment
        #expect(["A", "B", "C", "D", "E", "F"].map { values[$0] } == ["process", "file", "block", nil, "block", nil])
    }

    @Test(".env files as dotenv reads them")
    func dotEnv() {
        let text = """
            # comment
            PLAIN = value # trailing
            export EXPORTED=1
            EMPTY=
            SINGLE='a # b\\n'
            DOUBLE="line1\\nline2 \\"x\\""
            MULTI="first
            second" # after
            OPEN="no end
            not a line
            bad name=1
            =x
            URL=http://h/?a=b\r
            LAST=1
            """
        let values = DotEnv.parse([UInt8](text.utf8))
        #expect(values["PLAIN"] == "value" && values["EXPORTED"] == "1" && values["EMPTY"] == "")
        #expect(values["SINGLE"] == "a # b\\n" && values["MULTI"] == "first\nsecond")
        #expect(values["DOUBLE"]?.hasPrefix("line1\nline2") == true)
        #expect(values["OPEN"] == "\"no end" && values["URL"] == "http://h/?a=b" && values["LAST"] == "1")
        #expect(values["bad name"] == nil && values[""] == nil)
        for length in 0..<text.utf8.count { _ = DotEnv.parse(Array(text.utf8.prefix(length))) }
    }

    @Test(
        "variables in strings",
        arguments: [
            ("${A}", "1"), ("x${A}y${A}", "x1y1"), ("$${A}", "${A}"), ("$A", "$A"), ("${a}", "${a}"), ("${A", "${A"),
            ("${}", "${}"), ("${1A}", "${1A}"), ("${A-B}", "${A-B}"), ("$$", "$$"), ("$$${A}", "$${A}"),
            ("é${A}🦞", "é1🦞"),
        ]
    )
    func substitution(text: String, result: String) throws {
        let value = ConfigValue(.string(text))
        #expect(Substitution.apply(value, environment: Environment(["A": "1"])).string == result)
    }

    @Test("an unset or empty variable breaks its value and nothing beside it; keys stay as they are")
    func unmet() throws {
        let value = try parsed("{'${A}': ['${NO}', 'ok'], empty: 'x${E}'}")
        let result = Substitution.apply(value, environment: Environment(["A": "1", "E": ""]))
        #expect(result["${A}"]?.array?[0].kind == .broken("Missing env var \"NO\""))
        #expect(result["${A}"]?.array?[1].string == "ok")
        #expect(result["empty"]?.kind == .broken("Missing env var \"E\""))
    }
}
