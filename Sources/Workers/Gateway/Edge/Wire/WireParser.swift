/// Reads JSON (RFC 8259) that strangers wrote. Bounded in depth and in the number of values, since a value costs more
/// memory than its text: 25 MiB of `[[],[],…` would otherwise become 300 MB.
struct WireParser {
    /// How deep arrays and objects may nest.
    static let deepest = 64
    /// How many values one document may hold.
    static let mostValues = 200_000

    /// Why a text is not taken.
    enum Failure: Error, Sendable, Equatable {
        case malformed(at: Int)
        case tooDeep
        case tooManyValues
    }

    private let bytes: [UInt8]
    private var index = 0
    private var values = 0

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The one value that `bytes` holds, with white space around it.
    static func parse(_ bytes: [UInt8]) throws(Failure) -> WireValue {
        var parser = WireParser(bytes)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.index == bytes.count else { throw .malformed(at: parser.index) }
        return value
    }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
    }

    private mutating func expect(_ word: StaticString, _ value: WireValue) throws(Failure) -> WireValue {
        for offset in 0..<word.utf8CodeUnitCount {
            guard next == word.utf8Start[offset] else { throw .malformed(at: index) }
            index += 1
        }
        return value
    }

    private mutating func value(depth: Int) throws(Failure) -> WireValue {
        guard depth <= Self.deepest else { throw .tooDeep }
        values += 1
        guard values <= Self.mostValues else { throw .tooManyValues }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try expect("true", .bool(true))
        case UInt8(ascii: "f"): return try expect("false", .bool(false))
        case UInt8(ascii: "n"): return try expect("null", .null)
        default: return try number()
        }
    }

    private mutating func array(depth: Int) throws(Failure) -> WireValue {
        index += 1
        var items: [WireValue] = []
        skipSpace()
        if next == UInt8(ascii: "]") {
            index += 1
            return .array(items)
        }
        while true {
            items.append(try value(depth: depth + 1))
            if try endOfList(closing: UInt8(ascii: "]")) { return .array(items) }
        }
    }

    private mutating func object(depth: Int) throws(Failure) -> WireValue {
        index += 1
        var members: [WireValue.Member] = []
        skipSpace()
        if next == UInt8(ascii: "}") {
            index += 1
            return .object(members)
        }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw .malformed(at: index) }
            let name = try string()
            skipSpace()
            guard next == UInt8(ascii: ":") else { throw .malformed(at: index) }
            index += 1
            members.append(.init(name: name, value: try value(depth: depth + 1)))
            if try endOfList(closing: UInt8(ascii: "}")) { return .object(members) }
        }
    }

    /// Steps over a comma (false) or the closing bracket (true).
    private mutating func endOfList(closing: UInt8) throws(Failure) -> Bool {
        skipSpace()
        guard let byte = next, byte == closing || byte == UInt8(ascii: ",") else { throw .malformed(at: index) }
        index += 1
        return byte == closing
    }
}

// MARK: - Numbers

extension WireParser {
    private mutating func number() throws(Failure) -> WireValue {
        let start = index
        if next == UInt8(ascii: "-") { index += 1 }
        let firstDigit = index
        try digits()
        if bytes[firstDigit] == UInt8(ascii: "0"), index > firstDigit + 1 { throw .malformed(at: firstDigit) }
        var whole = true
        if next == UInt8(ascii: ".") {
            whole = false
            index += 1
            try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            whole = false
            index += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { index += 1 }
            try digits()
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if whole, let number = Int64(text) { return .integer(number) }
        guard let number = Double(text), number.isFinite else { throw .malformed(at: start) }
        return .double(number)
    }

    /// One digit or more.
    private mutating func digits() throws(Failure) {
        let start = index
        while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { index += 1 }
        guard index > start else { throw .malformed(at: index) }
    }
}

// MARK: - Strings

extension WireParser {
    private mutating func string() throws(Failure) -> String {
        let start = index
        index += 1
        var text: [UInt8] = []
        while let byte = next {
            index += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else { throw .malformed(at: start) }
                return string
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw .malformed(at: index - 1)
            default: text.append(byte)
            }
        }
        throw .malformed(at: start)
    }

    private mutating func escape(into text: inout [UInt8]) throws(Failure) {
        guard let byte = next else { throw .malformed(at: index) }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: Array(String(try escapedScalar()).utf8))
        default: throw .malformed(at: index - 1)
        }
    }

    /// A `\u` escape or a pair of them. Half a pair, which JavaScript lets its strings hold, becomes U+FFFD.
    private mutating func escapedScalar() throws(Failure) -> Unicode.Scalar {
        let replacement: Unicode.Scalar = "\u{FFFD}"
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"),
            bytes[index + 1] == UInt8(ascii: "u")
        else { return replacement }
        let before = index
        index += 2
        let second = try hexadecimal()
        guard (0xDC00..<0xE000).contains(second) else {
            index = before
            return replacement
        }
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? replacement
    }

    private mutating func hexadecimal() throws(Failure) -> UInt32 {
        var number: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw .malformed(at: index)
            }
            number = number << 4 | UInt32(digit)
            index += 1
        }
        return number
    }
}
