import Glibc
import IPCControl
import Testing

@testable import Supervisor

/// Upgrades of real processes: the fixture's executable, copied, and made another build by its build id.
@Suite("Upgrade in place", .serialized)
struct UpgradeRunTests {
    private let pair = FixturePlanText().with("gateway", "confirm").with("channel:telegram:default")

    @Test("the supervisor keeps its pid, lock, port and workers, then all are replaced, the gateway first")
    func forward() throws {
        let run = try SupervisorRun(pair)
        let supervisor = try run.supervisorPID()
        let gateway = try run.ready("gateway", 1)
        let channel = try run.ready("channel:telegram:default", 1)
        let before = try run.ask("status").first?["BUILD"]
        let next = try NextBuild(in: run.directory)

        let answer = try run.ask("upgrade", ["PATH": next.path])
        #expect(answer.last?["END"] == "ok", "\(answer)")
        #expect(next.id != before)
        try run.line("this is build \(next.id) now, PID \(supervisor)")
        #expect(try run.ready("gateway", 2) != gateway)
        #expect(try run.ready("channel:telegram:default", 2) != channel)
        let order = run.lines.filter { $0.contains("is being replaced") }
        #expect(order.count == 2 && order[0].contains("gateway") && order[1].contains("telegram"))
        #expect(SystemFile.link("/proc/\(supervisor)/exe") == next.path)
        #expect(try run.ask("status").first?["BUILD"] == next.id)

        let second = try SupervisorRun(besides: run, pair)
        #expect(try second.exitCode(within: 10) == 75)
        #expect(second.hasLine("gateway already running (pid \(supervisor)"))
        #expect(kill(supervisor, SIGTERM) == 0)
        #expect(try run.exitCode() == 0)
    }

    @Test("a program whose gateway is not ready within 2 s executes the old one back, which serves on")
    func back() throws {
        let plan = FixturePlanText().with("gateway", "confirm deaf-in-next").with("channel:telegram:default")
        let run = try SupervisorRun(plan)
        let supervisor = try run.supervisorPID()
        let old = SystemFile.link("/proc/\(supervisor)/exe")
        let before = try run.ask("status").first?["BUILD"] ?? ""
        let channel = try run.ready("channel:telegram:default", 1)
        let next = try NextBuild(in: run.directory)
        let answer = try run.ask("upgrade", ["PATH": next.path]).last
        #expect(answer?["END"] == "error")
        #expect(answer?["TEXT"]?.contains("its gateway was not ready within 2 s") == true)
        #expect(answer?["TEXT"]?.contains("PID \(supervisor)") == true)
        #expect(SystemFile.link("/proc/\(supervisor)/exe") == old)
        #expect(try run.ask("status").first?["BUILD"] == before)
        let rows = try run.ask("ps")
        #expect(rows.first?["STATE"] == "ready" && rows.first?["INCARNATION"] == "3")
        #expect(rows.dropFirst().first?["PID"] == "\(channel)", "the channel was never touched")
        try run.line("executing the build before")
        let second = try SupervisorRun(besides: run, plan)
        #expect(try second.exitCode(within: 10) == 75)
    }

    @Test("a program that is none, that fails, hangs or speaks of another state is refused; nothing is touched")
    func broken() throws {
        let run = try SupervisorRun(pair)
        let gateway = try run.ready("gateway", 1)
        let channel = try run.ready("channel:telegram:default", 1)
        let script = "\(run.directory)/script"
        try SystemFile.replace(script, with: "#!/bin/sh\nexit 1\n", mode: 0o755)
        try SystemFile.replace("\(run.directory)/text", with: "hello", mode: 0o644)
        try SystemFile.replace("\(run.directory)/open", with: "#!/bin/sh\n", mode: 0o777)
        let older = try NextBuild(in: run.directory, name: "older") { bytes in
            let format = Array("supervisor state, version 1".utf8)
            guard let range = bytes.firstRange(of: format) else { return }
            bytes[range.upperBound - 1] = UInt8(ascii: "0")
        }
        let slow = try NextBuild(in: run.directory, name: "slow")
        for (path, words) in [
            ("relative", "not an absolute path"), ("\(run.directory)/none", "ENOENT"),
            (run.directory, "not an executable file"), ("\(run.directory)/text", "chmod 755"),
            ("\(run.directory)/open", "chmod go-w"), (script, "self-check"), ("/bin/true", "no Clawhold"),
            ("/bin/false", "exit"), (older.path, "version 0"), (slow.path, "within 5 s"),
        ] {
            let answer = try run.ask("upgrade", ["PATH": path]).last
            #expect(answer?["END"] == "error" && answer?["TEXT"]?.contains(words) == true, "\(path): \(answer as Any)")
        }
        let rows = try run.ask("ps")
        #expect(rows.compactMap { $0["PID"] } == ["\(gateway)", "\(channel)"])
    }

