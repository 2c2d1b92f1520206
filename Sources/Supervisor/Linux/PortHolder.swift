/// The process that listens on a TCP port.
package struct PortHolder: Hashable, Sendable {
    package var pid: Int32
    package var commandLine: String

    package init(pid: Int32, commandLine: String) {
        self.pid = pid
        self.commandLine = commandLine
    }

    /// Finds it through /proc; nil when it belongs to somebody whose descriptors we may not see.
    package static func find(port: UInt16) -> PortHolder? {
        let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map { path in
            (try? SystemFile.text(path, limit: 4 << 20)) ?? ""
        }
        let links = Set(tables.flatMap { listeners(in: $0, port: port) }.map { "socket:[\($0)]" })
        guard !links.isEmpty else { return nil }
        for pid in ProcessFacts.all() {
            for fd in SystemFile.names(in: "/proc/\(pid)/fd").prefix(4096) {
                guard let link = SystemFile.link("/proc/\(pid)/fd/\(fd)"), links.contains(link) else { continue }
                return PortHolder(pid: pid, commandLine: ProcessFacts.commandLine(of: pid))
            }
        }
        return nil
    }

    /// Socket inodes in state LISTEN on this port, from the text of /proc/net/tcp or tcp6.
    static func listeners(in table: String, port: UInt16) -> [UInt64] {
        table.split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[3] == "0A",
                let hex = fields[1].split(separator: ":").last, UInt16(hex, radix: 16) == port
            else { return nil }
            return UInt64(fields[9])
        }
    }
}
