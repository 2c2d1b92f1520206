import CLinux
import Glibc
import IPCControl
import Testing

@testable import Supervisor

@Suite("When a foreign program is ready", .serialized)
struct ForeignReadyTests {
    private func plan(_ script: String, _ keys: KeyValuePairs<String, String>) -> FixturePlanText {
        FixturePlanText().with("gateway")
            .with("sidecar:helper", arguments: ["/bin/sh", "-c", script], keys: keys)
    }

    /// A port of 127.0.0.1 that nobody listens on, and a socket bound to it that can begin to.
    private func boundSocket() throws -> (fd: Int32, port: Int32) {
        let fd = clinux_tcp_socket(false)
        guard fd >= 0, clinux_bind_ip(fd, [127, 0, 0, 1], 4, 0, 0) == 0 else {
            throw SupervisorRun.Missing(description: "a free port")
        }
        return (fd, clinux_local_port(fd))
    }

    private func state(_ run: SupervisorRun) throws -> String? {
        try run.ask("ps").first { $0["ID"] == "sidecar:helper" }?["STATE"]
    }

    @Test("a line of its output says so, on either stream, within the line")
    func line() throws {
        let script = "echo 'no tunnel ye'; echo before; read x < $0/go; echo 'at 10:00 tunnel up, fine' >&2; sleep 1000"
        let directory = TemporaryDirectory()
        mkfifo(directory.file("go"), 0o666)
        chmod(directory.path, 0o755)
        let arguments = ["/bin/sh", "-c", script, directory.path]
        let run = try SupervisorRun(
            FixturePlanText().with("gateway")
                .with("sidecar:helper", arguments: arguments, keys: ["READY_LINE": "tunnel up"])
        )
        try run.line("[helper] before")
        #expect(try state(run) == "starting")
        let go = open(directory.file("go"), O_WRONLY)
        close(go)
        _ = try run.ready("sidecar:helper", 1)
        #expect(try state(run) == "ready")
    }

    @Test("a port that accepts says so; it is tried until then")
    func port() throws {
        let (fd, port) = try boundSocket()
        defer { close(fd) }
        let run = try SupervisorRun(plan("echo running; exec sleep 1000", ["READY_PORT": "\(port)"]))
        try run.line("[helper] running")
        _ = try run.ready("gateway", 1)
        #expect(try state(run) == "starting")
        #expect(!run.hasLine("sidecar:helper is ready"))
        #expect(listen(fd, 1) == 0)
        _ = try run.ready("sidecar:helper", 1)
    }

    @Test("one that ends while its port is being tried leaves nothing behind, and its next start is tried anew")
    func endsEarly() throws {
        let (fd, port) = try boundSocket()
        defer { close(fd) }
        let run = try SupervisorRun(plan("echo running; exec sleep 1000", ["READY_PORT": "\(port)"]))
        try run.line("[helper] running")
        #expect(try run.ask("stop", ["ID": "helper"]).last?["END"] == "ok")
        #expect(listen(fd, 1) == 0)
        #expect(try state(run) == "stopped")
        #expect(try run.ask("start", ["ID": "helper"]).last?["END"] == "ok")
        _ = try run.ready("sidecar:helper", 2)
    }

    @Test("on-failure: exit code 0 stays stopped, exit code 1 comes back")
    func restartModes() throws {
        let plan = FixturePlanText().with("gateway")
            .with("sidecar:done", arguments: ["/bin/true"], keys: ["RESTART": "on-failure"])
            .with("sidecar:bad", arguments: ["/bin/false"], keys: ["RESTART": "on-failure"])
            .with("sidecar:once", arguments: ["/bin/false"], keys: ["RESTART": "never"])
        let run = try SupervisorRun(plan)
        try run.line("sidecar:done has ended", "restart: on-failure")
        try run.line("sidecar:once died", "parked (restart: never)")
        _ = try run.ready("sidecar:bad", 2)
        let rows = try run.ask("ps")
        #expect(rows.first { $0["ID"] == "sidecar:done" }?["STATE"] == "stopped")
        #expect(rows.first { $0["ID"] == "sidecar:once" }?["STATE"] == "parked")
    }

    @Test("its variables are those of the plan and nothing else; a secret one is not shown in the log")
    func variables() throws {
        let script = "env | sort; echo end of list"
        let plan = FixturePlanText().with("gateway").with(
            "sidecar:helper",
            secret: "hunter2hunter2",
            arguments: ["/bin/sh", "-c", script],
            keys: ["ENVC": "1", "ENV0": "COLOUR=blue", "RESTART": "never"]
        )
        let run = try SupervisorRun(plan)
        try run.line("end of list")
        #expect(run.hasLine("[helper] COLOUR=blue"))
        #expect(run.hasLine("[helper] TOKEN=[redacted]"))
        #expect(!run.hasLine("hunter2") && !run.hasLine("SECRET_OF_THE_SHELL"))
        let own = run.lines.filter { $0.contains("[helper] ") && $0.contains("=") }.map {
            String($0.drop { $0 != "]" }.dropFirst(2).prefix { $0 != "=" })
        }
        // What the shell itself adds.
        #expect(Set(own).subtracting(["PWD", "OLDPWD", "SHLVL", "_"]) == ["COLOUR", "HOME", "TOKEN"])
    }
}
