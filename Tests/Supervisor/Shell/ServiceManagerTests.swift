import CLinux
import Glibc
import IPCControl
import Testing

@testable import Supervisor

/// The supervisor under a service manager that writes down what it is told, and keeps what it is given.
@Suite("Supervisor under a service manager", .serialized)
struct ServiceManagerTests {
    private func manager(abstract: Bool = false) throws -> (FakeServiceManager, TemporaryDirectory) {
        let directory = TemporaryDirectory()
        let name = abstract ? "@clawhold-test-\(getpid())-\(UInt32.random(in: 0 ... .max))" : directory.file("notify")
        return (try FakeServiceManager(name: name), directory)
    }

    private func port(of run: SupervisorRun) throws -> UInt16 {
        let words = try run.line("listening on ws://127.0.0.1:")
        return UInt16(truncatingIfNeeded: SupervisorRun.pid(in: words, after: "127.0.0.1:"))
    }

    @Test(
        "the transcript of a start, a reload and an end is exact, at a path and at an abstract name",
        arguments: [false, true]
    )
    func transcript(abstract: Bool) throws {
        let (manager, directory) = try manager(abstract: abstract)
        defer { withExtendedLifetime(directory) {} }
        let plan = FixturePlanText().with("gateway")
        let run = try SupervisorRun(plan, environment: ["NOTIFY_SOCKET=\(manager.name)"])
        let port = try port(of: run)
        try manager.message { $0.hasPrefix("READY=1") }
        let ready = manager.messages.count
        kill(try run.supervisorPID(), SIGHUP)
        try manager.message { $0.hasPrefix("RELOADING=1") }
        try manager.message(from: ready) { $0.hasPrefix("READY=1") }
        kill(try run.supervisorPID(), SIGTERM)
        #expect(try run.exitCode() == 0)
        try manager.readAll()
        let serving = "STATUS=serving on port \(port); 1 worker ready"
        var told = manager.transcript
        let reloading = told.firstIndex { $0.hasPrefix("RELOADING=1\nMONOTONIC_USEC=") }
        if let reloading {
            let number = told[reloading].split(separator: "\n")[1].drop { $0 != "=" }.dropFirst()
            let age = Instant.now().nanoseconds / 1000 - (Int64(number) ?? 0)
            #expect(age >= 0 && age < 60_000_000, "CLOCK_MONOTONIC in microseconds")
            told[reloading] = "RELOADING"
        }
        // How far the start had come when the first line was due is the machine's affair.
        told.removeAll { $0.hasPrefix("STATUS=port \(port) is open, the gateway is ") }
        #expect(
            told == [
                "STATUS=reading the configuration", "FDSTORE=1\nFDNAME=kept-http-\(port)", "READY=1\n\(serving)",
                "RELOADING", "READY=1\n\(serving)", "STOPPING=1\nSTATUS=shutting down",
            ]
        )
    }

    @Test("what is degraded is told by name, and that it is over")
    func degraded() throws {
        let (manager, directory) = try manager()
        defer { withExtendedLifetime(directory) {} }
        let plan = FixturePlanText().with("gateway").with("channel:telegram:default", "fatal")
        let run = try SupervisorRun(plan, environment: ["NOTIFY_SOCKET=\(manager.name)"])
        try manager.message { $0.hasSuffix("1 of 2 workers ready; parked: channel:telegram:default") }
        try run.plan(FixturePlanText().with("gateway").with("channel:telegram:default", revision: "2"))
        let before = manager.messages.count
        kill(try run.supervisorPID(), SIGHUP)
        try manager.message(from: before) { $0.hasSuffix("; 2 workers ready") }
    }

    @Test("a start that is refused says why")
    func refusal() throws {
        let (manager, directory) = try manager()
        defer { withExtendedLifetime(directory) {} }
        let plan = FixturePlanText().with("gateway")
        let first = try SupervisorRun(plan)
        let pid = try first.supervisorPID()
        let second = try SupervisorRun(besides: first, plan, environment: ["NOTIFY_SOCKET=\(manager.name)"])
        #expect(try second.exitCode() == 75)
        let told = try manager.message { $0.contains("ERRNO=") }.text
        #expect(told.hasPrefix("STATUS=gateway already running (pid \(pid)"))
        #expect(told.hasSuffix("\nERRNO=98"))
    }

    @Test("a manager that is not there costs one line and nothing else")
    func absent() throws {
        let run = try SupervisorRun(FixturePlanText().with("gateway"), environment: ["NOTIFY_SOCKET=/nowhere/notify"])
        _ = try run.ready("gateway", 1)
        kill(try run.supervisorPID(), SIGTERM)
        #expect(try run.exitCode() == 0)
        #expect(run.lines.count { $0.contains("the service manager at /nowhere/notify cannot be told") } == 1)
    }

    @Test(
        "the watchdog is fed while the loop turns and the gateway is there, and not while the supervisor stands still"
    )
    func watchdog() throws {
        let (manager, directory) = try manager()
        defer { withExtendedLifetime(directory) {} }
        let variables = ["NOTIFY_SOCKET=\(manager.name)", "WATCHDOG_USEC=400000"]
        let run = try SupervisorRun(FixturePlanText().with("gateway"), environment: variables)
        let pid = try run.supervisorPID()
        try manager.message { $0.hasPrefix("READY=1") }
        var last = Instant.now()
        var longest = Duration.zero
        for _ in 0..<10 {
            try manager.message(from: manager.messages.count) { $0 == "WATCHDOG=1" }
            longest = max(longest, Instant.now() - last)
            last = .now()
        }
        // 200 ms are due; a loaded machine may be late, but the feed does not stop.
        #expect(longest < .seconds(5))
        kill(pid, SIGSTOP)
        try manager.readAll()
        let stopped = manager.messages.count
        #expect(throws: SupervisorRun.Missing.self) {
            try manager.message(from: stopped, within: 2) { $0 == "WATCHDOG=1" }
        }
        kill(pid, SIGCONT)
        try manager.message(from: stopped) { $0 == "WATCHDOG=1" }
    }

    @Test("a watchdog that is meant for another process is not fed")
    func foreignWatchdog() throws {
        let (manager, directory) = try manager()
        defer { withExtendedLifetime(directory) {} }
        let variables = ["NOTIFY_SOCKET=\(manager.name)", "WATCHDOG_USEC=100000", "WATCHDOG_PID=1"]
        let run = try SupervisorRun(FixturePlanText().with("gateway"), environment: variables)
        try manager.message { $0.hasPrefix("READY=1") }
        kill(try run.supervisorPID(), SIGTERM)
        #expect(try run.exitCode() == 0)
        try manager.readAll()
        #expect(!manager.messages.contains { $0.text == "WATCHDOG=1" })
    }

    @Test("a restart with the kept socket loses nobody who connected in between, and nothing is stored twice")
    func store() throws {
        let (manager, directory) = try manager()
        defer { withExtendedLifetime(directory) {} }
        let plan = FixturePlanText().with("gateway", "serve")
        let variables = ["NOTIFY_SOCKET=\(manager.name)"]
        let first = try SupervisorRun(plan, environment: variables)
        let port = try port(of: first)
        let stored = try manager.message { $0.hasPrefix("FDSTORE=1") }
        let kept = try #require(stored.descriptor)
        #expect(stored.text == "FDSTORE=1\nFDNAME=kept-http-\(port)")
        #expect(clinux_local_port(kept) == Int32(port))
        try manager.message { $0.hasPrefix("READY=1") }
        #expect(try answer(of: connect(to: "127.0.0.1", port: port)) == "served by incarnation 1")

        kill(try first.supervisorPID(), SIGTERM)
        #expect(try first.exitCode() == 0)
        // Nobody runs now; the manager holds the socket, and the kernel the queue.
        let waiting = try (0..<40).map { _ in try connect(to: "127.0.0.1", port: port) }
        let before = manager.messages.count
        let names = "LISTEN_FDNAMES=kept-http-\(port)"
        let second = try SupervisorRun(besides: first, plan, environment: variables + [names], sockets: [kept])
        try second.line("took over the socket \"kept-http-\(port)\" on 127.0.0.1 port \(port)")
        for client in waiting { #expect(try answer(of: client) == "served by incarnation 1") }
        try manager.message(from: before) { $0.hasPrefix("READY=1") }
        #expect(!manager.messages.dropFirst(before).contains { $0.text.contains("FDSTORE") })
    }

    @Test("a kept socket that the plan has no use for is closed and taken out of the store")
    func outdated() throws {
        let (manager, directory) = try manager()
        defer { withExtendedLifetime(directory) {} }
        // The plan is for 127.0.0.1, the socket for everybody.
        let old = try ListeningSocket.tcp(host: "0.0.0.0", port: 0)
        let variables = ["NOTIFY_SOCKET=\(manager.name)", "LISTEN_FDNAMES=kept-http-\(old.port)"]
        let run = try SupervisorRun(FixturePlanText().with("gateway"), environment: variables, sockets: [old.fd])
        try run.line("the socket \"kept-http-\(old.port)\" from the service manager fits no address")
        try manager.message { $0 == "FDSTOREREMOVE=1\nFDNAME=kept-http-\(old.port)" }
        #expect(try port(of: run) != old.port)
    }

    @Test("a socket unit's socket is served and not stored")
    func activation() throws {
        let (manager, directory) = try manager()
        defer { withExtendedLifetime(directory) {} }
        let socket = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
        let variables = ["NOTIFY_SOCKET=\(manager.name)", "LISTEN_FDNAMES=http"]
        let run = try SupervisorRun(
            FixturePlanText().with("gateway", "serve"),
            environment: variables,
            sockets: [socket.fd]
        )
        #expect(try port(of: run) == socket.port)
        #expect(try answer(of: connect(to: "127.0.0.1", port: socket.port)) == "served by incarnation 1")
        try manager.message { $0.hasPrefix("READY=1") }
        #expect(!manager.messages.contains { $0.text.contains("FDSTORE") })
    }

    @Test("neither planner nor worker nor sidecar can speak to the service manager")
    func scrubbed() throws {
        let (manager, directory) = try manager()
        defer { withExtendedLifetime(directory) {} }
        let plan = FixturePlanText().with("gateway", "env").with(
            "sidecar:x",
            arguments: ["/bin/sh", "-c", "env | sed 's/^/sees /'; echo all; exec sleep 1000"]
        )
        let socket = try ListeningSocket.tcp(host: "127.0.0.1", port: 0)
        let variables = [
            "NOTIFY_SOCKET=\(manager.name)", "WATCHDOG_USEC=30000000", "LISTEN_FDNAMES=http", "FDSTORE=16",
            "SHOW_ENVIRONMENT=1",
        ]
        let run = try SupervisorRun(plan, environment: variables, sockets: [socket.fd])
        try run.line("[x] all")
        try run.line("[gateway] env MALLOC_ARENA_MAX=1")
        try run.line("planner sees SHOW_ENVIRONMENT=1")
        let seen = run.lines.filter { $0.contains("sees ") || $0.contains("] env ") }
        for name in ["NOTIFY_SOCKET", "WATCHDOG_", "LISTEN_", "FDSTORE"] {
            #expect(!seen.contains { $0.contains(name) }, "\(name) was handed on")
        }
    }
}
