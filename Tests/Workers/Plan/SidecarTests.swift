import Config
import IPCControl
import Testing

@testable import Plan

@Suite("Sidecars of clawhold.json")
struct SidecarTests {
    private let programs = ["/bin/ngrok": "", "/usr/bin/x": "", "/data/bin/own": ""]
    private let environment = ["PATH": "/bin:/usr/bin", "HOME": "/root", "ANTHROPIC_API_KEY": "k"]

    private func plan(_ sidecars: String, _ variables: [String: String] = [:]) throws -> MadePlan {
        try makePlan(
            environment: environment.merging(variables) { $1 },
            files: programs.merging(["/data/clawhold.json": "{sidecars: {\(sidecars)}}"]) { $1 }
        )
    }

    private func list(_ prefix: String, of worker: Block) -> [String] {
        (0..<(Int(worker["\(prefix)C"] ?? "") ?? 0)).compactMap { worker["\(prefix)\($0)"] }
    }

    @Test("a command is a list, or one string that is cut as a shell would")
    func command() throws {
        let plan = try plan(
            "a: {command: ['ngrok', 'http', 'two words']}, b: {command: 'ngrok http \"two words\"'}, c: {command: './bin/own -v'}"
        )
        for name in ["a", "b"] {
            let worker = try #require(plan.worker("sidecar:\(name)"))
            #expect(list("ARG", of: worker) == ["/bin/ngrok", "http", "two words"])
            #expect(worker["START"] == "permanent" && worker["RESTART"] == "always" && worker["UID"] == "own")
            #expect(worker["READY_LINE"] == nil && worker["READY_PORT"] == nil)
        }
        let own = try #require(plan.worker("sidecar:c"))
        #expect(list("ARG", of: own) == ["/data/bin/own", "-v"])
        #expect(try plan.gateway().sidecars == ["sidecar:a", "sidecar:b", "sidecar:c"])
    }

