/// One server-sent event.
package struct ServerEvent: Sendable, Equatable {
    /// Empty: `message`.
    package var name: String
    package var data: [UInt8]

    package init(name: String = "", data: [UInt8]) {
        self.name = name
        self.data = data
    }
}

/// Cuts bytes into server-sent events (HTML Living Standard, section 9.2.6).
///
/// Lines end in LF, CR or CRLF, which may be split over reads anywhere; a byte order mark may stand in front; several
/// `data` lines are joined with LF; comments and unknown fields are passed over. Bounded.
package struct EventStreamDecoder {
    /// Longest line and longest event in bytes. Pictures and encrypted reasoning make long ones.
    package struct Limits: Sendable, Equatable {
        package var line = 4 * 1024 * 1024
        package var event = 4 * 1024 * 1024

        package init() {}
    }

    package enum Failure: Error, Equatable, CustomStringConvertible {
        case lineTooLong(Int)
        case eventTooLong(Int)

        package var description: String {
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

    package init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// The events that `bytes` complete.
    package mutating func decode(_ bytes: some Collection<UInt8>) throws(Failure) -> [ServerEvent] {
        var events: [ServerEvent] = []
        var rest = bytes[...]
        if isAfterCarriageReturn, let first = rest.first {
            isAfterCarriageReturn = false
            if first == UInt8(ascii: "\n") { rest = rest.dropFirst() }
        }
        while let end = rest.firstIndex(where: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            try grow(by: rest[..<end])
            if let event = try endLine() { events.append(event) }
            let terminator = rest[end]
            rest = rest[rest.index(after: end)...]
            guard terminator == UInt8(ascii: "\r") else { continue }
            if let next = rest.first {
                if next == UInt8(ascii: "\n") { rest = rest.dropFirst() }
            } else {
                isAfterCarriageReturn = true
            }
        }
        try grow(by: rest)
        return events
    }

    /// The stream is over. The standard throws away an event without its empty line; providers leave that line out at the
    /// very end, and whether the answer was whole is not judged by it: it counts.
    package mutating func finish() throws(Failure) -> ServerEvent? {
        if !line.isEmpty, let event = try endLine() { return event }
        return endEvent()
    }

    private mutating func grow(by bytes: some Collection<UInt8>) throws(Failure) {
        guard line.count + bytes.count <= limits.line else { throw .lineTooLong(limits.line) }
        line.append(contentsOf: bytes)
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
