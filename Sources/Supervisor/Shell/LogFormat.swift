internal import IPCControl

/// How the log is written.
package enum LogFormat: String, Sendable, Equatable, CaseIterable {
    /// `<time> [subsystem] message`, the default.
    case text
    /// One JSON object per line: `time level worker incarnation subsystem message`.
    case json
    /// The journal's native fields (systemd.io/JOURNAL_NATIVE_PROTOCOL): MESSAGE PRIORITY SYSLOG_IDENTIFIER WORKER
    /// INCARNATION.
    case journal

    /// A line as it goes out: with its LF for a stream, as a datagram for the journal.
    ///
    /// - Parameters:
    ///   - line: without control characters but tabs.
    ///   - time: `LogTime.text` of it.
    ///   - dropped: for a note, how many lines it stands for.
    func record(_ line: LogLine, time: String, dropped: UInt64 = 0) -> [UInt8] {
        switch self {
        case .text: Self.text(line, time)
        case .json: Array(Self.json(line, time, dropped).utf8)
        case .journal: Array(Self.journal(line, dropped).utf8)
        }
    }

    private static func text(_ line: LogLine, _ time: String) -> [UInt8] {
        var record: [UInt8] = []
        record.reserveCapacity(time.utf8.count + line.text.utf8.count + 2)
        record.append(contentsOf: time.utf8)
        record.append(UInt8(ascii: " "))
        record.append(contentsOf: line.text.utf8)
        record.append(UInt8(ascii: "\n"))
        return record
    }

    private static func json(_ line: LogLine, _ time: String, _ dropped: UInt64) -> String {
        let (subsystem, message) = line.parts
        var json = "{\"time\":\"\(time)\",\"level\":\"\(line.level.rawValue)\",\"worker\":\"\(line.workerName)\""
        json += ",\"incarnation\":\(line.incarnation),\"subsystem\":\(JSONText.quoted(subsystem))"
        if dropped > 0 { json += ",\"dropped\":\(dropped)" }
        json += ",\"message\":\(JSONText.quoted(message))}\n"
        return json
    }

    private static func journal(_ line: LogLine, _ dropped: UInt64) -> String {
        var entry = "MESSAGE=\(line.text)\nPRIORITY=\(line.level.priority)\nSYSLOG_IDENTIFIER=clawhold\n"
        entry += "WORKER=\(line.workerName)\n"
        if line.incarnation > 0 { entry += "INCARNATION=\(line.incarnation)\n" }
        if dropped > 0 { entry += "DROPPED=\(dropped)\n" }
        return entry
    }
}
