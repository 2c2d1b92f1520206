import Config
import IPCControl
import Testing

@testable import CLI

@Suite("What is printed")
struct PageTests {
    static func row(_ fields: [String: String]) throws -> WorkerRow {
        var block = Block("WORKER")
        for (key, value) in fields { block[key] = value }
        return try #require(WorkerRow(block))
    }

    @Test("durations, sizes and times")
    func words() {
        #expect(Words.duration(milliseconds: -5) == "0 s")
        #expect(Words.duration(milliseconds: 59_999) == "59 s")
        #expect(Words.duration(milliseconds: 60_000) == "1 m")
        #expect(Words.duration(milliseconds: 3_725_000) == "1 h 2 m")
        #expect(Words.duration(milliseconds: 90_061_000) == "1 d 1 h")
        #expect(Words.megabytes(kilobytes: 1536) == "1.5 MB" && Words.megabytes(kilobytes: 131_072) == "128 MB")
        #expect(Words.megabytes(kilobytes: .max) == "1073741824.0 GB")
        #expect(
            [-5, 59_999, 60_000, 3_599_000, 11_100_000].map { Words.short(milliseconds: $0) } == [
                "0s", "59s", "1m", "59m", "3h05m",
            ]
        )
        #expect([36_000_000, 172_799_000, 172_800_000].map { Words.short(milliseconds: $0) } == ["10h", "47h", "2d"])
        #expect(Words.short(milliseconds: .max) == "9999d")
        #expect(
            [-1, 0, 440, 9_999, 12_000].map { Words.took(milliseconds: $0) } == [
                "0 ms", "0 ms", "440 ms", "9.9 s", "12 s",
            ]
        )
        #expect(
            [0, 1, 1024, 1535, 1536, 98_304].map { Words.whole(kilobytes: $0) } == ["0", "1", "1", "1", "2", "96"]
        )
        #expect(Words.tenths(12) == "1.2" && Words.tenths(1234) == "123" && Words.tenths(-1) == "0.0")
        #expect(Words.plain("a\u{1B}[31mb\u{9B}\u{202E}c\n🦞") == "a [31mb  c 🦞")
        #expect(Words.wrapped("one two  three", width: 12, indent: 2) == ["  one two", "  three"])
        #expect(Words.wrapped(String(repeating: "x", count: 25), width: 12, indent: 2).map(\.count) == [12, 12, 7])
        #expect(Words.wrapped("", width: 80, indent: 2) == [])
        #expect(Words.time(milliseconds: 0) == "1970-01-01T00:00:00.000Z")
        #expect(Words.time(milliseconds: 1_709_210_096_789) == "2024-02-29T12:34:56.789Z")
        #expect(Words.time(milliseconds: 1_795_442_400_000) == "2026-11-23T14:00:00.000Z")
    }

    private static let day = 1_700_000_000_000 as Int64

    private static func fleet() throws -> [WorkerRow] {
        let (soft, hard) = ("98304", "131072")
        return [
            try row([
                "ID": "gateway", "KIND": "gateway", "STATE": "ready", "PID": "12", "MEMORY_KB": "20480",
                "PEAK_KB": "45000", "SOFT_KB": soft, "HARD_KB": hard, "RESTARTS": "0", "SINCE_MS": "\(day - 3_900_000)",
            ]),
            try row([
                "ID": "channel:telegram:default", "KIND": "channel", "STATE": "ready", "PID": "13", "INCARNATION": "2",
                "MEMORY_KB": "99000", "PEAK_KB": "99000", "SOFT_KB": soft, "HARD_KB": hard, "RESTARTS": "1",
                "SINCE_MS": "\(day - 61_000)", "TEXT": "@clawhold_bot", "CAUSE": "signal",
                "DEATH": "killed by SIGKILL", "DIED_MS": "\(day - 62_000)",
            ]),
            try row([
                "ID": "sidecar:hog", "KIND": "sidecar", "STATE": "quarantined", "PID": "0", "INCARNATION": "6",
                "MEMORY_KB": "0", "PEAK_KB": "32768", "SOFT_KB": "24576", "HARD_KB": "32768", "RESTARTS": "5",
                "SINCE_MS": "\(day - 3_000)", "CAUSE": "oom-own", "NEXT_MS": "\(day + 57_000)",
                "DEATH": "out of memory in its own budget (32 MB)", "DIED_MS": "\(day - 3_000)",
            ]),
            try row([
                "ID": "channel:discord:work", "KIND": "channel", "STATE": "parked", "PID": "0",
                "TEXT": "401: bad token",
                "CAUSE": "fatal", "DEATH": "401: bad token", "DIED_MS": "\(day - 9_000)",
                "SINCE_MS": "-9223372036854775808", "MEMORY_KB": "9223372036854775807", "RESTARTS": "3",
            ]),
        ]
    }

    @Test("the worker table fits eighty columns: status, last death and next try stand below their worker")
    func table() throws {
        let lines = WorkerTable.lines(try Self.fleet(), now: Self.day, style: .plain, width: 80)
        #expect(
            lines == [
                "WORKER                STATE        USED PEAK SOFT HARD  MEMORY      RST    FOR",
                "gateway               ready          20   44   96  128  #++----|--    0  1h05m",
                "channel:telegram      ready          97   97   96  128  #######|--    1     1m",
                "  @clawhold_bot; died 1m ago: killed by SIGKILL",
                "sidecar:hog           quarantined     -   32   24   32  +++++++|++    5     3s",
                "  died 3s ago: out of memory in its own budget (32 MB); next try in 57s",
                "channel:discord:work  parked          -    -    -    -                3      -",
                "  401: bad token",
            ]
        )
        for width in 40...120 {
            for line in WorkerTable.lines(try Self.fleet(), now: Self.day, style: .plain, width: width)
            where width >= 66 {
                #expect(line.count <= width, "\(line)")
            }
        }
        let wide = WorkerTable.lines(try Self.fleet(), now: Self.day, style: .plain, width: nil)
        #expect(wide[2].hasPrefix("channel:telegram:default  ready"), "nothing is cut for a pipe")
    }

    @Test("a bar shows what is used, the peak and the soft limit, whatever the figures are")
    func bars() throws {
        func bar(_ used: Int64, _ peak: Int64, _ soft: Int64, _ hard: Int64) throws -> String {
            var row = try Self.row(["ID": "x", "PID": "1"])
            (row.memoryKB, row.peakKB, row.softKB, row.hardKB) = (used, peak, soft, hard)
            return MemoryBar.text(row, width: 10)
        }
        #expect(try bar(0, 0, 0, 100) == "----------" && bar(1, 1, 0, 100) == "#---------")
        #expect(try bar(50, 70, 80, 100) == "#####++-|-" && bar(95, 95, 50, 100) == "#########-")
        #expect(try bar(900, 900, 80, 100) == "##########" && bar(.max, .max, .max, 1) == "##########")
        #expect(try bar(5, 5, 5, 0) == "          " && bar(-5, -5, -5, 100) == "----------")
    }

    @Test("the status page says healthy, degraded or down, and what to type about trouble")
    func status() throws {
        let status = try #require(supervisorScript("/data")(Block("COMMAND", ["CMD": "status"])).first)
        let gateway = ["ID": "gateway", "KIND": "gateway", "STATE": "ready", "PID": "5"]
        let parked = ["ID": "channel:telegram:default", "KIND": "channel", "STATE": "parked", "TEXT": "401"]
        func page(_ rows: [[String: String]]) throws -> String {
            StatusPage.page(status, try rows.map(Self.row), now: 0, style: .plain).joined(separator: "\n")
        }
        let healthy = try page([gateway])
        #expect(healthy.hasPrefix("Clawhold 2026.11.1  healthy\n"))
        #expect(healthy.contains("Memory     0.0 MB of 512 MB used by workers, 40.0 MB reserved"))
        #expect(healthy.contains("Limits     because"))
        #expect(healthy.contains("PID 643, up 1 h 2 m") && healthy.contains("ws://0.0.0.0:3000 (lan, IPv4 and IPv6)"))
        #expect(!healthy.contains("CHANNELS"), "a gateway that does not answer leaves them out")
        let channels = try ChannelPageTests.channels()
        let whole = StatusPage.page(status, [try Self.row(gateway)], channels, now: 0, style: .plain, width: 80)
        #expect(whole.contains("CHANNELS") && whole.contains("telegram:work  parked: 401: bad token [31m"))
        let degraded = try page([gateway, parked])
        #expect(degraded.contains("  degraded: 1 worker needs a look\n"))
        #expect(degraded.contains("channel:telegram:default is parked: 401"))
        #expect(degraded.contains("clawhold reload") && degraded.contains("clawhold start channel:telegram"))
        let safe = try page([gateway.merging(["SAFE": "1", "TEXT": "safe mode"]) { $1 }])
        #expect(safe.contains("  safe mode\n") && safe.contains("clawhold restart gateway"))
        #expect(try page([gateway.merging(["STATE": "backoff"]) { $1 }]).contains("  down\n"))
    }

    @Test("JSON is JSON, whatever the texts hold")
    func json() throws {
        let status = try #require(supervisorScript("/da\"ta\n")(Block("COMMAND", ["CMD": "status"])).first)
        let row = try Self.row(["ID": "gateway", "TEXT": "a\"\\\u{1}\u{2028}", "PID": "7"])
        let value = try JSON5Parser.parse([UInt8](StatusPage.json(status, [row], now: 0).utf8))
        #expect(value["stateDir"]?.string == "/da\"ta\n")
        #expect(value["workers"]?.array?.first?["text"]?.string == "a\"\\\u{1}\u{2028}")
        #expect(value["workers"]?.array?.first?["pid"]?.integer == 7)
        #expect(value["workers"]?.array?.first?["lastDeath"]?.kindName == "null")
        let dead = try Self.row(["ID": "x", "CAUSE": "oom-own", "DEATH": "d\"", "DIED_MS": "5", "NEXT_MS": "9"])
        let worker = try JSON5Parser.parse([UInt8](dead.json.utf8))
        #expect(worker["lastDeath"]?["cause"]?.string == "oom-own" && worker["lastDeath"]?["text"]?.string == "d\"")
        #expect(worker["lastDeath"]?["atMs"]?.integer == 5 && worker["nextTryMs"]?.integer == 9)
        let log = LogsCommand.json(Block("LOG", ["ID": "gateway", "AT_MS": "0", "TEXT": "[gateway] \"x\""]))
        #expect(try JSON5Parser.parse([UInt8](log.utf8))["message"]?.string == "[gateway] \"x\"")
    }

    @Test("colours only where they were asked for")
    func colours() {
        let block = Block("LOG", ["LEVEL": "error", "AT_MS": "0", "TEXT": "boom"])
        #expect(LogsCommand.line(block, .plain) == "1970-01-01T00:00:00.000Z boom")
        #expect(LogsCommand.line(block, Style(isColoured: true)).contains("\u{1B}[31mboom\u{1B}[0m"))
        #expect(Style.detect(environment: Environment(["NO_COLOR": "1"]), noColor: false) == .plain)
        #expect(Style.detect(environment: Environment([:]), noColor: true) == .plain)
    }

    @Test(
        "short names mean consecutive parts of an id",
        arguments: [
            ("telegram", true), ("channel:telegram", true), ("telegram:default", true),
            ("CHANNEL:telegram:default", true),
            ("channel:default", false), ("tele", false), ("", false), ("channel:telegram:default:x", false),
        ]
    )
    func names(name: String, fits: Bool) throws {
        #expect(try Self.row(["ID": "channel:telegram:default"]).answers(to: name) == fits)
    }

    @Test(
        "what is typed nearly right is told right",
        arguments: [
            ("telgram", "telegram"), ("tele", "telegram"), ("channel:telegarm", "channel:telegram"),
            ("gatway", "gateway"),
            ("GATEWAY1", "gateway"), ("hgo", "hog"), ("discrod", "discord"), ("x", nil), ("whatsapp", nil), ("", nil),
            (String(repeating: "telegram", count: 1000), nil),
        ] as [(String, String?)]
    )
    func suggestions(typed: String, meant: String?) throws {
        let failure = #expect(throws: CommandFailure.self) { try WorkerChoice.one(typed, among: try Self.fleet()) }
        #expect(
            failure?.text.contains(meant.map { "Did you mean \($0)?" } ?? "There are: gateway, ") == true,
            "\(failure?.text ?? "")"
        )
        #expect(failure?.code == 2)
    }

    @Test("a name that several have is none; the whole id always is")
    func ambiguous() throws {
        let rows = try ["channel:telegram:default", "channel:telegram:work", "agent:main"].map {
            try Self.row(["ID": $0])
        }
        #expect(try WorkerChoice.one("work", among: rows).id == "channel:telegram:work")
        #expect(try WorkerChoice.one("channel:telegram:default", among: rows).id == "channel:telegram:default")
        let failure = #expect(throws: CommandFailure.self) { try WorkerChoice.one("telegram", among: rows) }
        #expect(failure?.text.contains("could be any of: channel:telegram:default, channel:telegram:work") == true)
    }

    @Test("events are coloured by what they mean, and say the worker once")
    func events() {
        let event = Block(
            "EVENT",
            ["AT_MS": "0", "ID": "agent:main", "INCARNATION": "3", "TEXT": "agent:main died: killed by SIGKILL"]
        )
        #expect(EventsCommand.line(event, .plain) == "1970-01-01T00:00:00.000Z agent:main#3 died: killed by SIGKILL")
        #expect(EventsCommand.line(event, Style(isColoured: true)).contains("\u{1B}[33mdied"))
        let own = Block("EVENT", ["AT_MS": "0", "TEXT": "TERM: \u{1B}[2Jshutting down"])
        #expect(EventsCommand.line(own, .plain) == "1970-01-01T00:00:00.000Z TERM:  [2Jshutting down")
    }

    @Test(
        "moments in the past",
        arguments: [
            ("90s", 1_700_000_000_000 - 90_000), ("15m", 1_700_000_000_000 - 900_000),
            ("3h", 1_700_000_000_000 - 10_800_000), ("2d", 1_700_000_000_000 - 172_800_000),
            ("0s", 1_700_000_000_000), ("2023-11-14T22:13Z", 1_699_999_980_000),
            ("2023-11-14T22:13:20.123Z", 1_700_000_000_000),
            ("22:13Z", 1_699_999_980_000), ("22:14Z", 1_700_000_040_000 - 86_400_000),
            ("2023-11-14Z", 1_699_920_000_000),
            ("", nil), ("m", nil), ("-5m", nil), ("5x", nil), ("25:00", nil), ("1:2:3:4", nil),
            ("2023-13-01T00:00", nil),
            ("99999999999999999999s", nil), ("yesterday", nil), ("12", nil),
        ] as [(String, Int64?)]
    )
    func since(text: String, moment: Int64?) {
        #expect(Since.parse(text, now: Self.day) == moment)
    }

    @Test("a status line of HTTP, or nothing")
    func http() {
        #expect(HTTPProbe.status(in: [UInt8]("HTTP/1.1 503 Service Unavailable\r\n".utf8)) == 503)
        for text in ["", "HTTP/1.1", "SSH-2.0 200", "HTTP/1.1 abc"] {
            #expect(HTTPProbe.status(in: [UInt8](text.utf8)) == nil)
        }
    }
}

