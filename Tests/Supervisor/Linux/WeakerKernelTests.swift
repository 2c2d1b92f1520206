import CLinux
import Glibc
import Testing

@testable import Supervisor

/// The same primitives where the kernel or the container gives less; each in a process of its own.
struct WeakerKernelTests {
    @Test("without close_range the descriptors are closed one by one, and none is missed")
    func closeRange() async {
        await #expect(processExitsWith: .success) {
            let leaks = (0..<300).map { _ in dup(2) }
            #expect(leaks.allSatisfy { $0 > 2 })
            // What old container filters say to a call that they do not know.
            #expect(Denial.deny(Denial.closeRange, code: EPERM))
            let program = try Program.python(
                "import os\nprint([n for n in os.listdir('/proc/self/fd') if os.path.lexists('/proc/self/fd/' + n)])"
            )
            let text = try program.text()
            #expect(text == "['0', '1', '2']\n")
            exit(0)
        }
    }

    @Test("without pidfds a child is still started, signalled and collected", arguments: [true, false])
    func pidfds(hasClonePidfd: Bool) async {
        await #expect(processExitsWith: .success) { [hasClonePidfd = hasClonePidfd as Bool] in
            // CLONE_VM, CLONE_VFORK, CLONE_PIDFD and SIGCHLD.
            if !hasClonePidfd { #expect(Denial.deny(Denial.clone, argument: 0x5111, code: EINVAL)) }
            #expect(Denial.deny(Denial.pidfdOpen, code: ENOSYS))
            #expect(Denial.deny(Denial.pidfdSendSignal, code: ENOSYS))
            let request = SpawnRequest(executable: .path("/bin/sleep"), arguments: ["sleep", "1000"])
            let child = try ProcessSpawner.spawn(request)
            #expect((child.pidfd != nil) == hasClonePidfd)
            #expect(child.signal(SIGTERM))
            try eventually("its end") { !isAlive(child.pid) }
            let facts = try child.collect()
            #expect(facts?.ending == .signal(SIGTERM, coreDumped: false))
            exit(0)
        }
    }

    @Test("without IPv6 the wildcard is the one of IPv4")
    func noIPv6() async {
        await #expect(processExitsWith: .success) {
            #expect(Denial.deny(Denial.socket, argument: UInt32(AF_INET6), code: EAFNOSUPPORT))
            let socket = try ListeningSocket.tcp(host: "::", port: 0)
            #expect(socket.address == "0.0.0.0")
            close(try connect(to: "127.0.0.1", port: socket.port))
            exit(0)
        }
    }

    @Test("without Landlock the prologue says so and changes nothing")
    func noLandlock() async {
        await #expect(processExitsWith: .success) {
            #expect(Denial.deny(Denial.landlock, code: ENOSYS))
            #expect(clinux_landlock_abi() == -ENOSYS)
            #expect(restrict(readOnly: ["/etc"]) == -ENOSYS)
            let text = try SystemFile.text("/proc/self/stat")
            #expect(!text.isEmpty)
            exit(0)
        }
    }

    @Test(
        "an ordinary user's supervisor that is not dumpable starts workers, confined and in the OOM order",
        .enabled(if: Requirement.isRoot, Comment(rawValue: Requirement.root))
    )
    func ordinaryUser() async {
        await #expect(processExitsWith: .success) {
            #expect(setgid(64321) == 0)
            #expect(setuid(64321) == 0)
            #expect(clinux_set_not_dumpable() == 0)
            let gate = try SocketPair()
            let script =
                "head -c 1 >&2; grep -E '^(Uid|CapEff|NoNewPrivs)' /proc/self/status; cat /proc/self/oom_score_adj"
            let program = try Program(["/bin/sh", "-c", script]) { request in
                request.environment = ["PATH=/usr/bin:/bin"]
                request.oomScoreAdjustment = 400
                request.descriptors[0] = gate.theirs.raw
                // Blocking, for head.
                let raw = gate.theirs.raw
                _ = fcntl(raw, F_SETFL, fcntl(raw, F_GETFL) & ~O_NONBLOCK)
            }
            // It reads only now: by then the order is set.
            _ = try [UInt8(ascii: "\n")].withUnsafeBytes { try gate.ours.write($0) }
            let text = try program.text()
            let uids = "Uid:\t64321\t64321\t64321\t64321"
            #expect(text == "\(uids)\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\n400\n")
            #expect(throws: SpawnError.self) {
                try Program.shell("true") { $0.identity = ProcessIdentity(uid: 0, gid: 0) }
            }
            exit(0)
        }
    }
}
