internal import Glibc

/// The environment as `NAME=value` lines, looked up without ever changing it.
struct Environment {
    let lines: [String]

    /// This process's own.
    static func current() -> Environment {
        var lines: [String] = []
        var next = environ
        while let line = next.pointee {
            lines.append(String(cString: line))
            next += 1
        }
        return Environment(lines: lines)
    }

    subscript(name: String) -> String? {
        let prefix = "\(name)=".utf8
        let line = lines.first { $0.utf8.starts(with: prefix) }
        return line.flatMap { String($0.utf8.dropFirst(prefix.count)) }
    }

    /// What the plan role gets: all but what speaks to the service manager in our name (P27).
    var forPlanner: [String] {
        lines.filter { line in
            !["NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_", "FDSTORE="].contains { line.utf8.starts(with: $0.utf8) }
        }
    }

    /// All but `name`.
    func without(_ name: String) -> Environment {
        Environment(lines: lines.filter { !$0.utf8.starts(with: "\(name)=".utf8) })
    }

    /// What every worker of ours gets, and nothing else: no secret can be inherited.
    var forWorkers: [String] {
        var lines = ["MALLOC_ARENA_MAX=1", "SWIFT_BACKTRACE=enable=no"]
        for name in ["TZ", "LANG"] { if let value = self[name] { lines.append("\(name)=\(value)") } }
        return lines
    }
}
