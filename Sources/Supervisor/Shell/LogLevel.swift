/// How much a log line matters.
package enum LogLevel: String, Sendable, Equatable {
    case error
    case warning
    case info
    case debug

    /// syslog's number, as the journal and sd-daemon(3) have it.
    package var priority: Int {
        switch self {
        case .error: 3
        case .warning: 4
        case .info: 6
        case .debug: 7
        }
    }

    /// From sd-daemon(3)'s `<0>` to `<7>`.
    init(priority: UInt8) {
        switch priority {
        case 0...3: self = .error
        case 4: self = .warning
        case 5, 6: self = .info
        default: self = .debug
        }
    }

    /// What a message says of itself: `error: …` as our own workers write it, the words that other programs use in that
    /// place (`WARN …`, `ERR …`), or logfmt's `level=error`, `lvl=warn` near its beginning.
    package init(of message: some Collection<UInt8>) {
        let head = Array(message.prefix(96))
        let first = head.prefix { isLetter($0) }
        let mark = first.count < head.count ? head[first.count] : UInt8(ascii: " ")
        // A capital word is a level; a word of a sentence is one only in front of a colon.
        let isCapital = !first.isEmpty && first.allSatisfy { $0 & 0x20 == 0 }
        if mark == UInt8(ascii: ":") || isCapital, let level = Self.named(first) {
            self = level
            return
        }
        self = Self.logfmt(head) ?? .info
    }

    private static func logfmt(_ head: [UInt8]) -> LogLevel? {
        for index in head.indices.dropFirst(3) where head[index] == UInt8(ascii: "=") {
            let before = head[..<index]
            guard before.hasSuffix("level") || before.hasSuffix("lvl") else { continue }
            let value = head[(index + 1)...].drop { $0 == UInt8(ascii: "\"") }.prefix { isLetter($0) }
            if let level = named(value) { return level }
        }
        return nil
    }

    private static func named(_ word: some Collection<UInt8>) -> LogLevel? {
        guard word.count <= 8 else { return nil }
        switch String(decoding: word.map { $0 | 0x20 }, as: UTF8.self) {
        case "error", "err", "eror", "fatal", "panic", "critical", "crit": return .error
        case "warning", "warn", "wrn": return .warning
        case "info", "inf", "notice": return .info
        case "debug", "dbg", "trace": return .debug
        default: return nil
        }
    }
}

private func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) }

extension ArraySlice<UInt8> {
    fileprivate func hasSuffix(_ text: String) -> Bool { suffix(text.utf8.count).elementsEqual(text.utf8) }
}