    @Test("TERM during the self-check, and during the rollout, ends all with 0 within the four seconds")
    func termination() throws {
        for (name, script, words) in [
            ("slow", "confirm", "self-check"), ("next", "confirm deaf-in-next", "gateway is being replaced"),
        ] {
            let run = try SupervisorRun(FixturePlanText().with("gateway", script).with("agent:main"))
            let supervisor = try run.supervisorPID()
            _ = try run.ready("agent:main", 1)
            let next = try NextBuild(in: run.directory, name: name)
            let client = try ControlConnection(run)
            try client.send("upgrade", ["PATH": next.path])
            try run.line("upgrade", words)
            let began = Instant.now()
            kill(supervisor, SIGTERM)
            #expect(try run.exitCode(within: 10) == 0)
            #expect(Instant.now() - began < .seconds(5))
        }
    }

    @Test("what waits survives: a follower of the log, an unconfirmed death, counters, events, lines")
    func carried() throws {
        let run = try SupervisorRun(
            FixturePlanText().with("gateway").with("channel:telegram:default").with("agent:main")
        )
        _ = try run.ready("agent:main", 1)
        let follower = try ControlConnection(run)
        try follower.send("logs", ["FOLLOW": "1", "ID": "agent:main", "LINES": "1"])
        kill(try run.ready("channel:telegram:default", 1), SIGKILL)
        _ = try run.ready("channel:telegram:default", 2)
        try run.line("[gateway] exit of channel:telegram:default 1 signal")
        let mark = run.lines.count
        #expect(try run.ask("upgrade", ["PATH": try NextBuild(in: run.directory).path]).last?["END"] == "ok")
        // Told again, to the new gateway, because the old one never confirmed it.
        try run.line(from: mark, "[gateway] exit of channel:telegram:default 1 signal")
        var isFollowing = false
        while !isFollowing, let block = try follower.next() {
            isFollowing = block["TEXT"]?.contains("started incarnation 2") == true
        }
        #expect(isFollowing)
        let row = try run.ask("ps").first { $0["ID"] == "channel:telegram:default" }
        #expect(row?["RESTARTS"] == "1" && row?["INCARNATION"] == "3")
        let events = try run.ask("events").compactMap { $0["TEXT"] }
        #expect(events.contains { $0.contains("killed by SIGKILL") } && events.contains("upgrade complete"))
        #expect(try run.ask("logs", ["LINES": "1000"]).contains { $0["TEXT"]?.contains("incarnation 1 pid") == true })
    }

    @Test("HUP upgrades when the file was replaced, and reads the configuration when it was not")
    func reload() throws {
        let first = try NextBuild(in: "/tmp", name: "clawhold-test-\(UInt64.random(in: 0...(.max)))")
        defer { unlink(first.path) }
        let run = try SupervisorRun(pair, executable: first.path)
        let supervisor = try run.supervisorPID()
        _ = try run.ready("gateway", 1)
        kill(supervisor, SIGHUP)
        try run.line("reading the configuration again")
        unlink(first.path)
        let second = try NextBuild(in: "/tmp", name: String(first.path.dropFirst(5)))
        kill(supervisor, SIGHUP)
        try run.line("this is build \(second.id) now, PID \(supervisor)")
        try run.line("upgrade complete")
    }
}

/// A copy of the fixture that calls itself another build: its linker's note is changed.
struct NextBuild {
    let path: String
    let id: String

    init(in directory: String, name: String = "next", change: (inout [UInt8]) -> Void = { _ in }) throws {
        guard let own = SystemFile.link("/proc/self/exe"), let slash = own.lastIndex(of: "/") else {
            throw SupervisorRun.Missing(description: "the test's own path")
        }
        var bytes = try SystemFile.bytes("\(own[...slash])SupervisorFixture", limit: 1 << 30)
        // The header of the note: 4 bytes of name, 20 of content, type 3, "GNU".
        let header: [UInt8] = [4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 0x47, 0x4E, 0x55, 0]
        guard let note = bytes.firstRange(of: header) else {
            throw SupervisorRun.Missing(description: "a build id in the fixture")
        }
        let digits = (0..<20).map { _ in UInt8.random(in: 0...255) }
        bytes.replaceSubrange(note.upperBound..<(note.upperBound + 20), with: digits)
        change(&bytes)
        path = "\(directory)/\(name)"
        id = Build.make(note: digits)
        let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o755)
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(file.raw, $0.baseAddress, $0.count) }
            guard count > 0 else { throw SupervisorRun.Missing(description: "room for a copy of the fixture") }
            rest = rest.dropFirst(count)
        }
    }
}
