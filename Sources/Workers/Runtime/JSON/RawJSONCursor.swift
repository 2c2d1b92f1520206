/// A walk through the tokens of JSON from one place to another: what `RawJSON` finds its values with.
package struct RawJSONCursor: Sendable {
    package let bytes: [UInt8]
    /// The next byte that is looked at.
    package var position: Int
    private let end: Int

    package init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    /// After a member or an element: true when another follows, false when the bracket closed.
    package mutating func separator(closing: Unicode.Scalar) throws(RawJSON.Failure) -> Bool {
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

    package mutating func expect(_ scalar: Unicode.Scalar) throws(RawJSON.Failure) {
        guard try peek() == UInt8(ascii: scalar) else { throw .malformed(at: position) }
        position += 1
    }

    /// The next byte that is not white space; not consumed.
    package mutating func peek() throws(RawJSON.Failure) -> UInt8 {
        skipSpace()
        guard position < end else { throw .truncated }
        return bytes[position]
    }

    /// Throws unless nothing but white space is left.
    package mutating func finish() throws(RawJSON.Failure) {
        skipSpace()
        guard position == end else { throw .malformed(at: position) }
    }

    /// Reads a string; the range excludes the quotes.
    package mutating func string() throws(RawJSON.Failure) -> Range<Int> {
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

    /// Skips one value of any kind, following brackets on a stack of its own, however deep: an event that were refused here
    /// would come again for ever, and everything behind it never.
    package mutating func value() throws(RawJSON.Failure) -> Range<Int> {
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
        return start..<position
    }

    private mutating func push(_ closing: UInt8, on open: inout [UInt8]) {
        open.append(closing)
        position += 1
    }

    /// A number, `true`, `false` or `null`: letters, digits and signs.
    private mutating func word() throws(RawJSON.Failure) {
        let start = position
        while position < end, Self.isWordByte(bytes[position]) { position += 1 }
        guard position > start else { throw .malformed(at: position) }
    }

    private mutating func skipSpace() {
        while position < end, Self.isSpace(bytes[position]) { position += 1 }
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
