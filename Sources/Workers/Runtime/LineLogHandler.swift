internal import Glibc
package import Logging

/// Log lines as the supervisor expects them: `[subsystem] message key=value` on standard output, from warning on standard
/// error. The supervisor adds the time and redacts secrets; it always reads, so no worker blocks on its log.
package struct LineLogHandler: LogHandler {
    package var metadata = Logger.Metadata()
    package var logLevel = Logger.Level.info
    private let subsystem: String

    /// Longest line in bytes; the rest is cut off.
    static let limit = 16 * 1024

    package init(subsystem: String) { self.subsystem = subsystem }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var line = "[\(subsystem)] "
        if event.level >= .warning { line += event.level >= .error ? "error: " : "warning: " }
        line += event.message.description
        let all = metadata.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(value)" }
        var bytes = line.utf8.prefix(Self.limit).map { $0 < 0x20 && $0 != 0x09 ? UInt8(ascii: " ") : $0 }
        bytes.append(UInt8(ascii: "\n"))
        let descriptor: Int32 = event.level >= .warning ? 2 : 1
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
