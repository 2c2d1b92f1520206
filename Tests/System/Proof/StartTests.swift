import FoundationEssentials
import Glibc
import IPCControl
import Testing

extension SystemTests {
    /// P3, P4, P15, P24 of docs/proof.md.
    @Suite("A start", .serialized)
    struct StartTests {
        @Test("with a lock file left over that names a living stranger, it starts")
        func staleLock() async throws {
            let state = try StateDirectory()
            var gateway = try await Gateway.start(in: state)
            let lock = try state.paths(endingWith: ".lock")[0]
            #expect(try await gateway.stop() == 0)
            try state.write(
                String(lock.split(separator: "/").last ?? ""),
                "{\"pid\":\(getpid()),\"createdAt\":\"x\",\"configPath\":\"y\"}"
            )
            gateway = try await Gateway.start(in: state)
            #expect(try await gateway.stop() == 0)
        }

        @Test("beside a running gateway whose lock file somebody deleted, it is refused, naming the holder")
        func deletedLock() async throws {
            let gateway = try await Gateway.start()
            for path in try gateway.state.paths(endingWith: ".lock") { #expect(unlink(path) == 0) }
            let second = try Gateway.launch(in: gateway.state)
            #expect(try await second.process.ended() == 75)
            let words = second.process.tail()
            #expect(words.contains("gateway already running (pid \(gateway.process.pid): "), "\(words)")
            try await gateway.healthy()
            #expect(try await gateway.stop() == 0)
        }

        @Test("of two at the same moment one wins, the other exits 75 within a second and names it")
        func race() async throws {
            var durations: [Duration] = []
            for round in 0..<Extent.of(15, full: 200) {
                let state = try StateDirectory()
                let began = ContinuousClock.now
                let both = [try Gateway.launch(in: state), try Gateway.launch(in: state)]
                try await eventually("one of two ends") { both.contains { $0.process.end != nil } }
                durations.append(ContinuousClock.now - began)
                let loser = both[0].process.end != nil ? both[0] : both[1]
                let winner = both[0].process.end != nil ? both[1] : both[0]
                #expect(try await loser.process.ended() == 75, "round \(round): \(loser.process.tail())")
                #expect(loser.process.tail().contains("(pid \(winner.process.pid): "), "\(loser.process.tail())")
                try await winner.healthy()
                #expect(try await winner.stop() == 0)
            }
            // One that was held up by the machine says nothing about the lock.
            let sorted = durations.sorted()
            #expect(sorted[sorted.count / 2] < .seconds(1), "\(sorted)")
        }

        @Test("on a full disk: says what to do, keeps the port, and serves as soon as there is space")
        func fullDisk() async throws {
            try await onTemporaryDisk("dd if=/dev/zero of=$S/fill bs=4k 2>/dev/null || true") { gateway, state in
                try await gateway.process.line(containing: "free some")
                try await gateway.process.line(containing: "listening on ws://127.0.0.1:\(gateway.port)")
                #expect(unlink("/proc/\(gateway.process.pid)/root\(state)/fill") == 0)
            }
        }

        @Test("on a read-only disk: says so, keeps the port, and serves as soon as it can be written")
        func readOnlyDisk() async throws {
            try await onTemporaryDisk("mount -o remount,ro $S") { gateway, state in
                try await gateway.process.line(containing: "Read-only file system")
                try await gateway.process.line(containing: "listening on ws://127.0.0.1:\(gateway.port)")
                let mount = try ChildProcess(
                    [
                        "/usr/bin/nsenter", "-t", "\(gateway.process.pid)", "-m", "/bin/mount", "-o", "remount,rw",
                        state,
                    ]
                )
                #expect(try await mount.ended() == 0)
            }
        }

        /// Starts with a state directory on 8 MB of their own, and waits for health after `body`.
        private func onTemporaryDisk(
            _ script: String,
            _ body: (Gateway, String) async throws -> Void
        ) async throws {
            guard Machine.isRoot else { return }
            let state = try StateDirectory()
            let wrapper = Machine.namespace(
                "S=\(state.path); mount -t tmpfs -o size=8m,mode=700 none $S; \(script)"
            )
            let gateway = try Gateway.launch(Gateway.Setup(wrapper: wrapper), in: state)
            try await body(gateway, state.path)
            try await gateway.healthy()
            #expect(try await gateway.stop() == 0)
        }

        /// What a kernel or a container may lack.
        struct Lack: Sendable, CustomTestStringConvertible {
            var name: String
            var wrapper: [String]
            var testDescription: String { name }
        }

        static let lacks: [Lack] = [
            Lack(
                name: "a writable cgroup",
                wrapper: Machine.namespace(
                    "for d in /sys/fs/cgroup/memory /sys/fs/cgroup/unified /sys/fs/cgroup; do "
                        + "[ -d $d ] && mount --bind $d $d && mount -o remount,bind,ro $d; done; true"
                )
            ),
            Lack(name: "any cgroup", wrapper: Machine.namespace("mount -t tmpfs none /sys/fs/cgroup")),
            Lack(
                name: "clone3, pidfds, close_range, Landlock",
                wrapper: denying("435:38", "434:38", "424:38", "436:38", "444:38")
            ),
            // CLONE_VM, CLONE_VFORK, CLONE_PIDFD and SIGCHLD; what old container filters answer to what they do not know.
            Lack(name: "CLONE_PIDFD, and EPERM for the rest", wrapper: denying("56:22:0x5111", "434:1", "436:1")),
        ]

        private static func denying(_ rules: String...) -> [String] {
            ["/usr/bin/python3", Place.root + "/Tests/peers/deny_calls.py"] + rules + ["--"]
        }

        @Test(
            "without what newer kernels and better containers have, it serves, replaces, restarts and stops",
            .enabled(if: Machine.isRoot, "needs root for a mount namespace"),
            arguments: lacks
        )
        func weaker(_ lack: Lack) async throws {
            let setup = Gateway.Setup(
                ownConfig: ["sidecars": ["idle": ["command": ["/bin/sleep", "1000"]]]],
                wrapper: lack.wrapper
            )
            let gateway = try await Gateway.start(setup)
            let supervisor = gateway.process.pid
            try await gateway.process.line(containing: "gateway is ready (incarnation 1")
            let first = ProcessFiles(pid: supervisor).children
            #expect(first.count == 2, "gateway and sidecar: \(first)")
            for pid in first { Glibc.kill(pid, SIGKILL) }
            try await gateway.process.line(containing: "gateway is ready (incarnation 2")
            try await gateway.process.line(containing: "sidecar:idle is ready (incarnation 2")
            try await gateway.healthy()
            // Nothing of the supervisor's leaked, by whichever way the descriptors were closed.
            for pid in ProcessFiles(pid: supervisor).children {
                let links = ProcessFiles(pid: pid).descriptors.values
                #expect(!links.contains { $0 == gateway.state.path || $0.contains("signalfd") }, "\(links)")
            }
            #expect(try await gateway.workers()["gateway"]?["STATE"] == "ready")
            #expect(try await gateway.stop() == 0)
        }

        /// libdispatch ends a worker of ours when it looks at its threads in vain, which is when several are busy: the
        /// supervisor can only bring it back.
        @Test(
            "without /proc it says so and what to type, serves, and stops",
            .enabled(if: Machine.isRoot, "needs root for a mount namespace")
        )
        func noProc() async throws {
            let gateway = try Gateway.launch(Gateway.Setup(wrapper: Machine.namespace("mount -t tmpfs none /proc")))
            try await gateway.process.line(containing: "type: mount -t proc proc /proc")
            try await gateway.process.line(containing: "gateway is ready", within: 30)
            try await gateway.healthy()
            #expect(try await gateway.stop() == 0)
        }
    }
}
