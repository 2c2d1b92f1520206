import Glibc
import IPCControl
import Testing

@testable import Supervisor

/// Outputs that nobody reads, and workers that write without end.
@Suite("Logs under pressure, as a process", .serialized)
struct LogFloodTests {
    /// A foreign program that writes lines of 100 bytes to standard error and says when it is done.
    private func pouring(_ lines: Int) -> [String] {
        let text = String(repeating: "x", count: 99)
        return ["/bin/sh", "-c", "yes \(text) | head -n \(lines) >&2; echo poured; exec sleep 1000"]
    }

    /// From its pointer: the log is not read.
    private func supervisor(of run: SupervisorRun) throws -> Int32 {
        try eventually("the pointer") { access(RuntimePointer.path(in: run.state), F_OK) == 0 }
        return SupervisorRun.pid(in: try SystemFile.text(RuntimePointer.path(in: run.state)), after: "\"pid\":")
    }

    private func residentKB(_ pid: Int32) throws -> Int64 {
        try #require(SystemFile.field("VmRSS", of: try SystemFile.text("/proc/\(pid)/status")))
    }

    private func descriptors(_ pid: Int32) -> Int { SystemFile.names(in: "/proc/\(pid)/fd").count }

    @Test(
        "megabytes of one worker into a blocked output: it is never blocked, memory stays, every line is accounted for"
    )
    func flood() throws {
        let total = 300_000
        let plan = FixturePlanText().with("gateway").with("sidecar:pour", arguments: pouring(total))
        let run = try SupervisorRun(plan)
        let pid = try supervisor(of: run)
        let before = try residentKB(pid)
        try eventually("the end of the flood", within: .seconds(120)) {
            try run.ask("logs", ["ID": "pour", "LINES": "5"]).contains { $0["TEXT"] == "[pour] poured" }
        }
        // Rings and buffer have their bounds: 30 MB went through.
        #expect(try residentKB(pid) - before < 2500)
        let dropped = try run.ask("status").first?.integer("LOG_DROPPED") ?? 0
        _ = try run.ask("shutdown")
        #expect(try run.exitCode() == 0)
        let out = run.lines.count { $0.hasSuffix("[pour] \(String(repeating: "x", count: 99))") }
        let lost = run.lines.filter { $0.contains(" log lines of sidecar:pour were dropped here") }.reduce(0) {
            $0 + Int(SupervisorRun.pid(in: $1, after: "warning: "))
        }
        // "poured" itself may be one of the lost.
        let poured = run.hasLine("[pour] poured") ? 0 : 1
        #expect(out + lost - poured == total)
        #expect(dropped >= lost - 1)
        #expect(!run.lines.contains { $0.contains("log lines of gateway were dropped") })
    }

    @Test("while one writes without end, heartbeats are heard, commands are answered and the others' lines come out")
    func fairness() throws {
        let endless = ["/bin/sh", "-c", "exec yes \(String(repeating: "y", count: 60))"]
        let plan = FixturePlanText().with("gateway").with("sidecar:noise", arguments: endless).with("agent:main")
        let run = try SupervisorRun(plan)
        let pid = try supervisor(of: run)
        var slowest = Duration.zero
        for number in 2...6 {
            let begin = Instant.now()
            #expect(try run.ask("restart", ["ID": "agent:main"]).last?["END"] == "ok")
            slowest = max(slowest, Instant.now() - begin)
            try run.line("[agent] started incarnation \(number) ")
        }
        #expect(slowest < .seconds(5))
        let rows = try run.ask("ps").filter { $0["KIND"] == "gateway" || $0["KIND"] == "agent" }
        #expect(rows.map { $0["STATE"] } == ["ready", "ready"])
        #expect(!run.lines.contains { $0.contains("log lines of agent:main were dropped") })
        kill(pid, SIGTERM)
        #expect(try run.exitCode(within: 30) == 0)
    }

    @Test("a pipe that somebody else holds keeps neither the dead worker nor its descriptors")
    func heldPipe() throws {
        let plan = FixturePlanText().with("gateway").with("sidecar:x", arguments: ["/bin/sleep", "1000"])
        let run = try SupervisorRun(plan)
        _ = try run.ready("gateway", 1)
        let pid = try run.supervisorPID()
        var held: [Int32] = []
        defer { held.forEach { close($0) } }
        var counts: Set<Int> = []
        for number in 1...5 {
            let worker = try run.ready("sidecar:x", number)
            for end in [1, 2] {
                let fd = open("/proc/\(worker)/fd/\(end)", O_WRONLY)
                try #require(fd >= 0)
                held.append(fd)
            }
            _ = try run.ask("ps")
            counts.insert(descriptors(pid))
            kill(worker, SIGKILL)
            try run.line(from: run.lines.count, "sidecar:x died: killed by SIGKILL")
        }
        // The client of `ps` may still be there when it is counted.
        let least = counts.min() ?? 0
        #expect(counts.allSatisfy { $0 - least <= 1 }, "\(counts)")
    }

    @Test("a closed standard output and error cost the log and nothing else")
    func closedOutput() throws {
        let run = try SupervisorRun(FixturePlanText().with("gateway"), redirection: ">&- 2>&-")
        let pid = try supervisor(of: run)
        try eventually("a ready gateway") { try run.ask("ps").first?["STATE"] == "ready" }
        // No other descriptor took the number: log lines would go into it.
        #expect(SystemFile.link("/proc/\(pid)/fd/1") == "/dev/null")
        #expect(SystemFile.link("/proc/\(pid)/fd/2") == "/dev/null")
        #expect(try run.ask("logs").contains { $0["TEXT"]?.contains("gateway is ready") == true })
        kill(pid, SIGTERM)
        #expect(try run.exitCode() == 0)
    }

    @Test("a reader that goes away costs the log and nothing else")
    func brokenPipe() throws {
        let run = try SupervisorRun(
            FixturePlanText().with("gateway").with("agent:main", "flood=1000"),
            redirection: "2>&1 | head -n 1"
        )
        let pid = try supervisor(of: run)
        try eventually("ready workers") { try run.ask("ps").filter { $0["STATE"] == "ready" }.count == 2 }
        #expect(try run.ask("restart", ["ID": "agent:main"]).last?["END"] == "ok")
        kill(pid, SIGTERM)
        #expect(try run.exitCode() == 0)
    }
}
