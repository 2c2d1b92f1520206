/// Cuts a `getUpdates` answer into its updates without parsing them.
///
/// What comes from the network is journaled before anything parses it, so that a message which kills its parser is found
/// again as a row. This scanner therefore knows only strings, brackets and integers; it does not recurse, allocates
/// nothing but its result and a stack of one byte for each open bracket, and reads each byte once. It follows brackets
/// however deep: an update that were refused here would come again with every poll, and everything behind it never.
struct UpdateScanner {
    /// One update: its number, and where its bytes stand in the answer.
    struct Cut: Equatable {
        var id: Int64
        var bytes: Range<Int>
    }

    enum Failure: Error, Equatable, CustomStringConvertible {
        case truncated
        case malformed(at: Int)
        case noUpdateID(at: Int)

        var description: String {
            switch self {
            case .truncated: "the answer to getUpdates ends in the middle"
            case .malformed(let offset):
                "the answer to getUpdates is not JSON as the Bot API sends it (at byte \(offset))"
            case .noUpdateID(let offset): "an update carries no update_id (at byte \(offset))"
            }
        }
    }

    private let bytes: [UInt8]
    private var position = 0

    /// All updates of a whole answer, in the order in which they came.
    ///
    /// - Throws: `Failure` for anything that is not an object with an array `result` of objects that have an
    ///   `update_id`. Nothing of a bad answer is taken: it is asked for again.
    static func updates(in answer: [UInt8]) throws(Failure) -> [Cut] {
        var scanner = UpdateScanner(bytes: answer)
        return try scanner.answer()
    }

    /// The number of the first update of an answer that was too long to be kept whole; nil when it is not in there.
    static func firstID(in start: [UInt8]) -> Int64? {
        var scanner = UpdateScanner(bytes: start)
        scanner.stopsAtFirstID = true
        _ = try? scanner.answer()
        return scanner.firstID
    }

    /// The number of one update, all of `bytes`, as a webhook brings it.
    ///
    /// - Throws: `Failure` for anything that is not one object with an `update_id`.
    static func single(_ bytes: [UInt8]) throws(Failure) -> Int64 {
        var scanner = UpdateScanner(bytes: bytes)
        let cut = try scanner.update()
        scanner.skipSpace()
        guard scanner.position == bytes.count else { throw .malformed(at: scanner.position) }
        return cut.id
    }

