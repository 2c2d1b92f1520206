import FoundationEssentials
import Glibc

/// A process as /proc shows it; empty answers when it is gone.
struct ProcessFiles: Sendable {
    let pid: pid_t

    func text(_ name: String) -> String {
        let data = try? Data(contentsOf: URL(filePath: "/proc/\(pid)/\(name)"))
        return String(decoding: data ?? Data(), as: UTF8.self)
    }

    /// What each open descriptor leads to: `socket:[1234]`, `/dev/null`.
    var descriptors: [Int32: String] {
        var found: [Int32: String] = [:]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")) ?? [] {
            guard let number = Int32(name) else { continue }
            found[number] = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\(name)")
        }
        return found
    }

    /// Sockets and pipes, by the name that two processes which share one see both.
    var shareable: Set<String> {
        Set(descriptors.values.filter { $0.hasPrefix("socket:") || $0.hasPrefix("pipe:") })
    }

    /// The lowest number that is free: a limit of so many lets it open nothing.
    var lowestFreeDescriptor: Int {
        let used = descriptors
        return (0...).first { used[$0] == nil }.map(Int.init) ?? 0
    }

    /// A line of `status`, without its name.
    func status(_ key: String) -> String? {
        let line = text("status").split(separator: "\n").first { $0.hasPrefix("\(key):") }
        return line.map { String($0.dropFirst(key.count + 1).drop { $0 == "\t" || $0 == " " }) }
    }

    /// Real, effective, saved and file system id, when they are one and the same.
    func id(_ key: String) -> UInt32? {
        let ids = Set((status(key) ?? "").split(separator: "\t").compactMap { UInt32($0) })
        return ids.count == 1 ? ids.first : nil
    }

    /// The file that it executes.
    var executable: String? { try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe") }

    var environment: [String] { text("environ").split(separator: "\0").map(String.init) }
    var commandLine: [String] { text("cmdline").split(separator: "\0").map(String.init) }

    /// KiB that only this process has, from `smaps_rollup`.
    var privateKB: Int { rollup("Private_Dirty") + rollup("Private_Clean") }

    private func rollup(_ key: String) -> Int {
        let line = text("smaps_rollup").split(separator: "\n").first { $0.hasPrefix("\(key):") }
        return line.flatMap { $0.split(separator: " ").dropFirst().first.flatMap { Int($0) } } ?? 0
    }

    /// User and kernel time in ticks of 10 ms.
    var ticks: Int {
        let text = text("stat")
        guard let end = text.lastIndex(of: ")") else { return 0 }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 12 else { return 0 }
        return (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0)
    }

    /// Whether it can be traced by its own user, who then owns its files in /proc; only for one that is not root's.
    var isDumpable: Bool {
        var facts = stat()
        return stat("/proc/\(pid)/environ", &facts) == 0 && facts.st_uid != 0
    }

    /// The state's letter, nil when it is gone.
    var state: Character? { status("State")?.first }

    /// Whether each of its threads stands still. `kill(SIGSTOP)` returns before that: a thread that runs on another core
    /// goes on until it next enters the kernel.
    var isStopped: Bool {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
        return !threads.isEmpty && threads.allSatisfy { ["T", "t"].contains(state(ofThread: $0)) }
    }

    private func state(ofThread id: String) -> Character? {
        let text = text("task/\(id)/stat")
        guard let end = text.lastIndex(of: ")") else { return nil }
        return text[text.index(after: end)...].first { $0 != " " }
    }

    var children: [pid_t] {
        text("task/\(pid)/children").split(separator: " ").compactMap { pid_t($0) }
    }
}

/// Another process's soft limit, changed from outside by util-linux's prlimit.
enum Limit: String {
    case files = "nofile"

    /// Sets it, runs `body`, and gives the old one back.
    func lowered<Result>(of pid: pid_t, to value: Int, _ body: () async throws -> Result) async throws -> Result {
        let before = try await Self.tool(pid, "--\(rawValue)", "--output=SOFT", "--noheadings", "--raw")
        _ = try await Self.tool(pid, "--\(rawValue)=\(value):")
        do {
            let result = try await body()
            _ = try await Self.tool(pid, "--\(rawValue)=\(before):")
            return result
        } catch {
            _ = try await Self.tool(pid, "--\(rawValue)=\(before):")
            throw error
        }
    }

    private static func tool(_ pid: pid_t, _ arguments: String...) async throws -> String {
        let tool = try ChildProcess(["/usr/bin/prlimit", "--pid=\(pid)"] + arguments)
        guard try await tool.ended() == 0 else { throw TestFailure("prlimit \(arguments): \(tool.tail())") }
        return tool.tail()
    }
}

/// Returns once `condition` holds.
func eventually(
    within seconds: Double = 15,
    _ what: @autoclosure () -> String,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while true {
        if try await condition() { return }
        guard ContinuousClock.now < deadline else { throw TestFailure("not within \(seconds) s: \(what())") }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// How much is asked of a run: `CLAWHOLD_FULL_TESTS=1` (`make test-full`) for the long forms.
enum Extent {
    static let isFull = getenv("CLAWHOLD_FULL_TESTS") != nil
    static func of(_ quick: Int, full: Int) -> Int { isFull ? full : quick }
}

enum Machine {
    static let isRoot = geteuid() == 0
    static let freezer = "/sys/fs/cgroup/freezer"
    static let processes = "/sys/fs/cgroup/pids"

    static func hasGroups(_ hierarchy: String) -> Bool { isRoot && access(hierarchy + "/cgroup.procs", W_OK) == 0 }

    static func put(_ text: String, into file: String) throws {
        let descriptor = open(file, O_WRONLY | O_CLOEXEC)
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard descriptor >= 0, write(descriptor, bytes, bytes.count) == bytes.count else {
            throw TestFailure("cannot write \(text) to \(file): \(String(cString: strerror(errno)))")
        }
    }

    /// Runs `script` in a mount namespace of its own and then the executable in its place.
    static func namespace(_ script: String) -> [String] {
        ["/usr/bin/unshare", "-m", "/bin/sh", "-c", "set -e; \(script); exec \"$@\"", "sh"]
    }
}