@Suite("The command line")
struct CommandLineTests {
    @Test(
        "OpenClaw's global flags may stand in front",
        arguments: [
            (
                ["--profile", "a", "--no-color", "status", "--json"],
                ["status", "--json", "--profile", "a", "--no-color"]
            ),
            (["--dev", "ps"], ["ps", "--dev"]),
            (["--state-dir=/x", "logs", "-f"], ["logs", "-f", "--state-dir=/x"]),
            (["status"], ["status"]), (["--version"], ["--version"]), (["--dev"], ["--dev"]),
            (["--profile"], ["--profile"]),
        ]
    )
    func globalFlags(typed: [String], parsed: [String]) {
        #expect(GlobalFlags.moveBack(typed) == parsed)
    }

    @Test("exit codes: 0 for status when nothing runs, 1 for what needs a gateway, 2 for what is typed wrongly")
    func exitCodes() {
        let directory = temporaryDirectory()
        let place = ["--state-dir", "\(directory)/none"]
        #expect(runCommandLine(arguments: ["clawhold", "status"] + place) == 0)
        #expect(runCommandLine(arguments: ["openclaw", "gateway", "status", "--json"] + place) == 0)
        for command in [
            ["ps"], ["restart", "telegram"], ["logs"], ["health"], ["events"], ["reload"], ["top"],
            ["gateway", "stop"],
        ] {
            #expect(runCommandLine(arguments: ["clawhold"] + command + place) == 1, "\(command)")
        }
        for wrong in [
            ["restart"], ["nonsense"], ["logs", "-n", "x"], ["logs", "--limit", "5000"], ["logs", "--since", "soon"],
            ["top", "--sort", "age"], ["top", "-n", "0"], ["events", "-n", "201"], ["stop"],
            ["ps", "--dev", "--profile", "x"],
        ] {
            #expect(runCommandLine(arguments: ["clawhold"] + wrong) == 2, "\(wrong)")
        }
        #expect(runCommandLine(arguments: ["clawhold", "--version"]) == 0)
        #expect(runCommandLine(arguments: ["clawhold", "--help"]) == 0)
        #expect(runCommandLine(arguments: ["clawhold", "version"]) == 0)
    }

