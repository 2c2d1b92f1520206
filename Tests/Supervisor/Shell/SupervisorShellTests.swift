import CLinux
import Glibc
import IPCControl
import Testing

@testable import Supervisor

/// The shell with real processes, sockets and signals.
@Suite("Supervisor as a process", .serialized)
struct SupervisorShellTests {
    private let pair = FixturePlanText().with("gateway", "confirm").with("channel:telegram:default")

    @Test("it starts what the plan names, a second start exits 75 naming it, TERM ends it with 0")
    func lifeCycle() throws {
        let run = try SupervisorRun(pair)
        let supervisor = try run.supervisorPID()
        let gateway = try run.ready("gateway", 1)
        _ = try run.ready("channel:telegram:default", 1)
        #expect(try run.line("listening on ws://127.0.0.1:").contains("[gateway] listening"))
        try run.line("started incarnation 1 pid \(gateway) fds http:4,hub:5,rpc:6")

        let second = try SupervisorRun(besides: run, pair)
        #expect(try second.exitCode(within: 10) == 75)
        #expect(second.hasLine("gateway already running (pid \(supervisor)"))

        let rows = try run.ask("ps")
        #expect(rows.compactMap { $0["ID"] } == ["gateway", "channel:telegram:default"])
        #expect(rows.first?["STATE"] == "ready")
        #expect(rows.first?["PID"] == "\(gateway)")
        #expect(rows.first?["TEXT"] == "at work")
        let status = try run.ask("status")
        #expect(status.first?["PID"] == "\(supervisor)")
        #expect(status.first?["STATE_DIR"] == run.state)

        kill(supervisor, SIGTERM)
        #expect(try run.exitCode() == 0)
        try run.line("drain shutdown by 3400")
        #expect(access(RuntimePointer.path(in: run.state), F_OK) != 0)
    }

    @Test("the gateway's own socket is open to its owner alone, and the same one while gateways come and go")
    func rpcSocket() throws {
        let run = try SupervisorRun(pair)
        let gateway = try run.ready("gateway", 1)
        let path = run.controlSocket.replacing("control.sock", with: "rpc.sock")
        let pointer = try SystemFile.text(RuntimePointer.path(in: run.state), limit: 4096)
        #expect(pointer.contains("\"rpcSocket\":\"\(path)\""))
        var (before, after, state) = (stat(), stat(), stat())
        #expect(stat(path, &before) == 0 && stat(run.state, &state) == 0)
        #expect(before.st_mode & 0o777 == 0o600 && before.st_uid == state.st_uid)
        kill(gateway, SIGKILL)
        // Between two gateways: whoever dials waits for the next one.
        let client = Descriptor(owning: clinux_unix_socket())
        #expect(clinux_connect_unix(client.raw, path) == 0)
        let next = try run.ready("gateway", 2)
        try run.line("started incarnation 2 pid \(next) fds http:4,hub:5,rpc:6")
        #expect(stat(path, &after) == 0 && after.st_ino == before.st_ino)
    }

    @Test("after kill -9 of the supervisor the next start succeeds although a worker was stopped by SIGSTOP")
    func afterKill() throws {
        let run = try SupervisorRun(pair)
        let supervisor = try run.supervisorPID()
        kill(try run.ready("channel:telegram:default", 1), SIGSTOP)
        kill(supervisor, SIGKILL)
        #expect(try run.exitCode() == 137)
        let next = try SupervisorRun(besides: run, pair)
        _ = try next.ready("channel:telegram:default", 1)
    }

    @Test("a killed worker is replaced, the others keep their processes, the gateway is told")
    func replacement() throws {
        let run = try SupervisorRun(pair)
        let gateway = try run.ready("gateway", 1)
        kill(try run.ready("channel:telegram:default", 1), SIGKILL)
        _ = try run.ready("channel:telegram:default", 2)
        try run.line("channel:telegram:default died: killed by SIGKILL; restart 1 at once")
        try run.line("[gateway] exit of channel:telegram:default 1 signal")
        try run.line("[gateway] row channel:telegram:default ready 2")
        let rows = try run.ask("ps")
        #expect(rows.first?["PID"] == "\(gateway)")
        #expect(rows.dropFirst().first?["CAUSE"] == "signal")
        #expect(rows.dropFirst().first?["RESTARTS"] == "1")
    }

