/// Strings of JSON5: single or double quotes, escapes, line continuations.
enum JSON5String {
    /// What ends a line in JSON5.
    static func endsLine(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "\n" || scalar == "\r" || scalar == "\u{2028}" || scalar == "\u{2029}"
    }

    /// Takes a string; the cursor stands at its quote.
    static func take(from cursor: inout JSON5Cursor) throws(JSON5Error) -> String {
        let start = cursor.position
        let quote = try cursor.take()
        var text = String.UnicodeScalarView()
        while true {
            let position = cursor.position
            guard let scalar = try cursor.take() else { throw JSON5Error(at: start, "this string does not end") }
            switch scalar {
            case quote: return String(text)
            case "\\": try escape(at: position, from: &cursor, into: &text)
            // The two separators may stand in a string, because JSON allows them.
            case "\n", "\r": throw JSON5Error(at: start, "this string does not end on its line")
            default: text.append(scalar)
            }
        }
    }

    private static func escape(
        at position: ConfigPosition,
        from cursor: inout JSON5Cursor,
        into text: inout String.UnicodeScalarView
    ) throws(JSON5Error) {
        guard let scalar = try cursor.take() else { throw JSON5Error(at: position, "the file ends within an escape") }
        switch scalar {
        case "b": text.append("\u{8}")
        case "f": text.append("\u{C}")
        case "n": text.append("\n")
        case "r": text.append("\r")
        case "t": text.append("\t")
        case "v": text.append("\u{B}")
        case "\n", "\u{2028}", "\u{2029}": break
        case "\r":
            if cursor.byte == UInt8(ascii: "\n") { _ = try cursor.take() }
        case "0":
            if let byte = cursor.byte, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { fallthrough }
            text.append("\0")
        case "1"..."9": throw JSON5Error(at: position, "\\\(scalar) is no escape of JSON5")
        case "x": text.append(Unicode.Scalar(try hexadecimal(2, at: position, from: &cursor)) ?? "\u{FFFD}")
        case "u": text.append(try unicode(at: position, from: &cursor))
        default: text.append(scalar)
        }
    }

    /// What `\u` stands for; the cursor is behind the `u`.
    ///
    /// A surrogate without its other half becomes U+FFFD.
    static func unicode(at position: ConfigPosition, from cursor: inout JSON5Cursor) throws(JSON5Error)
        -> Unicode.Scalar
    {
        let first = try hexadecimal(4, at: position, from: &cursor)
        guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) ?? "\u{FFFD}" }
        guard cursor.byte == UInt8(ascii: "\\"), cursor.nextByte == UInt8(ascii: "u") else { return "\u{FFFD}" }
        var ahead = cursor
        _ = try ahead.take()
        _ = try ahead.take()
        let second = try hexadecimal(4, at: cursor.position, from: &ahead)
        guard (0xDC00..<0xE000).contains(second) else { return "\u{FFFD}" }
        cursor = ahead
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? "\u{FFFD}"
    }

    private static func hexadecimal(
        _ digits: Int,
        at position: ConfigPosition,
        from cursor: inout JSON5Cursor
    ) throws(JSON5Error) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<digits {
            guard let scalar = try cursor.take(), scalar.isASCII, let digit = Character(scalar).hexDigitValue else {
                throw JSON5Error(at: position, "this escape needs \(digits) hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }
}
