import Glibc
import Synchronization
import TestSupport

/// A process that a test started. Its output comes line by line; its standard input stays open until `closeInput`.
final class ChildProcess: Sendable {
    let pid: pid_t
    /// Standard output and error, as they come.
    let lines = Mailbox<String>()
    private let ends = Mailbox<Int32>()
    private let input: Mutex<Int32?>
    /// One start at a time: a pipe's ends are marked close-on-exec only after they exist.
    private static let starting = Mutex(())

    /// Starts `arguments[0]`, an absolute path, with exactly this environment, in a process group of its own.
    init(_ arguments: [String], environment: [String: String] = [:]) throws {
        let (pid, input, output) = try Self.starting.withLock { _ in try Self.spawn(arguments, environment) }
        self.pid = pid
        self.input = Mutex(input)
        let (lines, ends) = (lines, ends)
        onThread { Self.read(output, into: lines) }
        onThread {
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            ends.append(status & 0x7F == 0 ? (status >> 8) & 0xFF : -(status & 0x7F))
        }
    }

    private static func spawn(_ arguments: [String], _ environment: [String: String]) throws -> (
        pid: pid_t, input: Int32, output: Int32
    ) {
        let stdin = try pipe()
        let stdout = try pipe()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, stdin.read, 0)
        posix_spawn_file_actions_adddup2(&actions, stdout.write, 1)
        posix_spawn_file_actions_adddup2(&actions, stdout.write, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)
        )
        var pid: pid_t = 0
        let argv = arguments.map { strdup($0) } + [nil]
        let envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        let failure = posix_spawn(&pid, arguments[0], &actions, &attributes, argv, envp)
        for string in argv + envp { free(string) }
        posix_spawn_file_actions_destroy(&actions)
        posix_spawnattr_destroy(&attributes)
        close(stdin.read)
        close(stdout.write)
        guard failure == 0 else {
            close(stdin.write)
            close(stdout.read)
            throw TestFailure("cannot start \(arguments[0]): \(String(cString: strerror(failure)))")
        }
        return (pid, stdin.write, stdout.read)
    }

    deinit {
        closeInput()
        if ends.items.isEmpty { kill(pid, SIGKILL) }
    }

    func signal(_ signal: Int32) {
        if ends.items.isEmpty { kill(pid, signal) }
    }

    func closeInput() {
        input.withLock { descriptor in
            if let open = descriptor { close(open) }
            descriptor = nil
        }
    }

    /// The exit status if it has ended.
    var end: Int32? { ends.items.first }

    /// The exit status, or the signal's number below zero.
    func ended(within seconds: Double = 10) async throws -> Int32 {
        guard let end = await ends.first(within: seconds, where: { _ in true }) else {
            throw TestFailure("process \(pid) still runs after \(seconds) s; it said:\n\(tail())")
        }
        // Its last words may still be on their way; a child of its own that lives on can keep the pipe open, so not for long.
        _ = await lines.first(within: 2) { _ in false }
        return end
    }

    /// The first line from index `start` on that contains `text`.
    @discardableResult
    func line(containing text: String, from start: Int = 0, within seconds: Double = 10) async throws -> String {
        guard let line = await lines.first(from: start, within: seconds, where: { $0.contains(text) }) else {
            throw TestFailure("no line with “\(text)” within \(seconds) s; it said:\n\(tail())")
        }
        return line
    }

    /// The last lines, for messages.
    func tail(_ count: Int = 60) -> String {
        lines.items.suffix(count).joined(separator: "\n")
    }

    private static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        guard Glibc.pipe(&ends) == 0 else { throw TestFailure("pipe: \(String(cString: strerror(errno)))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static func read(_ descriptor: Int32, into lines: Mailbox<String>) {
        var rest: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            rest += buffer[..<count]
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                lines.append(String(decoding: rest[..<end], as: UTF8.self))
                rest.removeSubrange(...end)
            }
        }
        if !rest.isEmpty { lines.append(String(decoding: rest, as: UTF8.self)) }
        lines.close()
        close(descriptor)
    }
}