    @Test("env gives values with ${VAR}, or names variables to copy; nothing else of the environment comes along")
    func variables() throws {
        let plan = try plan(
            "a: {command: 'ngrok', env: {REGION: 'eu', NGROK_AUTHTOKEN: '${TUNNEL}', HOME: '/data'}}, "
                + "b: {command: 'ngrok', env: ['REGION', 'NGROK_AUTHTOKEN', 'UNSET', 'NOTIFY_SOCKET']}",
            [
                "TUNNEL": "secret-1", "REGION": "us", "NGROK_AUTHTOKEN": "secret-2", "NOTIFY_SOCKET": "/run/x",
                "TZ": "UTC",
            ]
        )
        let (a, b) = (try #require(plan.worker("sidecar:a")), try #require(plan.worker("sidecar:b")))
        #expect(list("ENV", of: a) == ["HOME=/data", "PATH=/bin:/usr/bin", "REGION=eu", "TZ=UTC"])
        #expect(plan.secrets("sidecar:a") == ["NGROK_AUTHTOKEN": "secret-1"])
        #expect(list("ENV", of: b) == ["PATH=/bin:/usr/bin", "REGION=us", "TZ=UTC"])
        #expect(plan.secrets("sidecar:b") == ["NGROK_AUTHTOKEN": "secret-2"])
    }

    @Test("restart and ready reach the supervisor, and each change of them is a new revision, but a budget is none")
    func modes() throws {
        var revisions: Set<String> = []
        for settings in [
            "", ", restart: 'on-failure'", ", restart: 'never'", ", ready: {line: 'up'}", ", ready: {port: 4040}",
            ", memory: {hard: 64}", ", env: {A: 'b'}", ", env: {A_TOKEN: 'b'}", ", env: {A_TOKEN: 'c'}",
        ] {
            let worker = try #require(try plan("a: {command: 'ngrok'\(settings)}").worker("sidecar:a"))
            revisions.insert(worker["REV"] ?? "")
            #expect(settings.contains("never") == (worker["RESTART"] == "never"))
            #expect(settings.contains("line") == (worker["READY_LINE"] == "up"))
            #expect(settings.contains("port") == (worker["READY_PORT"] == "4040"))
            #expect(settings.contains("hard") == (worker["HARD_KB"] == "65536"))
        }
        #expect(revisions.count == 8)
    }

    @Test(
        "a bad setting costs that sidecar alone, with a problem that names the line",
        arguments: [
            ("command: 'nowhere -v'", "nowhere is not installed: it is in no directory of PATH"),
            ("command: ['/no/such']", "/no/such is not installed: there is no such file"),
            ("command: ''", "needs a command"), ("command: []", "needs a command"), ("env: {}", "needs a command"),
            ("command: 'x | tee log'", "holds |, which only a shell understands"),
            ("command: 'x \"open'", "has a quote \" without its end"),
            ("command: 'x \\\\'", "ends with a backslash"), ("command: 7", "a string or a list of strings is expected"),
            ("command: 'x', env: {'A-B': 'c'}", "\"A-B\" is no name of a variable"),
            ("command: 'x', env: {A: '${MISSING}'}", "Missing env var \"MISSING\""),
            ("command: 'x', env: {A: 5}", "a string is expected here"),
            ("command: 'x', env: ['']", "\"\" is no name of a variable"),
            ("command: 'x', restart: 'sometimes'", "one of \"always\", \"on-failure\", \"never\" is expected"),
            ("command: 'x', ready: {}", "needs either {line"),
            ("command: 'x', ready: {line: ''}", "a text of one line"),
            ("command: 'x', ready: {line: 'a', port: 1}", "needs either {line"),
            ("command: 'x', ready: {port: 65536}", "a whole number from 1 to 65535 is expected"),
            ("command: 'x', memory: {hard: 'much'}", "clawhold.json: sidecars.bad.memory.hard"),
        ]
    )
    func bad(settings: String, words: String) throws {
        let plan = try plan("good: {command: 'x'},\nbad: {\(settings)}")
        #expect(plan.workers.filter { $0.hasPrefix("sidecar:") } == ["sidecar:good"])
        let problem = try #require(try plan.gateway().file.problems.first)
        #expect(problem.disables == "sidecar:bad" && problem.line == 2)
        let said = plan.complaints.filter { $0.contains(words) }
        #expect(said.count == 1, "\(plan.complaints)")
        #expect(said.first?.hasPrefix("error line 2: clawhold.json: sidecars.bad") == true)
    }

    @Test(
        "names are small and plain",
        arguments: ["Bad", "a b", "a:b", "", "a/b", "..", String(repeating: "a", count: 61)]
    )
    func names(name: String) throws {
        let plan = try plan("'\(name)': {command: 'x'}, good: {command: 'x'}")
        #expect(plan.workers.filter { $0.hasPrefix("sidecar:") } == ["sidecar:good"])
        #expect(plan.complaints.contains { $0.contains("needs a name of small letters") }, "\(plan.complaints)")
    }

    @Test("one that is switched off is no problem; one beyond the thirty-second is")
    func count() throws {
        #expect(try plan("off: {command: 'nowhere', enabled: false}").complaints == [])
        let many = (0...32).map { "s\($0): {command: 'x'}" }.joined(separator: ", ")
        let plan = try plan(many)
        #expect(plan.workers.filter { $0.hasPrefix("sidecar:") }.count == 32)
        #expect(try plan.gateway().file.problems.map(\.disables) == ["sidecar:s32"])
    }

    @Test("too much for a block is a problem and not a lost plan")
    func tooLarge() throws {
        let text = String(repeating: "%", count: 8000)
        let values = (0..<10).map { "A\($0): '\(text)'" }.joined(separator: ", ")
        let plan = try plan("bad: {command: 'x', env: {\(values)}}, good: {command: 'x'}")
        #expect(plan.workers.filter { $0.hasPrefix("sidecar:") } == ["sidecar:good"])
        #expect(plan.complaints.contains { $0.contains("is too large") })
    }
}

@Suite("A command in one string")
struct CommandTextTests {
    @Test(
        "blanks separate, quotes and backslashes keep",
        arguments: [
            ("ngrok http 3000", ["ngrok", "http", "3000"]), ("  a \t b\n", ["a", "b"]), ("", []), ("   ", []),
            ("a 'b c' \"d e\"", ["a", "b c", "d e"]), ("a'b'\"c\"d", ["abcd"]), ("a '' b", ["a", "", "b"]),
            (#"a\ b c\\d"#, ["a b", #"c\d"#]), (#""\"x\" \n \$ \\""#, [#""x" \n $ \"#]), (#"'\n "'"#, [#"\n ""#]),
            ("sh -c 'a | b && c > d'", ["sh", "-c", "a | b && c > d"]), (#"a \| b"#, ["a", "|", "b"]),
            ("--url=http://x?a=1 $HOME *", ["--url=http://x?a=1", "$HOME", "*"]), ("ü 🦞'é'", ["ü", "🦞é"]),
        ]
    )
    func words(text: String, words: [String]) throws {
        #expect(try CommandText.split(text) == words)
    }

    @Test(
        "what only a shell understands, and quotes without an end, are refused",
        arguments: ["a|b", "a &", "a;b", "a>b", "a <b", "(a)", "`a`", "'a", "\"a", "a\\"]
    )
    func malformed(text: String) {
        #expect(throws: CommandText.Malformed.self) { try CommandText.split(text) }
    }
}
