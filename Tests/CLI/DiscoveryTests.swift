import Config
import Glibc
import IPCControl
import Testing

@testable import CLI

@Suite("Finding the gateway")
struct DiscoveryTests {
    let directory = temporaryDirectory()

    private func discovery(_ variables: [String: String] = [:], stateDirectory: String? = nil) -> Discovery {
        var discovery = Discovery(stateDirectory: stateDirectory)
        discovery.environment = Environment(["HOME": "\(directory)/home"].merging(variables) { $1 })
        discovery.roots = ["\(directory)/run"]
        return discovery
    }

    private func supervisor(_ name: String, state: String) throws -> FakeSupervisor {
        mkdir("\(directory)/run", 0o700)
        mkdir("\(directory)/run/\(name)", 0o700)
        return try #require(
            FakeSupervisor(socket: "\(directory)/run/\(name)/control.sock", script: supervisorScript(state))
        )
    }

    @Test("by the pointer in the state directory that the environment names")
    func pointer() throws {
        let state = "\(directory)/data"
        mkdir(state, 0o700)
        let supervisor = try #require(FakeSupervisor(socket: "\(directory)/c", script: supervisorScript(state)))
        defer { supervisor.stop() }
        write(#"{"pid":643,"controlSocket":"\#(directory)/c","rpcSocket":"x"}"#, to: "\(state)/gateway.runtime.json")
        #expect(try discovery(["OPENCLAW_STATE_DIR": state]).find().status["PID"] == "643")
        #expect(try discovery(stateDirectory: state).find().socket == "\(directory)/c")
    }

    @Test("by looking around when there is no pointer; a left-over socket does not count")
    func scan() throws {
        let first = try supervisor("aaaaaaaa", state: "/data")
        defer { first.stop() }
        let dead = try supervisor("cccccccc", state: "/gone")
        dead.stop()
        write("", to: "\(directory)/run/cccccccc/control.sock")
        #expect(try discovery().find().status["STATE_DIR"] == "/data")
    }

    @Test("of several, the one whose state directory was named; without a name they are listed")
    func several() throws {
        let first = try supervisor("aaaaaaaa", state: "/data")
        let second = try supervisor("bbbbbbbb", state: "/other")
        defer {
            first.stop()
            second.stop()
        }
        #expect(try discovery(["OPENCLAW_STATE_DIR": "/other"]).find().socket == second.socket)
        let failure = #expect(throws: CommandFailure.self) { try discovery().find() }
        #expect(failure?.code == 2)
        #expect(failure?.text.contains("  --state-dir /data   (PID 643)\n  --state-dir /other") == true)
        #expect(throws: Discovery.NotRunning.self) { try discovery(["OPENCLAW_STATE_DIR": "/third"]).find() }
    }

    @Test("of hundreds of left-over directories none hides the second gateway: the first is not taken for the only one")
    func manyLeftOvers() throws {
        let first = try supervisor("000", state: "/data")
        let last = try supervisor("zzz", state: "/other")
        defer {
            first.stop()
            last.stop()
        }
        for number in 100..<500 { mkdir("\(directory)/run/\(number)", 0o700) }
        #expect(throws: CommandFailure.self) { try discovery().find() }
        #expect(try discovery(["OPENCLAW_STATE_DIR": "/other"]).find().socket == last.socket)
    }

    @Test("beyond the number of directories that is looked into, nothing is guessed")
    func tooMany() throws {
        let only = try supervisor("000", state: "/data")
        defer { only.stop() }
        for number in 0..<Discovery.socketLimit { mkdir("\(directory)/run/d\(number)", 0o700) }
        let failure = #expect(throws: CommandFailure.self) { try discovery().find() }
        #expect(failure?.code == 2 && failure?.text.contains("--state-dir DIR") == true)
    }

    @Test("a gateway that hangs up without a word may be the one that is meant: nothing else is taken for it")
    func silent() throws {
        let talking = try supervisor("aaaaaaaa", state: "/data")
        mkdir("\(directory)/run/bbbbbbbb", 0o700)
        let silent = try #require(FakeSupervisor(socket: "\(directory)/run/bbbbbbbb/control.sock") { _ in [] })
        defer {
            talking.stop()
            silent.stop()
        }
        let failure = #expect(throws: CommandFailure.self) { try discovery().find() }
        #expect(failure?.text.contains(silent.socket) == true)
        #expect(try discovery(["OPENCLAW_STATE_DIR": "/data"]).find().socket == talking.socket)
    }

    @Test("when nothing runs, it says where it looked and what to type")
    func nothing() {
        let missing = #expect(throws: Discovery.NotRunning.self) { try discovery().find() }
        #expect(
            missing?.text.hasPrefix("No gateway is running for \(directory)/home/.openclaw.\nStart it with:") == true
        )
    }

    @Test(
        "a stale pointer and a pointer that is nonsense are passed over",
        arguments: ["{", "{}", #"{"controlSocket":"/nowhere/x"}"#, #"{"controlSocket":""}"#]
    )
    func stale(text: String) throws {
        mkdir("\(directory)/data", 0o700)
        write(text, to: "\(directory)/data/gateway.runtime.json")
        #expect(throws: Discovery.NotRunning.self) { try discovery(stateDirectory: "\(directory)/data").find() }
    }
}

@Suite("The control connection")
struct ControlConnectionTests {
    let directory = temporaryDirectory()

    @Test("gives the blocks of an answer, then the supervisor's no in its own words")
    func answers() throws {
        let rows = (0..<100).map {
            Block("WORKER", ["ID": "agent:a\($0)", "TEXT": String(repeating: "%\n", count: 200)])
        }
        let supervisor = try #require(
            FakeSupervisor(socket: "\(directory)/c", script: supervisorScript("/data", workers: rows))
        )
        defer { supervisor.stop() }
        let connection = try ControlConnection(path: supervisor.socket)
        #expect(try connection.blocks(Block("COMMAND", ["CMD": "ps"])) == rows)
        #expect(throws: CommandFailure(text: "there is no worker \"nobody\"")) {
            try connection.ask(Block("COMMAND", ["CMD": "restart", "ID": "nobody"]))
        }
        #expect(supervisor.received.map { $0["CMD"] } == ["ps", "restart"])
    }

    @Test("a supervisor that hangs up without a word means: not this user")
    func turnedAway() throws {
        let supervisor = try #require(FakeSupervisor(socket: "\(directory)/c", script: supervisorScript("/data")))
        defer { supervisor.stop() }
        let failure = #expect(throws: CommandFailure.self) {
            try ControlConnection(path: supervisor.socket).ask(Block("COMMAND", ["CMD": "silence"]))
        }
        #expect(failure?.text.contains("root and the owner of its state directory only") == true)
    }

    @Test("nobody there, and a path that no socket can have")
    func refused() {
        #expect(throws: ControlConnection.Refused.gone) { try ControlConnection(path: "\(directory)/none") }
        #expect(throws: ControlConnection.Refused.self) {
            try ControlConnection(path: String(repeating: "x", count: 200))
        }
    }

    @Test(
        "in /tmp only what a supervisor makes for its user is looked into",
        arguments: [
            ("clawhold-1000", true), ("clawhold-0", true), ("clawhold-", false), ("clawhold-a1", false),
            ("clawhold-12345678901", false), ("clawhold1000", false), ("x-clawhold-1", false),
        ]
    )
    func usersDirectory(name: String, isMeant: Bool) {
        #expect(Discovery.isUsersDirectory(name) == isMeant)
    }
}
