/// Walks UTF-8 scalar by scalar and knows its line and column.
///
/// Bytes that are not UTF-8 are an error where they stand.
struct JSON5Cursor {
    private let bytes: [UInt8]
    private(set) var offset = 0
    private(set) var position = ConfigPosition(line: 1, column: 1)

    init(_ bytes: [UInt8], at offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
        // A byte order mark is no character of the file.
        if offset == 0, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { self.offset = 3 }
    }

    /// The byte here: enough to decide everywhere where only ASCII has a meaning; nil at the end.
    var byte: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    /// The byte after this one.
    var nextByte: UInt8? { offset + 1 < bytes.count ? bytes[offset + 1] : nil }

    /// Steps over one scalar and returns it; nil at the end.
    mutating func take() throws(JSON5Error) -> Unicode.Scalar? {
        guard let (scalar, length) = try peekWithLength() else { return nil }
        offset += length
        switch scalar {
        case "\r" where byte == UInt8(ascii: "\n"):
            break  // The line ends with the LF.
        case "\n", "\r", "\u{2028}", "\u{2029}":
            position.line += 1
            position.column = 1
        default:
            position.column += 1
        }
        return scalar
    }

    /// The scalar here, without stepping over it.
    func peek() throws(JSON5Error) -> Unicode.Scalar? {
        try peekWithLength()?.0
    }

    private func peekWithLength() throws(JSON5Error) -> (Unicode.Scalar, Int)? {
        guard let first = byte else { return nil }
        if first < 0x80 { return (Unicode.Scalar(first), 1) }
        let (length, smallest, bits): (Int, UInt32, UInt32)
        switch first {
        case 0xC2...0xDF: (length, smallest, bits) = (2, 0x80, UInt32(first & 0x1F))
        case 0xE0...0xEF: (length, smallest, bits) = (3, 0x800, UInt32(first & 0x0F))
        case 0xF0...0xF4: (length, smallest, bits) = (4, 0x10000, UInt32(first & 0x07))
        default: throw JSON5Error(at: position, "this is not UTF-8 text")
        }
        guard offset + length <= bytes.count else { throw JSON5Error(at: position, "the file ends within a character") }
        var value = bits
        for continuation in bytes[(offset + 1)..<(offset + length)] {
            guard continuation & 0xC0 == 0x80 else { throw JSON5Error(at: position, "this is not UTF-8 text") }
            value = value << 6 | UInt32(continuation & 0x3F)
        }
        guard value >= smallest, let scalar = Unicode.Scalar(value) else {
            throw JSON5Error(at: position, "this is not UTF-8 text")
        }
        return (scalar, length)
    }
}