    @Test("a death that no gateway has confirmed is told to the next one; one that is confirmed is not")
    func unconfirmed() throws {
        let plan = FixturePlanText().with("gateway").with("channel:telegram:default")
        let run = try SupervisorRun(plan)
        let gateway = try run.ready("gateway", 1)
        kill(try run.ready("channel:telegram:default", 1), SIGKILL)
        try run.line("[gateway] exit of channel:telegram:default 1 signal")
        // From now on the gateway confirms.
        try run.plan(FixturePlanText().with("gateway", "confirm").with("channel:telegram:default"))
        _ = try run.ask("replan")
        let second = run.lines.count
        kill(gateway, SIGKILL)
        _ = try run.ready("gateway", 2)
        try run.line(from: second, "[gateway] exit of channel:telegram:default 1 signal")
        try run.line("[gateway] exit of gateway 1 signal")
        let third = run.lines.count
        kill(try run.ready("gateway", 2), SIGKILL)
        _ = try run.ready("gateway", 3)
        try run.line(from: third, "[gateway] exit of gateway 2 signal")
        #expect(!run.lines[third...].contains { $0.contains("exit of channel:telegram:default 1") })
    }

    @Test("restart by a short name drains, replaces and answers when the new incarnation is ready")
    func restart() throws {
        let plan = pair.with("channel:telegram:work").with("model:anthropic", start: "demand")
        let run = try SupervisorRun(plan)
        _ = try run.ready("channel:telegram:work", 1)
        let ambiguous = try run.ask("restart", ["ID": "telegram"]).last
        #expect(ambiguous?["END"] == "error")
        #expect(ambiguous?["TEXT"]?.contains("channel:telegram:default, channel:telegram:work") == true)
        #expect(try run.ask("restart", ["ID": "nobody"]).last?["TEXT"]?.contains("no worker \"nobody\"") == true)
        #expect(try run.ask("restart", ["ID": "work"]).last?["END"] == "ok")
        try run.line("drain restart by 10000")
        let row = try run.ask("ps").first { $0["ID"] == "channel:telegram:work" }
        #expect(row?["INCARNATION"] == "2")
        #expect(row?["STATE"] == "ready")
        #expect(row?["RESTARTS"] == "0")
        #expect(try run.ask("stop", ["ID": "work"]).last?["END"] == "ok")
        #expect(try run.ask("ps").first { $0["ID"] == "channel:telegram:work" }?["STATE"] == "stopped")
        #expect(try run.ask("start", ["ID": "work"]).last?["END"] == "ok")
        #expect(try run.ask("ps").first { $0["ID"] == "model:anthropic" }?["STATE"] == "stopped")
        #expect(try run.ask("start", ["ID": "anthropic"]).last?["END"] == "ok")
        _ = try run.ready("model:anthropic", 1)
    }

