/// Reads JSON5 (json5.org 1.0.0) into a tree with positions.
///
/// Our own, because positions matter to people, because Foundation's reader has none, and because every bound must be ours: size,
/// depth, number of values. Never traps, whatever the bytes are.
package struct JSON5Parser {
    var cursor: JSON5Cursor
    private let limits: JSON5Limits
    private var values = 0
    /// Behind the last comment, in bytes.
    private(set) var commentEnd = 0
    /// Whether that one goes to the end of its line.
    private(set) var isLineComment = false

    /// Parses a whole file.
    ///
    /// Throws `JSON5Error` with line and column.
    package static func parse(_ bytes: [UInt8], limits: JSON5Limits = JSON5Limits()) throws(JSON5Error) -> ConfigValue {
        guard bytes.count <= limits.size else {
            throw JSON5Error(
                at: ConfigPosition(line: 1, column: 1),
                "the file has \(bytes.count) bytes, more than the \(limits.size) that a configuration may have"
            )
        }
        var parser = JSON5Parser(bytes: bytes, limits: limits)
        try parser.skipSpace()
        let value = try parser.value(depth: 0)
        try parser.skipSpace()
        guard parser.cursor.byte == nil else { throw parser.unexpected("the end of the file") }
        return value
    }

    /// - Parameter offset: where it begins, in bytes; what stands before it was read already.
    init(bytes: [UInt8], limits: JSON5Limits = JSON5Limits(), at offset: Int = 0) {
        cursor = JSON5Cursor(bytes, at: offset)
        self.limits = limits
    }

    // MARK: Values

    mutating func value(depth: Int) throws(JSON5Error) -> ConfigValue {
        let position = cursor.position
        values += 1
        guard values <= limits.values else { throw JSON5Error(at: position, "more than \(limits.values) values") }
        switch cursor.byte {
        case UInt8(ascii: "{"): return ConfigValue(.object(try object(depth: depth + 1)), at: position)
        case UInt8(ascii: "["): return ConfigValue(.array(try array(depth: depth + 1)), at: position)
        case UInt8(ascii: "\""), UInt8(ascii: "'"): return ConfigValue(.string(try string()), at: position)
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case let byte? where JSON5Number.begins(byte): return try number()
        default: throw unexpected("a value")
        }
    }

    private mutating func object(depth: Int) throws(JSON5Error) -> ConfigObject {
        let start = cursor.position
        try open(depth: depth, at: start)
        var object = ConfigObject()
        while true {
            try skipSpace()
            if try taken("}") { return object }
            let position = cursor.position
            let key = try memberName(start: start)
            try skipSpace()
            guard try taken(":") else { throw unexpected("a colon after the key \"\(shown(key))\"") }
            try skipSpace()
            object.set(.init(key: key, position: position, value: try value(depth: depth)))
            try skipSpace()
            if try taken(",") { continue }
            if try taken("}") { return object }
            throw unclosed("a comma or \"}\"", start, "{")
        }
    }

    private mutating func array(depth: Int) throws(JSON5Error) -> [ConfigValue] {
        let start = cursor.position
        try open(depth: depth, at: start)
        var elements: [ConfigValue] = []
        while true {
            try skipSpace()
            if try taken("]") { return elements }
            if cursor.byte == nil { throw unclosed("\"]\"", start, "[") }
            elements.append(try value(depth: depth))
            try skipSpace()
            if try taken(",") { continue }
            if try taken("]") { return elements }
            throw unclosed("a comma or \"]\"", start, "[")
        }
    }

    private mutating func open(depth: Int, at position: ConfigPosition) throws(JSON5Error) {
        guard depth <= limits.depth else { throw JSON5Error(at: position, "nested more than \(limits.depth) deep") }
        _ = try cursor.take()
    }

    mutating func memberName(start: ConfigPosition) throws(JSON5Error) -> String {
        switch cursor.byte {
        case nil: throw unclosed("\"}\"", start, "{")
        case UInt8(ascii: "\""), UInt8(ascii: "'"): return try string()
        default: return try JSON5Name.take(from: &cursor)
        }
    }

    private mutating func string() throws(JSON5Error) -> String {
        try JSON5String.take(from: &cursor)
    }

    private mutating func number() throws(JSON5Error) -> ConfigValue {
        let position = cursor.position
        let number = try JSON5Number.take(from: &cursor)
        return ConfigValue(.number(number.value, text: number.text), at: position)
    }

    private mutating func word(_ word: String, _ kind: ConfigValue.Kind) throws(JSON5Error) -> ConfigValue {
        let position = cursor.position
        guard try JSON5Name.take(from: &cursor) == word else {
            throw JSON5Error(at: position, "a value is expected here")
        }
        return ConfigValue(kind, at: position)
    }

    // MARK: Between values

    mutating func taken(_ character: Unicode.Scalar) throws(JSON5Error) -> Bool {
        guard try cursor.peek() == character else { return false }
        _ = try cursor.take()
        return true
    }

    mutating func skipSpace() throws(JSON5Error) {
        while let scalar = try cursor.peek() {
            switch scalar {
            case "\t", "\n", "\u{B}", "\u{C}", "\r", " ", "\u{A0}", "\u{2028}", "\u{2029}", "\u{FEFF}":
                _ = try cursor.take()
            case "/":
                try skipComment()
            default:
                guard !scalar.isASCII, scalar.properties.generalCategory == .spaceSeparator else { return }
                _ = try cursor.take()
            }
        }
    }

    private mutating func skipComment() throws(JSON5Error) {
        let start = cursor.position
        isLineComment = cursor.nextByte == UInt8(ascii: "/")
        defer { commentEnd = cursor.offset }
        switch cursor.nextByte {
        case UInt8(ascii: "/"):
            while let scalar = try cursor.peek(), !JSON5String.endsLine(scalar) { _ = try cursor.take() }
        case UInt8(ascii: "*"):
            _ = try cursor.take()
            _ = try cursor.take()
            while let scalar = try cursor.take() {
                if scalar == "*", try taken("/") { return }
            }
            throw JSON5Error(at: start, "this comment does not end")
        default:
            throw JSON5Error(at: start, "a comment begins with // or /*")
        }
    }

    // MARK: Errors

    private func unexpected(_ wanted: String) -> JSON5Error {
        guard let byte = cursor.byte else {
            return JSON5Error(at: cursor.position, "the file ends where \(wanted) is expected")
        }
        guard let scalar = try? cursor.peek(), byte >= 0x20 else {
            // Not a character that could be shown; the expectation says enough.
            return JSON5Error(at: cursor.position, "\(wanted) is expected here")
        }
        return JSON5Error(at: cursor.position, "\(wanted) is expected here, not \"\(scalar)\"")
    }

    private func unclosed(_ wanted: String, _ start: ConfigPosition, _ opener: String) -> JSON5Error {
        guard cursor.byte == nil else { return unexpected(wanted) }
        return JSON5Error(at: cursor.position, "the file ends before the \"\(opener)\" of line \(start.line) is closed")
    }

    private func shown(_ key: String) -> String {
        key.count <= 40 ? key : key.prefix(40) + "…"
    }
}
