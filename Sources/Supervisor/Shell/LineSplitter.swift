/// Cuts a byte stream into lines with a bound. What is longer is cut at the bound, the rest of that line is skipped.
package struct LineSplitter: Sendable, Equatable {
    package static let limit = 16 * 1024

    /// One line, LF and CR at its end taken off.
    package struct Line: Sendable, Equatable {
        package var bytes: [UInt8]
        /// Its end is missing.
        package var isCut: Bool
    }

    var pending: [UInt8] = []
    var isSkipping = false

    package init() {}

    /// The lines that `bytes` completes.
    package mutating func append(_ bytes: some Collection<UInt8>) -> [Line] {
        var lines: [Line] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            take(rest[..<end], &lines)
            if !isSkipping { lines.append(finish(isCut: false)) }
            isSkipping = false
            rest = rest[rest.index(after: end)...]
        }
        take(rest, &lines)
        return lines
    }

    /// What stands there without an end when the stream ends.
    package mutating func end() -> Line? {
        isSkipping = false
        return pending.isEmpty ? nil : finish(isCut: false)
    }

    private mutating func take(_ bytes: some Collection<UInt8>, _ lines: inout [Line]) {
        guard !isSkipping else { return }
        let room = Self.limit - pending.count
        pending.append(contentsOf: bytes.prefix(room))
        if bytes.count > room {
            lines.append(finish(isCut: true))
            isSkipping = true
        }
    }

    private mutating func finish(isCut: Bool) -> Line {
        if pending.last == UInt8(ascii: "\r") { pending.removeLast() }
        defer { pending = [] }
        return Line(bytes: pending, isCut: isCut)
    }
}
