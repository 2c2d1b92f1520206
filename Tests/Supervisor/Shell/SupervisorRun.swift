import CLinux
import Glibc
import IPCControl

@testable import Supervisor

/// A supervisor in a process of its own, with a planner and workers that follow a script, and a log that is read line
/// by line.
final class SupervisorRun {
    /// What did not happen in time.
    struct Missing: Error, CustomStringConvertible {
        var description: String
    }

    let directory: String
    /// The shell around the supervisor, that tells its exit code.
    private let shell: Int32
    private let log: Int32
    private var pending: [UInt8] = []
    private(set) var lines: [String] = []

    var state: String { "\(directory)/state" }

    /// Starts it with a plan, with further variables, with sockets as a service manager hands them over, and with its
    /// outputs elsewhere than in `lines`.
    ///
    /// - Parameter executable: another one than the fixture that was built.
    init(
        _ plan: FixturePlanText,
        environment: [String] = [],
        sockets: [Int32] = [],
        redirection: String = "2>&1",
        executable: String? = nil
    ) throws {
        var template = Array("/tmp/clawhold-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Missing(description: "a temporary directory") }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let (read, shell) = try Self.start(
            in: directory,
            plan,
            environment: environment,
            sockets: sockets,
            redirection: redirection,
            executable: executable
        )
        log = read
        self.shell = shell
    }

    /// A further start in the same state directory.
    init(
        besides other: SupervisorRun,
        _ plan: FixturePlanText,
        environment: [String] = [],
        sockets: [Int32] = []
    ) throws {
        directory = other.directory
        let (read, shell) = try Self.start(
            in: directory,
            plan,
            name: "plan2",
            environment: environment,
            sockets: sockets
        )
        log = read
        self.shell = shell
    }

    deinit {
        _ = kill(-shell, SIGKILL)
        var status: Int32 = 0
        _ = waitpid(shell, &status, 0)
        close(log)
    }

    private static func start(
        in directory: String,
        _ plan: FixturePlanText,
        name: String = "plan",
        environment: [String],
        sockets: [Int32],
        redirection: String = "2>&1",
        executable: String? = nil
    ) throws -> (Int32, Int32) {
        let file = "\(directory)/\(name)"
        try write(plan.text(state: "\(directory)/state"), to: file)
        guard let own = SystemFile.link("/proc/self/exe"), let slash = own.lastIndex(of: "/") else {
            throw Missing(description: "the test's own path")
        }
        let pipe = try Descriptor.pipe()
        let fixture = executable ?? "\(own[...slash])SupervisorFixture"
        // LISTEN_PID is the pid that the inner shell gives to the supervisor.
        let listen = sockets.isEmpty ? "" : "export LISTEN_FDS=\(sockets.count) LISTEN_PID=$$; "
        let request = SpawnRequest(
            executable: .path("/bin/sh"),
            // The shell, so that the exit code is not lost to another test that reaps children.
            arguments: [
                "sh", "-c",
                "sh -c '\(listen)exec \"$0\" gateway \"$1\" \(redirection)' \"$0\" \"$1\"; echo \"exit code $?\"",
                fixture, file,
            ],
            environment: ["TZ=UTC", "SECRET_OF_THE_SHELL=visible", "XDG_RUNTIME_DIR=\(directory)"] + environment,
            descriptors: [-1, pipe.write.raw, 2] + sockets,
            directory: nil,
            stackLimitBytes: 8 << 20,
            dropsPrivileges: false,
            diesWithSupervisor: false
        )
        let pid = try ProcessSpawner.spawn(request).pid
        return (try pipe.read.duplicate().release(), pid)
    }

    static func write(_ text: String, to path: String) throws {
        try SystemFile.replace(path, with: text, mode: 0o644)
    }

    /// Replaces the plan for the next HUP.
    func plan(_ plan: FixturePlanText) throws {
        try Self.write(plan.text(state: state), to: "\(directory)/plan")
    }

    /// The first line from `start` on that `fits`; reads on until there is one.
    @discardableResult
    func line(
        from start: Int = 0,
        within seconds: Int = 20,
        _ words: String...
    ) throws -> String {
        let deadline = Instant.now() + .seconds(seconds)
        var next = start
        while true {
            while next < lines.count {
                let line = lines[next]
                if words.allSatisfy({ line.contains($0) }) { return line }
                next += 1
            }
            try readMore(until: deadline, "a line with \(words)")
        }
    }

    func hasLine(_ words: String...) -> Bool {
        lines.contains { line in words.allSatisfy { line.contains($0) } }
    }

