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

    @Test("durations, sizes, bars and times")
    func words() {
        #expect(Words.duration(milliseconds: -5) == "0 s")
        #expect(Words.duration(milliseconds: 59_999) == "59 s")
        #expect(Words.duration(milliseconds: 60_000) == "1 m")
        #expect(Words.duration(milliseconds: 3_725_000) == "1 h 2 m")
        #expect(Words.duration(milliseconds: 90_061_000) == "1 d 1 h")
        #expect(Words.megabytes(kilobytes: 1536) == "1.5 MB" && Words.megabytes(kilobytes: 131_072) == "128 MB")
        #expect(Words.megabytes(kilobytes: .max) == "1099511627776 MB")
        #expect(Words.bar(0, of: 100) == "----------" && Words.bar(1, of: 100) == "#---------")
        #expect(Words.bar(55, of: 100) == "#####-----" && Words.bar(900, of: 100) == "##########")
        #expect(Words.bar(.max, of: 1) == "##########" && Words.bar(5, of: 0) == "----------")
        #expect(Words.time(milliseconds: 0) == "1970-01-01T00:00:00.000Z")
        #expect(Words.time(milliseconds: 1_709_210_096_789) == "2024-02-29T12:34:56.789Z")
        #expect(Words.time(milliseconds: 1_795_442_400_000) == "2026-11-23T14:00:00.000Z")
    }

    @Test("the worker table lines up, and hostile numbers do not matter")
    func table() throws {
        let rows = [
            try Self.row([
                "ID": "gateway", "STATE": "ready", "PID": "12", "MEMORY_KB": "20480", "SOFT_KB": "98304",
                "HARD_KB": "131072",
                "RESTARTS": "0", "SINCE_MS": "1000",
            ]),
            try Self.row([
                "ID": "channel:telegram:default", "STATE": "parked", "PID": "0", "RESTARTS": "3", "CAUSE": "fatal",
                "TEXT": "401 Unauthorized", "MEMORY_KB": "9223372036854775807", "SINCE_MS": "-9223372036854775808",
            ]),
        ]
        #expect(
            WorkerTable.lines(rows, now: 61_000, style: .plain)
                == [
                    "WORKER                    STATE   PID  MEMORY                      RESTARTS  FOR  LAST CAUSE",
                    "gateway                   ready    12  #---------  20.0 MB of 128         0  1 m",
                    "channel:telegram:default  parked    -  ----------  -                      3  -    fatal: 401 Unauthorized",
                ]
        )
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
        #expect(healthy.contains("PID 643, up 1 h 2 m") && healthy.contains("ws://0.0.0.0:3000 (lan, IPv4 and IPv6)"))
        let degraded = try page([gateway, parked])
        #expect(degraded.contains("  degraded\n") && degraded.contains("channel:telegram:default is parked: 401"))
        #expect(degraded.contains("clawhold reload"))
        #expect(try page([gateway.merging(["STATE": "backoff"]) { $1 }]).contains("  down\n"))
    }

    @Test("JSON is JSON, whatever the texts hold")
    func json() throws {
        let status = try #require(supervisorScript("/da\"ta\n")(Block("COMMAND", ["CMD": "status"])).first)
        let row = try Self.row(["ID": "gateway", "TEXT": "a\"\\\u{1}\u{2028}", "PID": "7"])
        let value = try JSON5Parser.parse([UInt8](StatusPage.json(status, [row]).utf8))
        #expect(value["stateDir"]?.string == "/da\"ta\n")
        #expect(value["workers"]?.array?.first?["text"]?.string == "a\"\\\u{1}\u{2028}")
        #expect(value["workers"]?.array?.first?["pid"]?.integer == 7)
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
            ["restart"], ["nonsense"], ["logs", "-n", "x"], ["logs", "--limit", "5000"],
            ["ps", "--dev", "--profile", "x"],
        ] {
            #expect(runCommandLine(arguments: ["clawhold"] + wrong) == 2, "\(wrong)")
        }
        #expect(runCommandLine(arguments: ["clawhold", "--version"]) == 0)
        #expect(runCommandLine(arguments: ["clawhold", "--help"]) == 0)
        #expect(runCommandLine(arguments: ["clawhold", "version"]) == 0)
    }

    @Test("restart goes to the supervisor that runs, and its no becomes exit code 1")
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
        #expect(runCommandLine(arguments: ["clawhold", "restart", "nobody", "--state-dir", directory]) == 1)
        let asked = supervisor.received.filter { $0["CMD"] == "restart" }.map { $0["ID"] }
        #expect(asked == ["telegram", "nobody"])
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
