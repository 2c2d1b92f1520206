/// One server-sent event.
struct ServerEvent: Sendable, Equatable {
    /// Empty: `message`.
    var name: String
    var data: [UInt8]
}

/// Cuts bytes into server-sent events (HTML Living Standard, section 9.2.6).
///
/// Lines end in LF, CR or CRLF, which may be split over reads anywhere; a byte order mark may stand in front; several
/// `data` lines are joined with LF; comments and unknown fields are passed over. An event counts when its empty line has
/// come: what is left at the end of the stream is no event. Bounded.
struct EventStreamDecoder {
    /// Longest line and longest event in bytes.
    struct Limits: Sendable, Equatable {
        var line = 4 * 1024 * 1024
        var event = 4 * 1024 * 1024
    }

    enum Failure: Error, Equatable, CustomStringConvertible {
        case lineTooLong(Int)
        case eventTooLong(Int)

        var description: String {
            switch self {
            case .lineTooLong(let limit): "a line of the event stream is longer than \(limit) bytes"
            case .eventTooLong(let limit): "an event of the stream is longer than \(limit) bytes"
            }
        }
    }

    private let limits: Limits
    private var line: [UInt8] = []
    private var name = ""
    private var data: [UInt8] = []
    private var hasData = false
    private var isAfterCarriageReturn = false
    private var isFirstLine = true

    init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// The events that `bytes` complete.
    mutating func decode(_ bytes: some Sequence<UInt8>) throws(Failure) -> [ServerEvent] {
        var events: [ServerEvent] = []
        for byte in bytes {
            let followsCarriageReturn = isAfterCarriageReturn
            isAfterCarriageReturn = false
            switch byte {
            case UInt8(ascii: "\n"):
                if followsCarriageReturn { continue }
                if let event = try endLine() { events.append(event) }
            case UInt8(ascii: "\r"):
                isAfterCarriageReturn = true
                if let event = try endLine() { events.append(event) }
            default:
                guard line.count < limits.line else { throw .lineTooLong(limits.line) }
                line.append(byte)
            }
        }
        return events
    }

    private mutating func endLine() throws(Failure) -> ServerEvent? {
        defer { line.removeAll(keepingCapacity: line.capacity <= 64 * 1024) }
        if isFirstLine {
            isFirstLine = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        }
        guard !line.isEmpty else { return endEvent() }
        let colon = line.firstIndex(of: UInt8(ascii: ":"))
        // A comment.
        if colon == 0 { return nil }
        let field = line[..<(colon ?? line.count)]
        var value = colon.map { line[($0 + 1)...] } ?? []
        if value.first == UInt8(ascii: " ") { value.removeFirst() }
        if field.elementsEqual("data".utf8) {
            guard data.count + value.count + 1 <= limits.event else { throw .eventTooLong(limits.event) }
            if hasData { data.append(UInt8(ascii: "\n")) }
            data.append(contentsOf: value)
            hasData = true
        } else if field.elementsEqual("event".utf8) {
            name = String(decoding: value.prefix(256), as: UTF8.self)
        }
        return nil
    }

    private mutating func endEvent() -> ServerEvent? {
        defer {
            name = ""
            data = []
            hasData = false
        }
        return hasData ? ServerEvent(name: name, data: data) : nil
    }
}