    @Test("several workers, one after another, each once; what one refuses does not spare the others; exit code 1")
    func several() throws {
        let directory = temporaryDirectory()
        let rows = ["gateway", "agent:main", "sidecar:broken", "model:x"].map { id in
            Block("WORKER", ["ID": id, "KIND": String(id.prefix { $0 != ":" }), "STATE": "ready", "PID": "9"])
        }
        let script = supervisorScript(directory, workers: rows)
        let supervisor = try #require(
            FakeSupervisor(socket: "\(directory)/c") { command in
                command["ID"] == "sidecar:broken" ? [Block("ANSWER", ["END": "error", "TEXT": "no"])] : script(command)
            }
        )
        defer { supervisor.stop() }
        write(#"{"controlSocket":"\#(directory)/c"}"#, to: "\(directory)/gateway.runtime.json")
        func type(_ words: String...) -> Int32 {
            runCommandLine(arguments: ["clawhold"] + words + ["--state-dir", directory])
        }
        func asked() -> [String?] {
            supervisor.received.filter { $0["ID"] != nil }.map { "\($0["CMD"] ?? "") \($0["ID"] ?? "")" }
        }
        #expect(type("restart", "broken", "main", "agent:main", "x") == 1)
        #expect(asked() == ["restart sidecar:broken", "restart agent:main", "restart model:x"])
        #expect(type("stop", "main", "nonsense") == 2)
        #expect(asked().count == 3, "nothing is done when one name is wrong")
        #expect(type("stop", "all") == 1)
        #expect(asked().dropFirst(3) == ["stop agent:main", "stop sidecar:broken", "stop model:x"])
        #expect(type("start", "all", "--json") == 0, "all of them run")
        #expect(type("restart", "all") == 1)
        #expect(asked().last == "restart gateway")
    }

