import Config
import Testing

@Suite("Loading")
struct LoadTests {
    @Test("includes merge: objects deeply, arrays one behind the other, siblings on top; variables work in them")
    func includes() {
        let result = loaded(
            [
                "/s/openclaw.json":
                    "{gateway: {$include: './g.json5', port: 2}, agents: {$include: ['a.json', '/x/b.json']}}",
                "/s/g.json5": "{port: 1, /* c */ auth: {token: '${T}'}, trustedProxies: ['1.1.1.1']}",
                "/s/a.json": "{list: [{id: 'a'}], defaults: {maxConcurrent: 1}}",
                "/x/b.json": "{list: [{id: 'b'}], defaults: {$include: 'c.json'}}",
                "/x/c.json": "{maxConcurrent: 3}",
            ],
            environment: ["T": "secret"]
        ).config
        #expect(result.problems == [])
        #expect(result.value(["gateway", "port"])?.integer == 2)
        #expect(result.value(["gateway", "auth", "token"])?.string == "secret")
        #expect(result.agents().map(\.id) == ["a", "b"])
        #expect(result.value(["agents", "defaults", "maxConcurrent"])?.integer == 3)
    }

    @Test(
        "what cannot be included switches off its own part, with OpenClaw's words",
        arguments: [
            ("'gone.json'", "Failed to read include file: gone.json (resolved: /s/gone.json)"),
            ("'bad.json'", "Failed to parse include file: bad.json (resolved: /s/bad.json): line 1"),
            ("'loop.json'", "Circular include detected: /s/openclaw.json -> /s/loop.json -> /s/loop.json"),
            ("'deep0.json'", "Maximum include depth (10) exceeded at: /s/deep10.json"),
            ("7", "Invalid $include value: expected string or array of strings, got a number"),
            ("'list.json', botToken: '2:b'", "Sibling keys require included content to be an object"),
        ]
    )
    func brokenIncludes(include: String, text: String) {
        var texts = [
            "/s/openclaw.json": "{channels: {telegram: {accounts: {a: {$include: \(include)}, b: {botToken: '1:b'}}}}}",
            "/s/bad.json": "{", "/s/loop.json": "{$include: 'loop.json'}", "/s/list.json": "[1]",
        ]
        for level in 0..<12 { texts["/s/deep\(level).json"] = "{$include: 'deep\(level + 1).json'}" }
        var config = loaded(texts).config
        #expect(config.problems.map(\.disables) == ["channel:telegram:a"])
        #expect(config.problems.first?.text.hasPrefix(text) == true, "\(config.problems)")
        #expect(config.telegramAccounts(files: MemoryFiles()).map(\.access.account) == ["b"])
    }

    @Test("files that include each other many times are bounded")
    func explosion() {
        var texts = ["/s/openclaw.json": "{agents: {$include: ['0.json', '0.json']}}"]
        for level in 0..<8 {
            texts["/s/\(level).json"] = "{$include: [\(String(repeating: "'\(level + 1).json',", count: 9))]}"
        }
        texts["/s/8.json"] = "{}"
        #expect(loaded(texts).config.problems.first?.text == "more than 32 files are included")
    }

    @Test("only a file that can be used is kept as accepted, byte for byte and with its variables unresolved")
    func accepted() {
        let text = "// mine\n{gateway: {auth: {token: '${T}'}}}"
        #expect(
            loaded(["/s/openclaw.json": text], environment: ["T": "x"]).accepted["openclaw.json"] == [UInt8](text.utf8)
        )
        #expect(loaded(["/s/openclaw.json": "{"]).accepted.isEmpty)
        #expect(loaded([:]).accepted.isEmpty)
    }

    @Test("clawhold.json falls back to its own last accepted file, and never takes openclaw.json with it")
    func ownFile() {
        let texts = [
            "/s/openclaw.json": "{gateway: {port: 5}}", "/s/clawhold.json": "{memory",
            "/s/clawhold/accepted-clawhold.json": "{memory: {workers: {agent: {hard: 77}}}}",
        ]
        let config = loaded(texts).config
        #expect(config.state == .accepted && config.value(["gateway", "port"])?.integer == 5)
        #expect(config.ownValue(["memory", "workers", "agent", "hard"])?.integer == 77)
        #expect(config.problems.first?.text.contains("/s/clawhold.json cannot be used") == true)
    }

    @Test(
        "the check names type, value and line",
        arguments: [
            ("{gateway: {port: 'x'}}", "gateway.port", "a whole number from 1 to 65535 is expected here, not a string"),
            ("{gateway: {port: 70000}}", "gateway.port", "a whole number from 1 to 65535 is expected here, not 70000"),
            ("{gateway: {port: 1.5}}", "gateway.port", "a whole number from 1 to 65535 is expected here, not 1.5"),
            (
                "{gateway: {bind: '0.0.0.0'}}", "gateway.bind",
                "one of \"auto\", \"lan\", \"loopback\", \"custom\", \"tailnet\" is expected here, not \"0.0.0.0\""
            ),
            ("{agents: {list: {}}}", "agents.list", "a list of objects is expected here, not an object"),
            (
                "{agents: {defaults: {model: 5}}}", "agents.defaults.model",
                "a string or an object is expected here, not a number"
            ),
            (
                "{hooks: {token: '${NOPE}'}}", "hooks.token",
                "Missing env var \"NOPE\" referenced at config path: hooks.token"
            ),
        ]
    )
    func check(text: String, path: String, words: String) {
        #expect(
            loaded(["/s/openclaw.json": "\n" + text]).config.problems == [
                ConfigProblem(path: path, line: 2, text: words, disables: path)
            ]
        )
    }

    @Test(
        "agent ids become what OpenClaw makes of them",
        arguments: [
            ("Main", "main"), ("My Agent!", "my-agent"), ("--x__", "x__"), ("", "main"), ("é", "main"), ("a..b", "a-b"),
            (String(repeating: "x", count: 100), String(repeating: "x", count: 64)),
        ]
    )
    func agentIDs(written: String, id: String) {
        #expect(LoadedConfig.agentID(written) == id)
    }

    @Test("one agent is the default: the one that says so, else the first; its workspace is the shared one")
    func defaultAgent() {
        let list = "{agents: {defaults: {workspace: '~/w'}, list: [{id: 'a'}, {id: 'b', default: true}, {id: 'A'}]}}"
        let agents = loaded(["/s/openclaw.json": list]).config.agents()
        #expect(agents.map(\.id) == ["a", "b"] && agents.map(\.isDefault) == [false, true])
        #expect(agents.map(\.workspace) == ["/s/workspace-a", "/h/w"])
        #expect(loaded([:]).config.agents().map(\.workspace) == ["/s/workspace"])
    }

    @Test(
        "addresses of servers",
        arguments: [
            ("https://api.x/", "https://api.x"), ("HTTP://127.0.0.1:9//", "HTTP://127.0.0.1:9"),
            ("https://x/y/v1", "https://x/y/v1"),
            ("ftp://x", nil), ("https://", nil), ("https:///x", nil), ("https://u:p@x", nil), ("https://x?y", nil),
            ("https://x y", nil), ("x", nil),
        ] as [(String, String?)]
    )
    func addresses(written: String, normalized: String?) {
        #expect(HTTPAddress.normalized(written) == normalized)
    }
}
