import CLinux
import Glibc
import Testing

@testable import Supervisor

/// The shim, seen from inside the processes that it starts.
struct SpawnTests {
    @Test("a child has exactly the descriptors that it was given, under their new numbers")
    func descriptors() throws {
        let first = try SocketPair()
        let second = try SocketPair()
        // One that would leak: inherited by plain fork and exec.
        let leak = dup(2)
        defer { close(leak) }
        let program = try Program(
            [
                "/usr/bin/python3", "-I", "-c",
                """
                import os
                names = os.listdir('/proc/self/fd')
                for name in sorted(names, key=int):
                    path = '/proc/self/fd/' + name
                    if os.path.lexists(path): print(name, os.readlink(path))
                """,
            ],
            descriptors: [second.theirs.raw, first.theirs.raw]
        )
        let links = Dictionary(
            uniqueKeysWithValues: try program.text().split(separator: "\n").map { line in
                let parts = line.split(separator: " ")
                return (String(parts[0]), String(parts[1]))
            }
        )
        #expect(Set(links.keys) == ["0", "1", "2", "3", "4"])
        #expect(links["0"] == "/dev/null")
        #expect(links["3"] == SystemFile.link("/proc/self/fd/\(second.theirs.raw)"))
        #expect(links["4"] == SystemFile.link("/proc/self/fd/\(first.theirs.raw)"))
        #expect(try program.wait().ending == .code(0))
    }

    @Test("descriptors whose new numbers are each other's old ones are not mixed up")
    func crossedDescriptors() throws {
        let pipe = try Descriptor.pipe()
        let program = try Program(["/bin/sh", "-c", "readlink /proc/$$/fd/0 /proc/$$/fd/2 >&1"]) { request in
            request.descriptors = [2, request.descriptors[1], 0]
        }
        let lines = try program.text().split(separator: "\n").map(String.init)
        #expect(lines == [2, 0].map { SystemFile.link("/proc/self/fd/\($0)") })
        _ = pipe.read.raw
    }

