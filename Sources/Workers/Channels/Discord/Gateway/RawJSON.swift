internal import Runtime

/// Finds members and elements in JSON without parsing what is in them.
///
/// What comes from the network is journaled before anything parses it, so that a message which kills its parser is found
/// again as a row. This knows only strings, brackets and words; it does not recurse and reads each byte once a level.
struct RawJSON {
    enum Failure: Error, Equatable, CustomStringConvertible {
        case truncated
        case malformed(at: Int)

        var description: String {
            switch self {
            case .truncated: "JSON that ends in the middle"
            case .malformed(let offset): "not JSON (at byte \(offset))"
            }
        }
    }

    let bytes: [UInt8]
    /// Where the value stands in `bytes`.
    let range: Range<Int>

    init(_ bytes: [UInt8]) {
        self.init(bytes, 0..<bytes.count)
    }

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        self.range = range
    }

    /// The value's own bytes.
    var slice: ArraySlice<UInt8> { bytes[range] }

    /// The members with these names, the first of each; nothing when it is no object. Throws on what is not JSON.
    func members(_ names: [String]) throws(Failure) -> [String: RawJSON] {
        var cursor = Cursor(bytes: bytes, position: range.lowerBound, end: range.upperBound)
        var found: [String: RawJSON] = [:]
        guard try cursor.peek() == UInt8(ascii: "{") else { return [:] }
        cursor.position += 1
        if try cursor.peek() == UInt8(ascii: "}") { return [:] }
        repeat {
            let key = try cursor.string()
            try cursor.expect(":")
            let value = try cursor.value()
            for name in names where name.utf8.elementsEqual(bytes[key]) && found[name] == nil {
                found[name] = RawJSON(bytes, value)
            }
        } while try cursor.separator(closing: "}")
        return found
    }

    /// The elements, at most `limit`; nothing when it is no array.
    func elements(limit: Int) throws(Failure) -> [RawJSON] {
        var cursor = Cursor(bytes: bytes, position: range.lowerBound, end: range.upperBound)
        guard try cursor.peek() == UInt8(ascii: "[") else { return [] }
        cursor.position += 1
        var found: [RawJSON] = []
        if try cursor.peek() == UInt8(ascii: "]") { return [] }
        while true {
            found.append(RawJSON(bytes, try cursor.value()))
            guard found.count < limit, try cursor.separator(closing: "]") else { return found }
        }
    }

    /// The value as a whole number; a string of digits counts, as Discord writes ids and permissions.
    var integer: Int64? {
        var digits = slice
        if digits.count >= 2, digits.first == UInt8(ascii: "\""), digits.last == UInt8(ascii: "\"") {
            digits = digits.dropFirst().dropLast()
        }
        guard (1...20).contains(digits.count) else { return nil }
        return Int64(String(decoding: digits, as: UTF8.self))
    }

    /// An id, as a string or as a number.
    var id: String? {
        var digits = slice
        if digits.count >= 2, digits.first == UInt8(ascii: "\""), digits.last == UInt8(ascii: "\"") {
            digits = digits.dropFirst().dropLast()
        }
        guard digits.count <= 20 else { return nil }
        let text = String(decoding: digits, as: UTF8.self)
        return Snowflake.isValid(text) ? text : nil
    }

    /// A walk through bytes from one place to another.
    private struct Cursor {
        let bytes: [UInt8]
        var position: Int
        let end: Int

        mutating func separator(closing: Unicode.Scalar) throws(Failure) -> Bool {
            switch try peek() {
            case UInt8(ascii: ","):
                position += 1
                return true
            case UInt8(ascii: closing):
                position += 1
                return false
            default: throw .malformed(at: position)
            }
        }

        mutating func expect(_ scalar: Unicode.Scalar) throws(Failure) {
            guard try peek() == UInt8(ascii: scalar) else { throw .malformed(at: position) }
            position += 1
        }

        /// The next byte that is not white space; not consumed.
        mutating func peek() throws(Failure) -> UInt8 {
            while position < end, Self.isSpace(bytes[position]) { position += 1 }
            guard position < end else { throw .truncated }
            return bytes[position]
        }

        /// Reads a string; the range excludes the quotes.
        mutating func string() throws(Failure) -> Range<Int> {
            try expect("\"")
            let start = position
            while position < end {
                switch bytes[position] {
                case UInt8(ascii: "\""):
                    position += 1
                    return start..<(position - 1)
                case UInt8(ascii: "\\"): position += 2
                default: position += 1
                }
            }
            throw .truncated
        }

        /// Skips one value of any kind, following brackets on a stack of its own, however deep: an event that were refused
        /// here would be replayed at every RESUME.
        mutating func value() throws(Failure) -> Range<Int> {
            var open: [UInt8] = []
            _ = try peek()
            let start = position
            repeat {
                switch try peek() {
                case UInt8(ascii: "{"): push(UInt8(ascii: "}"), on: &open)
                case UInt8(ascii: "["): push(UInt8(ascii: "]"), on: &open)
                case UInt8(ascii: "\""): _ = try string()
                case UInt8(ascii: ","), UInt8(ascii: ":"):
                    guard !open.isEmpty else { throw .malformed(at: position) }
                    position += 1
                case UInt8(ascii: "]"), UInt8(ascii: "}"):
                    guard open.popLast() == bytes[position] else { throw .malformed(at: position) }
                    position += 1
                default: try word()
                }
            } while !open.isEmpty
            return start..<min(position, end)
        }

        private mutating func push(_ closing: UInt8, on open: inout [UInt8]) {
            open.append(closing)
            position += 1
        }

        /// A number, `true`, `false` or `null`: letters, digits and signs.
        private mutating func word() throws(Failure) {
            let start = position
            while position < end, Self.isWordByte(bytes[position]) { position += 1 }
            guard position > start else { throw .malformed(at: position) }
        }

        private static func isSpace(_ byte: UInt8) -> Bool {
            byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
        }

        private static func isWordByte(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
                true
            default: false
            }
        }
    }
}

extension RawJSON {
    /// A string of at most `limit` bytes, unescaped; nil for everything else.
    func text(limit: Int = 4096) -> String? {
        guard range.count <= limit, slice.first == UInt8(ascii: "\"") else { return nil }
        return parsed?.string
    }
}
