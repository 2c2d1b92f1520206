internal import CLinux
internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A foreign program that this worker runs: in its memory group, under its restrictions, with an environment of its own.
struct ChildProgram: Sendable {
    /// Absolute.
    var path: String
    /// Without the program's name.
    var arguments: [String] = []
    /// All of it.
    var environment: [String: String] = [:]
    /// What it can read from descriptor 3, as `/dev/fd/3`: a secret that must stand neither in its arguments nor in a file.
    /// At most 4 KiB, so that the pipe takes it.
    var secretInput: [UInt8]?
    /// Kept out of its lines: programs repeat what they were given, and what they say is shown to people. "": nothing is.
    var hidden = ""

    static let secretLimit = 4096

    /// Runs it to its end. Cancelling sends SIGTERM to its process group, and SIGKILL two seconds later.
    ///
    /// It dies with this process: the kernel kills it when the event loop's thread ends.
    /// - Parameters:
    ///   - started: its process id.
    ///   - line: every line of its output, both streams, without the line end and cut at `LineCutter.limit`.
    /// - Throws: `ChildError` when it cannot be started.
    func run(
        on loop: any EventLoop,
        started: @escaping @Sendable (Int32) -> Void,
        line: @escaping @Sendable (String) -> Void
    ) async throws -> ChildExit {
        let (pid, output) = try await loop.submit { try start() }.get()
        let hidden = hidden
        // Before anything is cut out of a line, so that no half of it is left.
        let safeLine: @Sendable (String) -> Void = { text in
            line(hidden.isEmpty ? text : text.replacing(hidden, with: "[redacted]"))
        }
        let life = ChildLife(pid: pid)
        started(pid)
        return await withTaskCancellationHandler {
            // Ends with the program's output, or here.
            let reading = Task {
                await Self.read(output, on: loop, safeLine)
                life.fallSilent()
            }
            defer { reading.cancel() }
            var quick = 200
            while true {
                if let exit = life.collect() {
                    // Its last words may still be on their way; a grandchild may keep the pipe open for ever.
                    for _ in 0..<40 where !life.isSilent { await Self.pause(.milliseconds(5), on: loop) }
                    return exit
                }
                // The end of its output is nearly always its own.
                let isEnding = life.isSilent && quick > 0
                if isEnding { quick -= 1 }
                await Self.pause(.milliseconds(isEnding ? 5 : 250), on: loop)
            }
        } onCancel: {
            life.signal(SIGTERM)
            loop.scheduleTask(in: .seconds(2)) { life.signal(SIGKILL) }
        }
    }

    /// Sleeps through cancellation: a program that is being ended is still waited for.
    private static func pause(_ time: TimeAmount, on loop: any EventLoop) async {
        try? await loop.scheduleTask(in: time) {}.futureResult.get()  // the loop lives as long as the process
    }