    @Test("restart goes to the supervisor that runs, under the worker's whole name")
    func restart() throws {
        let directory = temporaryDirectory()
        let rows = [
            Block("WORKER", ["ID": "channel:telegram:default", "STATE": "ready", "PID": "9", "INCARNATION": "2"])
        ]
        let supervisor = try #require(
            FakeSupervisor(socket: "\(directory)/c", script: supervisorScript(directory, workers: rows))
        )
        defer { supervisor.stop() }
        write(#"{"controlSocket":"\#(directory)/c"}"#, to: "\(directory)/gateway.runtime.json")
        #expect(runCommandLine(arguments: ["clawhold", "restart", "telegram", "--state-dir", directory]) == 0)
        #expect(runCommandLine(arguments: ["clawhold", "restart", "nobody", "--state-dir", directory]) == 2)
        let asked = supervisor.received.filter { $0["CMD"] == "restart" }.map { $0["ID"] }
        #expect(asked == ["channel:telegram:default"], "a name that is none goes nowhere")
    }

    @Test(
        "paths into the configuration",
        arguments: [
            ("agents.list[0].id", ["agents", "list", "0", "id"]), ("a.b.0", ["a", "b", "0"]),
            (#"models.gpt-4\.1.x"#, ["models", "gpt-4.1", "x"]), (#"models["a.b/c"]"#, ["models", "a.b/c"]),
        ]
    )
    func paths(text: String, parts: [String]) {
        #expect(ConfigPathText.parse(text)?.parts == parts)
    }

    @Test("malformed paths are none", arguments: ["", ".", ".a", "a[", "a[]", "a\\"])
    func malformedPaths(text: String) {
        #expect(ConfigPathText.parse(text) == nil)
    }

    @Test("secrets inside an object are left out of what config get prints")
    func secrets() throws {
        let value = try JSON5Parser.parse(
            [UInt8]("{botToken: 'a', apiKey: 'b', list: [{password: 'c'}], tokenFile: '/x', token: 5}".utf8)
        )
        let text = JSONWriter.text(SecretKeys.without(value), pretty: false)
        #expect(
            text
                == #"{"botToken":"__OPENCLAW_REDACTED__","apiKey":"__OPENCLAW_REDACTED__","list":[{"password":"__OPENCLAW_REDACTED__"}],"tokenFile":"/x","token":5}"#
        )
    }
}
