import Glibc
import Testing

@testable import Supervisor

/// A deadline that only a broken build reaches; the machine may be very busy.
let patience = Duration.seconds(60)

struct TimedOut: Error {
    var waitingFor: String
}

/// Checks again every millisecond until it holds: for what announces itself by nothing that a test could wait for, as the
/// state of somebody else's process, or a supervisor whose log nobody reads.
func eventually(_ what: String, within limit: Duration = patience, _ condition: () throws -> Bool) throws {
    let deadline = Instant.now() + limit
    while try !condition() {
        if Instant.now() > deadline { throw TimedOut(waitingFor: what) }
        usleep(1000)
    }
}

/// A foreign program started through the shim, with its output.
final class Program {
    let pid: Int32
    private let process: SpawnedProcess
    private let output: Descriptor
    private var exit: ExitFacts?

    /// - Parameter descriptors: what becomes 3, 4…
    init(
        _ arguments: [String],
        descriptors: [Int32] = [],
        change: (inout SpawnRequest) -> Void = { _ in }
    ) throws {
        let pipe = try Descriptor.pipe()
        var request = SpawnRequest(
            executable: .path(arguments[0]),
            arguments: arguments,
            descriptors: [-1, pipe.write.raw, 2] + descriptors,
            stackLimitBytes: 8 << 20,
            // The death signal belongs to the spawning thread, and tests run on threads of a pool.
            diesWithSupervisor: false
        )
        change(&request)
        process = try ProcessSpawner.spawn(request)
        pid = process.pid
        output = try pipe.read.duplicate()
    }

    static func shell(_ script: String, change: (inout SpawnRequest) -> Void = { _ in }) throws -> Program {
        try Program(["/bin/sh", "-c", script], change: change)
    }

    static func python(_ script: String, change: (inout SpawnRequest) -> Void = { _ in }) throws -> Program {
        try Program(["/usr/bin/python3", "-I", "-c", script], change: change)
    }

    deinit {
        if exit == nil {
            kill(pid, SIGKILL)
            kill(-pid, SIGKILL)
            _ = try? wait()
        }
    }

    /// All that it writes until it closes its output.
    func text() throws -> String {
        var bytes: [UInt8] = []
        while let chunk = try chunk() { bytes += chunk }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The next line, without its end.
    func line() throws -> String {
        var bytes: [UInt8] = []
        while let chunk = try chunk(limit: 1), chunk != [10] { bytes += chunk }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func chunk(limit: Int = 4096) throws -> [UInt8]? {
        let poller = try Poller()
        try poller.add(output.raw, .read, token: 1)
        var buffer = [UInt8](repeating: 0, count: limit)
        while true {
            guard try !poller.wait(timeout: patience).isEmpty else { throw TimedOut(waitingFor: "output") }
            let count = try buffer.withUnsafeMutableBytes { try output.read(into: $0) }
            guard let count else { continue }
            return count == 0 ? nil : Array(buffer.prefix(count))
        }
    }

    /// Waits for its end by the pidfd, as the supervisor does.
    @discardableResult
    func wait() throws -> ExitFacts {
        if let exit { return exit }
        let poller = try Poller()
        if let raw = process.pidfd { try poller.add(raw, .read, token: 1) }
        let deadline = Instant.now() + patience
        while Instant.now() < deadline {
            _ = try poller.wait(timeout: .seconds(1))
            if let facts = try Reaper.collect(pid: pid) {
                exit = facts
                return facts
            }
        }
        throw TimedOut(waitingFor: "the end of pid \(pid)")
    }

    func kill(_ signal: Int32) {
        Glibc.kill(pid, signal)
    }

    private func kill(_ pid: Int32, _ signal: Int32) {
        Glibc.kill(pid, signal)
    }
}

/// Whether a process exists and is no zombie.
func isAlive(_ pid: Int32) -> Bool {
    guard let stat = ProcessFacts.stat(of: pid) else { return false }
    return stat.state != "Z" && stat.state != "X"
}
