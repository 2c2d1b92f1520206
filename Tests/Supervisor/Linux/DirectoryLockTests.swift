import Glibc
import Testing

@testable import Supervisor

struct DirectoryLockTests {
    private static func lockFile(_ directory: TemporaryDirectory) -> String {
        directory.file("gateway.\(PathHash.hash8(directory.file("openclaw.json"))).lock")
    }

    private static func take(_ directory: TemporaryDirectory) throws -> DirectoryLock {
        try DirectoryLock(stateDirectory: directory.path, configPath: directory.file("openclaw.json"))
    }

    @Test(
        "a file that was left over refuses no start, whatever is in it",
        arguments: [
            "", "{", "{\"pid\":1,\"createdAt\":\"2026-01-27T10:00:00.000Z\"}", "{\"pid\":\(getpid())}",
            "{\"pid\":99999999999999999999}", "\u{0}\u{0}", String(repeating: "x", count: 100_000),
        ]
    )
    func leftOver(content: String) throws {
        let directory = TemporaryDirectory()
        try SystemFile.replace(Self.lockFile(directory), with: content, mode: 0o600)
        let lock = try Self.take(directory)
        let bytes = try SystemFile.bytes(Self.lockFile(directory))
        let payload = try #require(LockPayload(bytes))
        #expect(payload.pid == getpid())
        #expect(payload.startTime == ProcessFacts.stat(of: getpid())?.startTime)
        #expect(String(decoding: bytes, as: UTF8.self).hasSuffix("}\n"))
        _ = consume lock
    }

    @Test("deleting the lock file, as the guide tells users to, does not make two holders")
    func deleted() throws {
        let directory = TemporaryDirectory()
        let first = try Self.take(directory)
        #expect(unlink(Self.lockFile(directory)) == 0)
        #expect(throws: DirectoryLock.Failure.self) { _ = try Self.take(directory) }
        _ = consume first
        _ = try Self.take(directory)
    }