    /// The id of the pressed button that the update `bytes` tells of; nil when it tells of something else.
    ///
    /// Found without parsing, because Telegram waits for an answer before the update is parsed.
    static func callbackID(in bytes: [UInt8]) -> String? {
        var scanner = UpdateScanner(bytes: bytes)
        guard let query = try? scanner.value(of: "callback_query"), bytes[query.lowerBound] == UInt8(ascii: "{") else {
            return nil
        }
        var inner = UpdateScanner(bytes: Array(bytes[query]))
        guard let id = try? inner.value(of: "id"), id.count > 2, id.count <= 130,
            inner.bytes[id.lowerBound] == UInt8(ascii: "\"")
        else { return nil }
        let text = inner.bytes[id.lowerBound + 1..<id.upperBound - 1]
        let isPlain = text.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }
        return isPlain ? String(decoding: text, as: UTF8.self) : nil
    }

    /// Where the value of a member of one object stands.
    private mutating func value(of name: StaticString) throws(Failure) -> Range<Int>? {
        try expect("{")
        if try peek() == UInt8(ascii: "}") { return nil }
        repeat {
            let key = try string()
            try expect(":")
            _ = try peek()
            let start = position
            try skipValue()
            if isKey(name, at: key) { return start..<position }
        } while try separator(closing: "}")
        return nil
    }

    private var stopsAtFirstID = false
    private var firstID: Int64?

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private mutating func answer() throws(Failure) -> [Cut] {
        var cuts: [Cut]?
        try expect("{")
        if try peek() == UInt8(ascii: "}") { throw .malformed(at: position) }
        repeat {
            let key = try string()
            try expect(":")
            if isKey("result", at: key), cuts == nil {
                cuts = try result()
            } else {
                try skipValue()
            }
        } while try separator(closing: "}")
        skipSpace()
        guard position == bytes.count, let cuts else { throw .malformed(at: position) }
        return cuts
    }

    private mutating func result() throws(Failure) -> [Cut] {
        var cuts: [Cut] = []
        try expect("[")
        if try peek() == UInt8(ascii: "]") {
            position += 1
            return cuts
        }
        repeat {
            cuts.append(try update())
        } while try separator(closing: "]")
        return cuts
    }

    private mutating func update() throws(Failure) -> Cut {
        guard try peek() == UInt8(ascii: "{") else { throw .malformed(at: position) }
        let start = position
        position += 1
        var id: Int64?
        if try peek() == UInt8(ascii: "}") { throw .noUpdateID(at: start) }
        repeat {
            let key = try string()
            try expect(":")
            if isKey("update_id", at: key), id == nil {
                id = try integer()
                if firstID == nil { firstID = id }
                if stopsAtFirstID { throw .truncated }
            } else {
                try skipValue()
            }
        } while try separator(closing: "}")
        guard let id else { throw .noUpdateID(at: start) }
        return Cut(id: id, bytes: start..<position)
    }

    // MARK: Tokens

    /// After a member: true when another follows, false when the bracket closed.
    private mutating func separator(closing: Unicode.Scalar) throws(Failure) -> Bool {
        switch try peek() {
        case UInt8(ascii: ","):
            position += 1
            return true
        case UInt8(ascii: closing):
            position += 1
            return false
        default:
            throw .malformed(at: position)
        }
    }

    private mutating func expect(_ scalar: Unicode.Scalar) throws(Failure) {
        guard try peek() == UInt8(ascii: scalar) else { throw .malformed(at: position) }
        position += 1
    }

    /// The next byte that is not white space; not consumed.
    private mutating func peek() throws(Failure) -> UInt8 {
        skipSpace()
        guard position < bytes.count else { throw .truncated }
        return bytes[position]
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) { position += 1 }
    }

    /// Reads a string; the range excludes the quotes.
    private mutating func string() throws(Failure) -> Range<Int> {
        try expect("\"")
        let start = position
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position += 1
                return start..<(position - 1)
            case UInt8(ascii: "\\"):
                position += 2
            default:
                position += 1
            }
        }
        throw .truncated
    }

    private func isKey(_ name: StaticString, at range: Range<Int>) -> Bool {
        name.withUTF8Buffer { $0.elementsEqual(bytes[range]) }
    }

    /// Update numbers are positive and fit 32 bits today; 15 digits leave room and cannot overflow.
    private mutating func integer() throws(Failure) -> Int64 {
        _ = try peek()
        let start = position
        var value: Int64 = 0
        while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) {
            value = value * 10 + Int64(bytes[position] - UInt8(ascii: "0"))
            position += 1
            guard position - start <= 15 else { throw .malformed(at: start) }
        }
        guard position < bytes.count else { throw .truncated }
        let ends: [UInt8] = [UInt8(ascii: ","), UInt8(ascii: "}"), 0x20, 0x0A, 0x0D, 0x09]
        guard position > start, ends.contains(bytes[position]) else { throw .malformed(at: start) }
        return value
    }

    /// Skips one value of any kind, following brackets on a stack of its own.
    private mutating func skipValue() throws(Failure) {
        var open: [UInt8] = []
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
    }

    private mutating func push(_ closing: UInt8, on open: inout [UInt8]) {
        open.append(closing)
        position += 1
    }

    /// A number, `true`, `false` or `null`: letters, digits and signs.
    private mutating func word() throws(Failure) {
        let start = position
        while position < bytes.count, isWordByte(bytes[position]) { position += 1 }
        guard position > start else { throw .malformed(at: position) }
        guard position < bytes.count else { throw .truncated }
    }

    private func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default:
            false
        }
    }
}
