/// Where an object and its members stand in the bytes of a file that parses.
struct JSON5Layout {
    struct Member {
        var key: String
        /// Offset of the key's first byte.
        var start: Int
        var value: Range<Int>
    }

    /// Offset of the opening brace.
    let open: Int
    /// Offset of the closing brace.
    let close: Int
    /// In the order of the file, keys that stand there twice as well.
    private(set) var members: [Member] = []
    /// A comma stands behind the last member.
    private(set) var hasLastComma = false
    /// Behind the last thing inside, comments included.
    private(set) var contentEnd: Int
    /// That thing is a comment that goes to the end of its line.
    private(set) var endsInLineComment = false

    /// Reads the object that begins at `offset`; nil when none does.
    init?(of bytes: [UInt8], at offset: Int) throws(JSON5Error) {
        guard bytes.indices.contains(offset), bytes[offset] == UInt8(ascii: "{") else { return nil }
        var parser = JSON5Parser(bytes: bytes, at: offset)
        open = offset
        contentEnd = offset + 1
        _ = try parser.cursor.take()
        while true {
            try parser.skipSpace()
            let end = parser.cursor.offset
            if try parser.taken("}") {
                close = end
                break
            }
            let start = parser.cursor.offset
            let key = try parser.memberName(start: parser.cursor.position)
            try parser.skipSpace()
            guard try parser.taken(":") else { return nil }
            try parser.skipSpace()
            let first = parser.cursor.offset
            _ = try parser.value(depth: 0)
            members.append(Member(key: key, start: start, value: first..<parser.cursor.offset))
            contentEnd = parser.cursor.offset
            try parser.skipSpace()
            hasLastComma = try parser.taken(",")
            if hasLastComma { contentEnd = parser.cursor.offset }
        }
        if parser.commentEnd > contentEnd {
            contentEnd = parser.commentEnd
            endsInLineComment = parser.isLineComment
        }
    }

    /// The one that counts, as in JavaScript: the last.
    func member(_ key: String) -> Member? { members.last { $0.key == key } }
}