    @Test("HUP restarts exactly the worker whose revision changed, starts the new one and ends the one that is gone")
    func replan() throws {
        let run = try SupervisorRun(pair.with("agent:main").with("agent:old"))
        let supervisor = try run.supervisorPID()
        for id in ["gateway", "channel:telegram:default", "agent:main", "agent:old"] { _ = try run.ready(id, 1) }
        try run.plan(
            FixturePlanText().with("gateway", "confirm").with("channel:telegram:default", "line=again", revision: "2")
                .with("agent:main").with("agent:new")
        )
        kill(supervisor, SIGHUP)
        _ = try run.ready("channel:telegram:default", 2)
        _ = try run.ready("agent:new", 1)
        try run.line("[fixture] again")
        try run.line("[gateway] gone agent:old")
        let rows = try run.ask("ps")
        let incarnations = rows.compactMap { row in row["ID"].map { "\($0) \(row["INCARNATION"] ?? "")" } }
        #expect(
            incarnations.sorted() == ["agent:main 1", "agent:new 1", "channel:telegram:default 2", "gateway 1"]
        )
    }

    @Test("a planner that refuses leaves the last plan in force")
    func refusedReplan() throws {
        let run = try SupervisorRun(pair)
        _ = try run.ready("channel:telegram:default", 1)
        try run.plan(FixturePlanText(refusal: "exit 78"))
        let answer = try run.ask("replan").last
        #expect(answer?["END"] == "error")
        try run.line("the last configuration stays in force")
        try run.plan(FixturePlanText(refusal: "TYPE=SETTINGS\nSTATE_DIR=/x\n\n"))
        #expect(try run.ask("replan").last?["TEXT"]?.contains("CONFIG_PATH is missing") == true)
        #expect(try run.ask("ps").count == 3)
    }

    @Test("at the start a refusal's exit code is the supervisor's", arguments: [1, 78])
    func refusedStart(code: Int32) throws {
        let run = try SupervisorRun(FixturePlanText(refusal: "exit \(code)"))
        #expect(try run.exitCode() == code)
        #expect(run.hasLine("refused by the fixture"))
    }

    @Test("FATAL parks until the revision changes, and start says why not")
    func fatal() throws {
        let run = try SupervisorRun(FixturePlanText().with("gateway").with("channel:telegram:default", "fatal"))
        try run.line("channel:telegram:default is parked: the token is wrong")
        let row = try run.ask("ps").first { $0["ID"] == "channel:telegram:default" }
        #expect(row?["STATE"] == "parked")
        #expect(row?["CAUSE"] == "fatal")
        #expect(row?["TEXT"] == "the token is wrong")
        #expect(row?["DEATH"] == "the token is wrong")
        let answer = try run.ask("start", ["ID": "telegram"]).last
        #expect(answer?["TEXT"]?.contains("parked: the token is wrong") == true)
        try run.plan(FixturePlanText().with("gateway").with("channel:telegram:default", revision: "2"))
        #expect(try run.ask("replan").last?["END"] == "ok")
        _ = try run.ready("channel:telegram:default", 3)
    }

    @Test("workers get a cleared environment, and their secrets never reach the log")
    func secrets() throws {
        let run = try SupervisorRun(
            FixturePlanText().with("gateway").with("channel:telegram:default", "env secret", secret: "12345:abcdefgh")
        )
        try run.line("[channel] secret TOKEN is [redacted]")
        _ = try run.ready("channel:telegram:default", 1)
        let environment = run.lines.compactMap { $0.split(separator: "] env ").dropFirst().first.map(String.init) }
        #expect(environment.sorted() == ["MALLOC_ARENA_MAX=1", "SWIFT_BACKTRACE=enable=no", "TZ=UTC"])
        #expect(!run.lines.contains { $0.contains("abcdefgh") })
        let told = try run.ask("logs", ["ID": "telegram"])
        #expect(told.contains { $0["TEXT"]?.contains("[redacted]") == true })
        #expect(!told.contains { $0["TEXT"]?.contains("abcdefgh") == true })
    }

    @Test("a flood of log lines into an output that nobody reads stops nothing, and the count of lost lines is exact")
    func flood() throws {
        let total = 60_000
        let run = try SupervisorRun(FixturePlanText().with("gateway").with("agent:main", "flood=\(total)"))
        // Nothing is read before the flood is over, yet the control socket answers and the worker becomes ready.
        try eventually("the pointer") { access(RuntimePointer.path(in: run.state), F_OK) == 0 }
        try eventually("a ready worker") { try run.ask("ps").first { $0["ID"] == "agent:main" }?["STATE"] == "ready" }
        let dropped = try run.ask("status").first?.integer("LOG_DROPPED") ?? 0
        #expect(dropped > 0)
        _ = try run.ask("shutdown")
        #expect(try run.exitCode() == 0)
        let notes = run.lines.filter { $0.contains("log lines of agent:main were dropped here") }
        let lost = notes.reduce(0) { $0 + Int(SupervisorRun.pid(in: $1, after: "warning: ")) }
        let seen = run.lines.count { $0.contains("[flood] line ") }
        let others = lost - (total - seen)
        // What it says of its start and of its end.
        #expect(others >= 0 && others < 5, "lost \(lost), seen \(seen): \(others) lines that are not of the flood")
        // One that floods pushes nobody else out.
        #expect(!run.lines.contains { $0.contains("log lines of gateway were dropped") })
        #expect(!run.hasLine("died"))
    }

    @Test("a worker that spends ten times its budget dies alone, and ps says of what")
    func budget() throws {
        let plan = pair.with("agent:main", "allocate=640", hardKB: 65_536)
        let run = try SupervisorRun(plan)
        let gateway = try run.ready("gateway", 1)
        try run.line("agent:main died: ")
        let row = try run.ask("ps").first { $0["ID"] == "agent:main" }
        let cause = row?["CAUSE"] ?? ""
        #expect(cause == "oom-own" || cause == "allocation", "\(row?["TEXT"] ?? "")")
        #expect(try run.ask("ps").first?["PID"] == "\(gateway)")
    }

    @Test("TERM ends a tree that does not listen within the schedule, a second TERM at once")
    func stubborn() throws {
        let plan = FixturePlanText().with("gateway", "slow-stop").with("agent:main", "slow-stop")
        let run = try SupervisorRun(plan)
        _ = try run.ready("agent:main", 1)
        let start = Instant.now()
        kill(try run.supervisorPID(), SIGTERM)
        #expect(try run.exitCode() == 0)
        let took = Instant.now() - start
        #expect(took >= .milliseconds(3500) && took < .seconds(5), "\(took.inWords)")
        #expect(run.hasLine("out of time: killing agent:main, gateway"))

        let again = try SupervisorRun(besides: run, plan)
        _ = try again.ready("agent:main", 1)
        let supervisor = try again.supervisorPID()
        kill(supervisor, SIGTERM)
        try again.line("drain shutdown by 2000")
        let second = Instant.now()
        kill(supervisor, SIGTERM)
        #expect(try again.exitCode() == 0)
        #expect(Instant.now() - second < .seconds(2))
    }

    @Test("what belongs to a worker is turned away from the control socket, and so is the seventeenth client")
    func controlAccess() throws {
        let run = try SupervisorRun(FixturePlanText().with("gateway").with("agent:main", "control"))
        try run.line("[agent] control: turned away")
        try run.line("belongs to a worker and is turned away")
        let clients = try (0..<16).map { _ in try ControlConnection(run) }
        #expect(try clients[15].ask("status").last?["END"] == "ok")
        let extra = try ControlConnection(run)
        #expect(try extra.next(within: 5) == nil)
        try clients[0].send("logs", ["FOLLOW": "1", "LINES": "0", "ID": "gateway"])
        kill(try run.ready("gateway", 1), SIGKILL)
        #expect(try clients[0].next()?["TEXT"]?.contains("started incarnation 2") == true)
    }

    @Test("the gateway may start and restart by name; another worker may not, and an unknown name starts nothing")
    func gatewayCommands() throws {
        let plan = FixturePlanText()
            .with("gateway", "command=START,model:anthropic command=START,model:none command=RESTART,agent:main")
            .with("agent:main", "command=START,model:openai")
            .with("model:anthropic", "leave", start: "demand").with("model:openai", start: "demand")
        let run = try SupervisorRun(plan)
        _ = try run.ready("model:anthropic", 1)
        _ = try run.ready("agent:main", 2)
        try run.line("[gateway] row model:anthropic stopped 1")
        let rows = try run.ask("ps")
        #expect(rows.count == 5)
        #expect(rows.first { $0["ID"] == "model:openai" }?["INCARNATION"] == "0")
    }

    @Test("the gateway's REPLAN reads the configuration again")
    func gatewayReplan() throws {
        let run = try SupervisorRun(FixturePlanText().with("gateway"))
        let gateway = try run.ready("gateway", 1)
        try run.plan(FixturePlanText().with("gateway", "command=REPLAN"))
        #expect(try run.ask("replan").last?["END"] == "ok")
        try run.plan(FixturePlanText().with("gateway").with("agent:new"))
        kill(gateway, SIGKILL)
        _ = try run.ready("agent:new", 1)
        #expect(run.hasLine("[config] reading the configuration again"))
    }

    @Test("a sidecar runs its command with its own environment and is ended by TERM, with all that it started")
    func sidecar() throws {
        let script = "sleep 1000 & echo grandchild $! started; wait"
        let plan = FixturePlanText().with("gateway")
            .with("sidecar:helper", arguments: ["/bin/sh", "-c", script])
        let run = try SupervisorRun(plan)
        _ = try run.ready("sidecar:helper", 1)
        let grandchild = SupervisorRun.pid(in: try run.line("[helper] grandchild "), after: "grandchild ")
        #expect(kill(grandchild, 0) == 0)
        #expect(try run.ask("stop", ["ID": "helper"]).last?["END"] == "ok")
        try eventually("the end of the grandchild", within: .seconds(10)) { kill(grandchild, 0) != 0 }
    }
}