    @Test("another config path in the same state directory is the same lock")
    func otherConfig() throws {
        let directory = TemporaryDirectory()
        let first = try Self.take(directory)
        #expect(throws: DirectoryLock.Failure.self) {
            _ = try DirectoryLock(stateDirectory: directory.path, configPath: "/etc/other.json")
        }
        _ = consume first
    }

    @Test("a lock file that is another name of somebody's file, a link or a pipe is left alone, and refuses no start")
    func planted() throws {
        for kind in 0..<3 {
            let directory = TemporaryDirectory()
            let victim = directory.file("victim")
            try SystemFile.replace(victim, with: "precious", mode: 0o600)
            switch kind {
            case 0: #expect(link(victim, Self.lockFile(directory)) == 0)
            case 1: #expect(symlink(victim, Self.lockFile(directory)) == 0)
            default: #expect(mkfifo(Self.lockFile(directory), 0o600) == 0)
            }
            let lock = try Self.take(directory)
            #expect(try SystemFile.text(victim) == "precious")
            #expect(throws: DirectoryLock.Failure.self) { _ = try Self.take(directory) }
            _ = consume lock
        }
    }

    private static func holder(_ directory: TemporaryDirectory, startTime: String, locking: String) throws -> Program {
        let program = try Program.python(
            """
            import fcntl, os, time
            directory = os.open('\(directory.path)', os.O_RDONLY)
            if '\(locking)' == 'directory': fcntl.flock(directory, fcntl.LOCK_EX)
            file = open('\(lockFile(directory))', 'w')
            fcntl.flock(file, fcntl.LOCK_EX)
            start = \(startTime)
            file.write('{"pid":%d,"createdAt":"x","configPath":"y","startTime":%s}' % (os.getpid(), start))
            file.flush()
            print('held', flush=True)
            time.sleep(1000)
            """
        )
        #expect(try program.line() == "held")
        return program
    }

    private static let ownStart = "open('/proc/self/stat').read().rsplit(')', 1)[1].split()[19]"

    @Test("the holder is named, with its pid and what it runs", arguments: ["directory", "file"])
    func named(locking: String) throws {
        let directory = TemporaryDirectory()
        let program = try Self.holder(directory, startTime: Self.ownStart, locking: locking)
        let failure = #expect(throws: DirectoryLock.Failure.self) { _ = try Self.take(directory) }
        guard case .held(let held) = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(held.pid == program.pid)
        #expect(held.description.hasPrefix("gateway already running (pid \(program.pid): /usr/bin/python3 -I -c"))
        #expect(held.description.contains("kill \(program.pid)"))
        program.kill(SIGKILL)
        try program.wait()
        _ = try Self.take(directory)
    }

    @Test("the kernel's word counts, whatever the file says, and when somebody deleted it", arguments: [true, false])
    func wrongFile(isDeleted: Bool) throws {
        let directory = TemporaryDirectory()
        let program = try Self.holder(directory, startTime: "1", locking: "directory")
        if isDeleted {
            #expect(unlink(Self.lockFile(directory)) == 0)
        } else {
            try SystemFile.write("{\"pid\":\(getppid())}         ", to: Self.lockFile(directory))
        }
        let failure = #expect(throws: DirectoryLock.Failure.self) { _ = try Self.take(directory) }
        guard case .held(let held) = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(held.pid == program.pid)
    }

    @Test("only a flock on this very file names a holder, and only a pid that can be seen")
    func kernelTable() {
        let table = """
            1: POSIX  ADVISORY  WRITE 100 fe:01:131 0 EOF
            2: FLOCK  ADVISORY  WRITE 101 fe:01:132 0 EOF
            2: -> FLOCK  ADVISORY  WRITE 102 fe:01:131 0 EOF
            3: FLOCK  ADVISORY  WRITE 0 fe:01:131 0 EOF
            4: FLOCK  ADVISORY  WRITE x fe:01:131
            5:
            6: FLOCK  ADVISORY  WRITE 104 fe:1:131 0 EOF
            """
        #expect(DirectoryLock.holder(in: table, device: 0xFE01, inode: 131) == 104)
        #expect(DirectoryLock.holder(in: table, device: 0xFE02, inode: 131) == nil)
        #expect(DirectoryLock.holder(in: table, device: 0xFE01, inode: 132) == 101)
        #expect(DirectoryLock.holder(in: "", device: 0, inode: 0) == nil)
    }

    @Test("a directory that is not there is said to be so")
    func missing() {
        let failure = #expect(throws: DirectoryLock.Failure.self) {
            _ = try DirectoryLock(stateDirectory: "/nonexistent/state", configPath: "/x")
        }
        let text = "cannot lock the state directory: open /nonexistent/state: No such file or directory (ENOENT)"
        #expect(failure?.description == text)
    }

    @Test("the payload is JSON that another program reads")
    func payload() throws {
        let payload = LockPayload(
            pid: 7,
            startTime: 8,
            configPath: "/a \"b\"\n\\é",
            createdAt: LockPayload.timestamp(1_769_508_000_123_000_000)
        )
        let program = try Program(
            [
                "/usr/bin/python3", "-I", "-c",
                "import json,sys\nd=json.loads(sys.argv[1])\nprint(d['pid'],d['startTime'],d['createdAt'])\nprint(repr(d['configPath']))",
                String(decoding: payload.encoded, as: UTF8.self),
            ]
        ) { $0.environment = ["PYTHONIOENCODING=utf-8", "LC_ALL=C.UTF-8"] }
        #expect(try program.text() == "7 8 2026-01-27T10:00:00.123Z\n'/a \"b\"\\n\\\\é'\n")
    }

    @Test(
        "timestamps are right at the ends of months, years and leap days",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"), (1_709_251_199, "2024-02-29T23:59:59.000Z"),
            (1_798_761_599, "2026-12-31T23:59:59.000Z"), (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ]
    )
    func timestamps(seconds: Int64, text: String) {
        #expect(LockPayload.timestamp(seconds * 1_000_000_000) == text)
    }
}