    @Test("as many descriptors as the shim takes arrive, one more is refused")
    func manyDescriptors() throws {
        let file = try Descriptor.open("/dev/null", O_RDWR)
        let full = try Program.shell("test -e /proc/self/fd/31 && ! test -e /proc/self/fd/32 && echo yes") { request in
            request.descriptors += [Int32](repeating: file.raw, count: 29)
        }
        #expect(try full.text() == "yes\n")
        #expect(throws: SpawnError.self) {
            try Program.shell("true") { request in
                request.descriptors += [Int32](repeating: file.raw, count: 30)
            }
        }
    }

    @Test("a child starts with no blocked and no ignored signals, whatever the spawning thread has")
    func signals() throws {
        var mask = sigset_t()
        var before = sigset_t()
        sigfillset(&mask)
        pthread_sigmask(SIG_BLOCK, &mask, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        signal(SIGWINCH, SIG_IGN)
        defer { signal(SIGWINCH, SIG_DFL) }
        let program = try Program(["/bin/grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status"])
        #expect(try program.text() == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n")
        // And the thread has its own mask back.
        var now = sigset_t()
        pthread_sigmask(SIG_BLOCK, nil, &now)
        #expect(sigismember(&now, SIGUSR1) == 1)
    }

    @Test("the environment is the given one, to the letter")
    func environment() throws {
        setenv("CLAWHOLD_TEST_SECRET", "must not pass", 1)
        defer { unsetenv("CLAWHOLD_TEST_SECRET") }
        let program = try Program(["/usr/bin/env"]) { $0.environment = ["A=1", "EMPTY=", "B=x y=z"] }
        #expect(try program.text() == "A=1\nEMPTY=\nB=x y=z\n")
    }

    @Test("a child leads a session of its own and starts in the given directory")
    func sessionAndDirectory() throws {
        let directory = TemporaryDirectory()
        let program = try Program.shell("pwd -P; cut -d' ' -f6 /proc/$$/stat") { $0.directory = directory.path }
        #expect(try program.text() == "\(directory.path)\n\(program.pid)\n")
    }

    @Test(
        "a worker has its own user, no groups, no capability and no way to get one",
        .enabled(if: Requirement.isRoot, Comment(rawValue: Requirement.root)),
        arguments: [nil, ProcessIdentity(uid: 64321, gid: 64322)]
    )
    func privileges(identity: ProcessIdentity?) throws {
        let fields = "^(Uid|Gid|Groups|Cap...|NoNewPrivs):"
        let program = try Program(["/bin/grep", "-E", fields, "/proc/self/status"]) { $0.identity = identity }
        let none = "0000000000000000"
        let uid = identity?.uid ?? 0
        let gid = identity?.gid ?? 0
        let status = try program.text()
        #expect(status.contains("Uid:\t\(uid)\t\(uid)\t\(uid)\t\(uid)\n"))
        #expect(status.contains("Gid:\t\(gid)\t\(gid)\t\(gid)\t\(gid)\n"))
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] { #expect(status.contains("\(set):\t\(none)\n")) }
        #expect(status.contains("NoNewPrivs:\t1\n"))
        if identity != nil { #expect(status.contains("Groups:\t \n")) }
    }

    @Test("limits arrive, and a file limit above the hard one is cut to it instead of refused")
    func limits() throws {
        let program = try Program(["/bin/cat", "/proc/self/limits"]) { request in
            request.dataLimitBytes = 96 << 20
            request.stackLimitBytes = 1 << 20
            request.fileLimit = 777
        }
        let limits = try program.text().split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        func limit(_ name: [String]) -> [String] {
            limits.first { Array($0.prefix(name.count)) == name }.map { Array($0[name.count..<name.count + 2]) } ?? []
        }
        #expect(limit(["Max", "core", "file", "size"]) == ["0", "0"])
        #expect(limit(["Max", "data", "size"]) == ["100663296", "100663296"])
        #expect(limit(["Max", "stack", "size"]) == ["1048576", "1048576"])
        #expect(limit(["Max", "open", "files"]) == ["777", "777"])
        let greedy = try Program.shell("ulimit -n") { $0.fileLimit = .max }
        #expect(Int(try greedy.text().split(separator: "\n").first ?? "") ?? 0 > 16)
    }

    @Test("the order among OOM victims is set before the program runs")
    func oomScore() throws {
        let program = try Program(["/bin/cat", "/proc/self/oom_score_adj"]) { $0.oomScoreAdjustment = 617 }
        #expect(try program.text() == "617\n")
    }

    @Test("a failed start names its step")
    func failures() throws {
        let missing = #expect(throws: SpawnError.self) { try Program(["/nonexistent/program"]) }
        #expect(missing?.step == "exec")
        #expect(missing?.cause.code == ENOENT)
        let text = missing.map(String.init(describing:)) ?? ""
        #expect(text == "start of /nonexistent/program failed at exec: exec: No such file or directory (ENOENT)")
        let lost = #expect(throws: SpawnError.self) { try Program.shell("true") { $0.directory = "/nonexistent" } }
        #expect(lost?.step == "chdir")
        let closed = #expect(throws: SpawnError.self) { try Program.shell("true") { $0.descriptors[0] = 9999 } }
        #expect(closed?.step == "arrange descriptors")
        #expect(closed?.cause.code == EBADF)
        let group = #expect(throws: SpawnError.self) { try Program.shell("true") { $0.memoryEntries = [9999] } }
        #expect(group?.step == "enter memory group")
        let nul = #expect(throws: SpawnError.self) { try Program(["/bin/echo", "a\u{0}b"]) }
        #expect(nul?.step == "arguments")
    }

    @Test("a failed start leaves no process behind")
    func failureIsReaped() async {
        await #expect(processExitsWith: .success) {
            #expect(throws: SpawnError.self) { try Program(["/nonexistent/program"]) }
            var exit = clinux_exit()
            #expect(clinux_wait(0, &exit) == -ECHILD)
            Glibc.exit(0)
        }
    }

    @Test("a program starts from a descriptor, without its path, and the descriptor is not left to it")
    func fromDescriptor() throws {
        let shell = try Descriptor.open("/bin/sh", O_RDONLY)
        let program = try Program(["named-otherwise", "-c", "echo $0; ls /proc/$$/fd; true"]) { request in
            request.executable = .descriptor(shell.raw)
            request.environment = ["PATH=/usr/bin:/bin"]
        }
        let text = try program.text()
        // No pipe in the script: the shell would hold its ends for a moment, and they would be listed too.
        #expect(text == "named-otherwise\n0\n1\n2\n")
    }

    @Test("the own executable is opened once and can be read through")
    func ownExecutable() throws {
        let spawner = try ProcessSpawner()
        var facts = stat()
        #expect(fstat(spawner.ownExecutable, &facts) == 0)
        #expect(try spawner.warmExecutable() == Int(facts.st_size))
    }

    @Test("kill -9 of the supervisor takes its children along, a stopped one too")
    func parentDeath() async throws {
        let directory = TemporaryDirectory()
        let note = directory.file("pid")
        await #expect(processExitsWith: .signal(SIGKILL)) { [note = note as String] in
            let child = try ProcessSpawner.spawn(
                SpawnRequest(
                    executable: .path("/bin/sleep"),
                    arguments: ["sleep", "1000"],
                    identity: geteuid() == 0 ? ProcessIdentity(uid: 64321, gid: 64321) : nil
                )
            )
            kill(child.pid, SIGSTOP)
            try SystemFile.replace(note, with: "\(child.pid)", mode: 0o600)
            kill(getpid(), SIGKILL)
        }
        let pid = try #require(SystemFile.number(note).flatMap { Int32(exactly: $0) })
        try eventually("the end of the child") { !isAlive(pid) }
    }
}
