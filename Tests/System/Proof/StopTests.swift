import Glibc
import IPCControl
import Testing

extension SystemTests {
    /// P21, P22, P23 of docs/proof.md: TERM at any moment ends everything with code 0 before Fly's five seconds are over.
    @Suite("TERM", .serialized)
    struct StopTests {
        static let deaf: JSONValue = [
            "sidecars": ["deaf": ["command": ["/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done"]]]
        ]

        /// Sends TERM and says how long the end took; nothing of the tree may be left.
        private func stop(_ gateway: Gateway, within limit: Duration = .milliseconds(4500)) async throws -> Duration {
            let workers = ProcessFiles(pid: gateway.process.pid).children
            let began = ContinuousClock.now
            #expect(try await gateway.stop() == 0, "\(gateway.process.tail())")
            let took = ContinuousClock.now - began
            #expect(took < limit, "\(took): \(gateway.process.tail())")
            // A planner that was killed with us may be on its last way still.
            try await eventually(within: 2, "\(workers) are gone") {
                workers.allSatisfy { ProcessFiles(pid: $0).state.map { $0 == "Z" } ?? true }
            }
            return took
        }

        @Test("before the plan is made: the planner is ended, nothing was bound", arguments: 0..<5)
        func duringPlan(_ round: Int) async throws {
            let gateway = try Gateway.launch()
            let files = ProcessFiles(pid: gateway.process.pid)
            // Bit 14 of the blocked signals: from then on a TERM is an event.
            try await eventually("it blocks signals") {
                UInt64(files.status("SigBlk") ?? "", radix: 16).map { $0 & 1 << 14 != 0 } ?? false
            }
            _ = try await stop(gateway, within: .seconds(1))
        }

        @Test("while the planner hangs")
        func hungPlanner() async throws {
            let gateway = try Gateway.launch()
            let files = ProcessFiles(pid: gateway.process.pid)
            var planner: pid_t?
            try await eventually("a planner") {
                // Only once it has executed: until then it is a part of the supervisor, which waits for it.
                planner = files.children.first { ProcessFiles(pid: $0).commandLine.first == "clawhold: plan" }
                return planner != nil || gateway.process.lines.items.contains { $0.contains("listening") }
            }
            guard let planner, Glibc.kill(planner, SIGSTOP) == 0 else { return }
            _ = try await stop(gateway, within: .seconds(1))
        }

        @Test("while the gateway starts")
        func duringStart() async throws {
            let gateway = try Gateway.launch()
            try await gateway.process.line(containing: "listening on ws://")
            _ = try await stop(gateway)
        }

        @Test("while a worker waits in its back-off and another is quarantined")
        func duringBackoff() async throws {
            let setup = Gateway.Setup(
                ownConfig: [
                    "sidecars": [
                        "crash": ["command": ["/bin/sh", "-c", "exit 1"]], "absent": ["command": ["/nonexistent"]],
                    ]
                ]
            )
            let gateway = try await Gateway.start(setup)
            try await gateway.worker("sidecar:crash") { $0["STATE"] == "backoff" || $0["STATE"] == "quarantined" }
            #expect(try await stop(gateway) < .seconds(2))
        }

        @Test("with a sidecar that ignores it and a gateway that is stopped: killed when the time is over")
        func ignored() async throws {
            let gateway = try await Gateway.start(Gateway.Setup(ownConfig: Self.deaf))
            try await gateway.worker("sidecar:deaf")
            Glibc.kill(try await gateway.pid(of: "gateway"), SIGSTOP)
            #expect(try await stop(gateway) > .seconds(3), "they were given their time")
            let words = gateway.process.tail()
            #expect(words.contains("killing gateway") || words.contains("killing sidecar:deaf, gateway"), "\(words)")
        }

        @Test("twice: everything is killed at once")
        func twice() async throws {
            let gateway = try await Gateway.start(Gateway.Setup(ownConfig: Self.deaf))
            try await gateway.worker("sidecar:deaf")
            gateway.process.signal(SIGTERM)
            try await gateway.process.line(containing: "stopping: ")
            #expect(try await stop(gateway) < .seconds(2))
            #expect(gateway.process.tail().contains("asked twice"))
        }

        @Test(
            "with a worker that not even SIGKILL ends: it is named and not waited for",
            .enabled(if: Machine.hasGroups(Machine.freezer), "needs root and a writable v1 freezer")
        )
        func uninterruptible() async throws {
            let gateway = try await Gateway.start(
                Gateway.Setup(ownConfig: ["sidecars": ["stuck": ["command": ["/bin/sleep", "1000"]]]])
            )
            let pid = try await gateway.pid(of: "sidecar:stuck")
            let group = "\(Machine.freezer)/clawhold-test-\(getpid())"
            #expect(mkdir(group, 0o755) == 0)
            defer { rmdir(group) }
            try Machine.put("\(pid)", into: group + "/cgroup.procs")
            // The v1 freezer's sleep is the one that SIGKILL does not end: state D, as behind a dead disk.
            try Machine.put("FROZEN", into: group + "/freezer.state")
            try await eventually("state D") { ProcessFiles(pid: pid).state == "D" }
            let began = ContinuousClock.now
            #expect(try await gateway.stop() == 0)
            #expect(ContinuousClock.now - began < .milliseconds(4800))
            #expect(gateway.process.tail().contains("not waited for: sidecar:stuck"), "\(gateway.process.tail())")
            // The next start is not disturbed, and the kill comes true with the thaw.
            let next = try await Gateway.start(in: gateway.state, port: gateway.port)
            #expect(try await next.stop() == 0)
            try Machine.put("THAWED", into: group + "/freezer.state")
            try await eventually("its end") { ProcessFiles(pid: pid).state.map { $0 == "Z" } ?? true }
        }
    }
}
