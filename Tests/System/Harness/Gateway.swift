import FoundationEssentials
import Glibc
import IPCControl

/// A running `clawhold gateway` in a state directory of its own.
final class Gateway: Sendable {
    static let token = "system-test-token"

    /// How a test wants it started.
    struct Setup: Sendable {
        /// openclaw.json; nil: none.
        var config: JSONValue?
        /// clawhold.json; nil: none.
        var ownConfig: JSONValue?
        var environment: [String: String] = [:]
        var arguments: [String] = []
        /// `NAME@WORKER:INCARNATION[#HIT]`, each at most once.
        var killPoints: [String] = []
        /// In front of the executable: `unshare --pid …`.
        var wrapper: [String] = []
    }

    let process: ChildProcess
    let port: UInt16
    let state: StateDirectory

    private init(process: ChildProcess, port: UInt16, state: StateDirectory) {
        self.process = process
        self.port = port
        self.state = state
    }

    deinit { process.signal(SIGKILL) }

    /// Starts it and returns when `/healthz` answers 200.
    static func start(
        _ setup: Setup = Setup(),
        in state: StateDirectory? = nil,
        port: UInt16? = nil,
        within seconds: Double = 15
    ) async throws -> Gateway {
        let gateway = try launch(setup, in: state, port: port)
        try await gateway.healthy(within: seconds)
        return gateway
    }

    /// Starts it and does not wait.
    static func launch(
        _ setup: Setup = Setup(),
        in state: StateDirectory? = nil,
        port: UInt16? = nil
    ) throws -> Gateway {
        let state = try state ?? StateDirectory()
        let port = try port ?? Socket.freePort()
        if let config = setup.config { try state.write("openclaw.json", config.text) }
        if let config = setup.ownConfig { try state.write("clawhold.json", config.text) }
        var environment = [
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": state.path,
            "OPENCLAW_STATE_DIR": state.path,
            "OPENCLAW_GATEWAY_TOKEN": token,
            "TZ": "UTC",
        ]
        if !setup.killPoints.isEmpty { environment["CLAWHOLD_KILL_POINTS"] = setup.killPoints.joined(separator: ",") }
        environment.merge(setup.environment) { $1 }
        let process = try ChildProcess(
            setup.wrapper + [try Place.executable(), "gateway", "--allow-unconfigured", "--port", "\(port)"]
                + setup.arguments,
            environment: environment.filter { !$0.value.isEmpty }
        )
        return Gateway(process: process, port: port, state: state)
    }

    /// Returns when `/healthz` answers 200.
    func healthy(within seconds: Double = 15) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline {
            // Refused, or closed by a gateway that is just dying: asked again.
            if let answer = try? await HTTP.get(port, "/healthz", within: 5), answer.status == 200 { return }
            if let end = process.end { throw TestFailure("it ended with \(end); it said:\n\(process.tail())") }
            try await pause()
        }
        throw TestFailure("no /healthz within \(seconds) s; it said:\n\(process.tail())")
    }

    // MARK: Workers

    /// The worker table by id.
    func workers() async throws -> [String: Block] {
        let blocks = try await command("ps")
        return Dictionary(
            blocks.compactMap { block in block["ID"].map { ($0, block) } },
            uniquingKeysWith: { $1 }
        )
    }

    /// Asks the supervisor; throws what it answers with END=error.
    @discardableResult
    func command(_ name: String, id: String? = nil) async throws -> [Block] {
        let pointer = try JSONValue(try state.read("gateway.runtime.json"))
        guard let path = pointer["controlSocket"]?.string else {
            throw TestFailure("no control socket in \(pointer.text)")
        }
        let command = id.map { Block("COMMAND", ["CMD": name, "ID": $0]) } ?? Block("COMMAND", ["CMD": name])
        let blocks = try await ControlSocket.ask(path, command)
        guard blocks.last?["END"] == "ok" else { throw TestFailure("\(name): \(blocks.last?["TEXT"] ?? "no text")") }
        return blocks
    }

    /// Returns the worker's row once `matches` holds for it.
    @discardableResult
    func worker(
        _ id: String,
        within seconds: Double = 15,
        until matches: @Sendable (Block) -> Bool = { $0["STATE"] == "ready" }
    ) async throws -> Block {
        let deadline = ContinuousClock.now + .seconds(seconds)
        var last: Block?
        while ContinuousClock.now < deadline {
            last = try? await workers()[id]
            if let last, matches(last) { return last }
            try await pause()
        }
        throw TestFailure(
            "worker \(id) did not get there within \(seconds) s: \(String(describing: last))\n\(process.tail())"
        )
    }

    func pid(of id: String) async throws -> pid_t {
        guard let pid = try await workers()[id]?.integer("PID"), pid > 1 else { throw TestFailure("\(id) has no pid") }
        return pid_t(pid)
    }

    /// Kills a worker with SIGKILL and returns its pid.
    @discardableResult
    func kill(_ id: String) async throws -> pid_t {
        let pid = try await pid(of: id)
        Glibc.kill(pid, SIGKILL)
        return pid
    }

    /// TERM, and its exit status.
    @discardableResult
    func stop(within seconds: Double = 10) async throws -> Int32 {
        process.signal(SIGTERM)
        return try await process.ended(within: seconds)
    }

    /// How long a state that can only be asked for is left alone between two questions.
    private func pause() async throws { try await Task.sleep(for: .milliseconds(5)) }
}

/// A directory that lives as long as the test's hold on it.
final class StateDirectory: Sendable {
    let path: String

    init() throws {
        path = "/tmp/clawhold-system-\(getpid())-\(UInt32.random(in: .min ... .max))"
        guard mkdir(path, 0o700) == 0 else { throw TestFailure("mkdir \(path): \(String(cString: strerror(errno)))") }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: path + "/" + name))
    }

    /// Makes a directory below it, with those on the way.
    func makeDirectories(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: path + "/" + name, withIntermediateDirectories: true)
    }

    func read(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: path + "/" + name)))
    }

    /// All files below it whose name ends so, with their text.
    func files(endingWith suffix: String) throws -> [String: String] {
        var found: [String: String] = [:]
        for file in try paths(endingWith: suffix) {
            found[file] = String(decoding: try Data(contentsOf: URL(filePath: file)), as: UTF8.self)
        }
        return found
    }

    /// The paths of all files below it whose name ends so.
    func paths(endingWith suffix: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: path).filter { $0.hasSuffix(suffix) }.map {
            "\(path)/\($0)"
        }
    }
}