    private func readMore(until deadline: Instant, _ what: String) throws {
        let left = (deadline - .now()).wholeMilliseconds
        var wait = pollfd(fd: log, events: Int16(POLLIN), revents: 0)
        guard left > 0, poll(&wait, 1, Int32(clamping: left)) > 0 else {
            throw Missing(description: "\(what) in\n\(lines.suffix(40).joined(separator: "\n"))")
        }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = read(log, &bytes, bytes.count)
        guard count > 0 else {
            throw Missing(description: "\(what) before the end of\n\(lines.suffix(40).joined(separator: "\n"))")
        }
        pending += bytes.prefix(count)
        while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
            lines.append(String(decoding: pending[..<end], as: UTF8.self))
            pending.removeFirst(end + 1)
        }
    }

    /// The exit code, when it has come to that.
    func exitCode(within seconds: Int = 20) throws -> Int32? {
        let line = try line(within: seconds, "exit code ")
        return line.split(separator: " ").last.flatMap { Int32($0) }
    }

    /// The pid that a line names behind `word`.
    static func pid(in line: String, after word: String) -> Int32 {
        guard let range = line.firstRange(of: word) else { return 0 }
        return Int32(line[range.upperBound...].prefix { $0.isNumber }) ?? 0
    }

    /// The supervisor's own, from the line that people look for.
    func supervisorPID() throws -> Int32 {
        Self.pid(in: try line("listening on ws://"), after: "(PID ")
    }

    /// The pid of an incarnation, once it is ready.
    func ready(_ id: String, _ incarnation: Int) throws -> Int32 {
        Self.pid(in: try line("\(id) is ready (incarnation \(incarnation),"), after: "PID ")
    }

    /// Asks over the control socket and returns all blocks of the answer.
    func ask(_ command: String, _ fields: KeyValuePairs<String, String> = [:]) throws -> [Block] {
        let client = try ControlConnection(self)
        return try client.ask(command, fields)
    }

    var controlSocket: String {
        let pointer = (try? SystemFile.text(RuntimePointer.path(in: state))) ?? ""
        guard let range = pointer.firstRange(of: "\"controlSocket\":\"") else { return "" }
        return String(pointer[range.upperBound...].prefix { $0 != "\"" })
    }
}

/// The command line's end of the control socket.
final class ControlConnection {
    private let fd: Int32
    private var decoder = BlockDecoder()

    init(_ run: SupervisorRun) throws {
        fd = clinux_unix_socket()
        guard clinux_connect_unix(fd, run.controlSocket) >= 0 else {
            throw SupervisorRun.Missing(description: "the control socket \(run.controlSocket)")
        }
    }

    deinit { close(fd) }

    func send(_ command: String, _ fields: KeyValuePairs<String, String> = [:]) throws {
        var block = Block("COMMAND", fields)
        block["CMD"] = command
        let bytes = try block.encoded()
        _ = bytes.withUnsafeBytes { Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    func ask(_ command: String, _ fields: KeyValuePairs<String, String> = [:]) throws -> [Block] {
        try send(command, fields)
        var blocks: [Block] = []
        while let block = try next() {
            blocks.append(block)
            if block["END"] != nil { return blocks }
        }
        throw SupervisorRun.Missing(description: "the end of the answer to \(command)")
    }

    /// The next block; nil when the connection was ended.
    func next(within seconds: Int = 40) throws -> Block? {
        let deadline = Instant.now() + .seconds(seconds)
        while true {
            if let block = try decoder.next() { return block }
            var wait = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
            let left = (deadline - .now()).wholeMilliseconds
            guard left > 0, poll(&wait, 1, Int32(clamping: left)) > 0 else {
                throw SupervisorRun.Missing(description: "a block on the control socket")
            }
            var bytes = [UInt8](repeating: 0, count: 65_536)
            let count = read(fd, &bytes, bytes.count)
            guard count > 0 else { return nil }
            decoder.append(bytes.prefix(count))
        }
    }
}

/// A plan as the planner of the fixture hands it on.
struct FixturePlanText {
    var workers: [String] = []
    /// Instead of a plan.
    var refusal: String?

    init(refusal: String? = nil) { self.refusal = refusal }

    /// Adds a worker that does what `script` says.
    func with(
        _ id: String,
        _ script: String = "",
        revision: String = "1",
        start: String = "permanent",
        hardKB: Int = 0,
        user: String = "owner",
        secret: String? = nil,
        arguments: [String] = [],
        keys: KeyValuePairs<String, String> = [:]
    ) -> FixturePlanText {
        let kind = id.split(separator: ":").first ?? ""
        var text =
            "TYPE=WORKER\nID=\(id)\nKIND=\(kind)\nSTART=\(start)\nREV=\(revision)\nHARD_KB=\(hardKB)\nUID=\(user)\n"
        if !arguments.isEmpty {
            text += "ARGC=\(arguments.count)\n"
            for (index, argument) in arguments.enumerated() { text += "ARG\(index)=\(argument)\n" }
        }
        for (key, value) in keys { text += "\(key)=\(value)\n" }
        text += "\nTYPE=CONFIG\nWORKER=\(id)\nDATA=\(script)\n\n"
        if let secret { text += "TYPE=SECRET\nWORKER=\(id)\nNAME=TOKEN\nVALUE=\(secret)\n\n" }
        var plan = self
        plan.workers.append(text)
        return plan
    }

    func text(state: String) -> String {
        if let refusal { return refusal }
        let settings =
            "TYPE=SETTINGS\nSTATE_DIR=\(state)\nCONFIG_PATH=\(state)/openclaw.json\nPORT=0\nBIND=loopback\n\n"
        let listener = "TYPE=LISTEN\nNAME=http\nHOST=127.0.0.1\nPORT=0\n\n"
        return settings + listener + workers.joined() + "TYPE=END\n\n"
    }
}