    private static func read(_ descriptor: Int32, on loop: any EventLoop, _ line: @Sendable (String) -> Void) async {
        do {
            let channel = try await NIOPipeBootstrap(group: loop).takingOwnershipOfDescriptor(input: descriptor) {
                channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, Never>(wrappingChannelSynchronously: channel)
                }
            }
            try await channel.executeThenClose { inbound, _ in
                var cutter = LineCutter()
                for try await bytes in inbound { cutter.take(bytes.readableBytesView, line) }
                cutter.end(line)
            }
        } catch {
            // Cancelled, or the pipe broke: the exit tells the rest.
        }
    }

    // MARK: Starting

    /// On the event loop, whose thread the child's life is tied to. Returns its id and the reading end of its output.
    private func start() throws(ChildError) -> (pid: Int32, output: Int32) {
        guard (arguments + environment.map { $0 + $1 }).allSatisfy({ !$0.utf8.contains(0) }) else {
            throw ChildError(step: "arguments", code: EINVAL)
        }
        var ends: [Int32] = [-1, -1]
        try Self.check("pipe", clinux_pipe(&ends))
        var secret: [Int32] = [-1, -1]
        do {
            if let secretInput { secret = try Self.pipe(holding: secretInput) }
            let pid = try spawn(output: ends[1], secret: secretInput == nil ? nil : secret[0])
            close(ends[1])
            if secret[0] >= 0 { close(secret[0]) }
            _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
            return (pid, ends[0])
        } catch {
            for descriptor in ends + secret where descriptor >= 0 { close(descriptor) }
            throw error
        }
    }

    private static func pipe(holding bytes: [UInt8]) throws(ChildError) -> [Int32] {
        guard bytes.count <= secretLimit else { throw ChildError(step: "secret", code: E2BIG) }
        var ends: [Int32] = [-1, -1]
        try check("pipe", clinux_pipe(&ends))
        let written = bytes.withUnsafeBytes { write(ends[1], $0.baseAddress, $0.count) }
        close(ends[1])
        guard written == bytes.count else {
            close(ends[0])
            throw ChildError(step: "secret", code: EIO)
        }
        return [ends[0], -1]
    }

    private func spawn(output: Int32, secret: Int32?) throws(ChildError) -> Int32 {
        var argv = ([path] + arguments).map { strdup($0) }
        var envp = environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") }
        defer { for text in argv + envp { free(text) } }
        argv.append(nil)
        envp.append(nil)
        let descriptors = [-1, output, output] + (secret.map { [$0] } ?? [])
        var result = clinux_spawn_result()
        let code = path.withCString { path in
            argv.withUnsafeBufferPointer { argv in
                envp.withUnsafeBufferPointer { envp in
                    descriptors.withUnsafeBufferPointer { descriptors in
                        var request = clinux_spawn_request()
                        request.executable = -1
                        request.path = path
                        request.arguments = argv.baseAddress
                        request.environment = envp.baseAddress
                        request.descriptors = descriptors.baseAddress
                        request.descriptor_count = descriptors.count
                        // Limits, user and memory group are the worker's own.
                        request.oom_score_adj = .min
                        request.limit_core = 0
                        request.limit_stack = .min
                        request.limit_data = .min
                        request.limit_files = .min
                        request.limit_tasks = .min
                        // A process group of its own, so that what it starts is ended with it.
                        request.new_session = true
                        request.die_with_parent = true
                        return clinux_spawn(&request, &result)
                    }
                }
            }
        }
        guard code == 0 else {
            throw ChildError(step: String(cString: clinux_spawn_step_name(Int32(result.step))), code: -code)
        }
        if result.pidfd >= 0 { close(result.pidfd) }
        return result.pid
    }

    private static func check(_ step: String, _ code: Int32) throws(ChildError) {
        if code < 0 { throw ChildError(step: step, code: -code) }
    }
}

/// Why a program could not be started.
struct ChildError: Error, Sendable, Equatable, CustomStringConvertible {
    var step: String
    /// An errno.
    var code: Int32

    var isMissing: Bool { code == ENOENT }

    var description: String { "\(String(cString: clinux_errno_text(code))) (at \(step))" }
}

/// How a program ended.
struct ChildExit: Sendable, Equatable, CustomStringConvertible {
    var code: Int32
    /// 0: it ended by itself.
    var signal: Int32

    var description: String { signal == 0 ? "exit code \(code)" : "killed by signal \(signal)" }
}

/// A child until its exit is collected: after that its number may be another's.
private final class ChildLife: Sendable {
    private let pid: Int32
    private let state = Mutex(State())

    private struct State {
        var exit: ChildExit?
        var isSilent = false
    }

    init(pid: Int32) { self.pid = pid }

    func signal(_ number: Int32) {
        state.withLock { state in
            guard state.exit == nil else { return }
            if kill(-pid, number) < 0 { kill(pid, number) }
        }
    }

    /// Nothing more will be read of its output.
    func fallSilent() { state.withLock { $0.isSilent = true } }

    var isSilent: Bool { state.withLock(\.isSilent) }

    /// Its exit, once it has ended.
    func collect() -> ChildExit? {
        state.withLock { state in
            if let exit = state.exit { return exit }
            var exit = clinux_exit()
            let code = clinux_wait(pid, &exit)
            if code < 0 {
                // Somebody else collected it, which nobody here does.
                state.exit = ChildExit(code: -1, signal: 0)
            } else if exit.pid == pid {
                // 1 is CLD_EXITED; the others are signals.
                state.exit = ChildExit(code: exit.code == 1 ? exit.status : 0, signal: exit.code == 1 ? 0 : exit.status)
                // What it started does not outlive it.
                kill(-pid, SIGKILL)
            }
            return state.exit
        }
    }
}
