internal import Runtime

/// Cuts a `getUpdates` answer into its updates without parsing them.
///
/// What comes from the network is journaled before anything parses it, so that a message which kills its parser is found
/// again as a row.
struct UpdateScanner {
    typealias Failure = RawJSON.Failure

    /// One update: its number, and where its bytes stand in the answer.
    struct Cut: Equatable {
        var id: Int64
        var bytes: Range<Int>
    }

    private var cursor: RawJSONCursor
    private var stopsAtFirstID = false
    private var firstID: Int64?

    private init(_ bytes: [UInt8]) {
        cursor = RawJSONCursor(bytes, 0..<bytes.count)
    }

    /// All updates of a whole answer, in the order in which they came.
    ///
    /// - Throws: `Failure` for anything that is not an object with an array `result` of objects that have an
    ///   `update_id`. Nothing of a bad answer is taken: it is asked for again.
    static func updates(in answer: [UInt8]) throws(Failure) -> [Cut] {
        var scanner = UpdateScanner(answer)
        return try scanner.answer()
    }

    /// The number of the first update of an answer that was too long to be kept whole; nil when it is not in there.
    static func firstID(in start: [UInt8]) -> Int64? {
        var scanner = UpdateScanner(start)
        scanner.stopsAtFirstID = true
        // It ends by a failure in any case.
        _ = try? scanner.answer()
        return scanner.firstID
    }

    /// The number of one update, all of `bytes`, as a webhook brings it.
    ///
    /// - Throws: `Failure` for anything that is not one object with an `update_id`.
    static func single(_ bytes: [UInt8]) throws(Failure) -> Int64 {
        var scanner = UpdateScanner(bytes)
        let cut = try scanner.update()
        try scanner.cursor.finish()
        return cut.id
    }

    /// The id of the pressed button that the update `bytes` tells of; nil when it tells of something else.
    ///
    /// Found without parsing, because Telegram waits for an answer before the update is parsed.
    static func callbackID(in bytes: [UInt8]) -> String? {
        let query = try? RawJSON(bytes).members(["callback_query"])["callback_query"]?.members(["id"])
        guard let id = query?["id"]?.slice, id.count > 2, id.count <= 130, id.first == UInt8(ascii: "\"") else {
            return nil
        }
        let text = id.dropFirst().dropLast()
        let isPlain = text.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }
        return isPlain ? String(decoding: text, as: UTF8.self) : nil
    }

    private mutating func answer() throws(Failure) -> [Cut] {
        var cuts: [Cut]?
        try cursor.expect("{")
        repeat {
            let key = try cursor.string()
            try cursor.expect(":")
            if cuts == nil, isKey("result", at: key) {
                cuts = try result()
            } else {
                _ = try cursor.value()
            }
        } while try cursor.separator(closing: "}")
        try cursor.finish()
        guard let cuts else { throw .malformed(at: cursor.position) }
        return cuts
    }

    private mutating func result() throws(Failure) -> [Cut] {
        var cuts: [Cut] = []
        try cursor.expect("[")
        if try cursor.peek() == UInt8(ascii: "]") {
            cursor.position += 1
            return cuts
        }
        repeat {
            cuts.append(try update())
        } while try cursor.separator(closing: "]")
        return cuts
    }

    private mutating func update() throws(Failure) -> Cut {
        try cursor.expect("{")
        let start = cursor.position - 1
        var id: Int64?
        repeat {
            let key = try cursor.string()
            try cursor.expect(":")
            if id == nil, isKey("update_id", at: key) {
                id = try integer()
                if firstID == nil { firstID = id }
                if stopsAtFirstID { throw .truncated }
            } else {
                _ = try cursor.value()
            }
        } while try cursor.separator(closing: "}")
        guard let id else { throw .malformed(at: start) }
        return Cut(id: id, bytes: start..<cursor.position)
    }

    private func isKey(_ name: StaticString, at range: Range<Int>) -> Bool {
        name.withUTF8Buffer { $0.elementsEqual(cursor.bytes[range]) }
    }

    /// Update numbers are positive and fit 32 bits today; 15 digits leave room and cannot overflow.
    private mutating func integer() throws(Failure) -> Int64 {
        let range = try cursor.value()
        // Of a number that ends with the bytes nobody knows whether it goes on.
        guard range.upperBound < cursor.bytes.count else { throw .truncated }
        let digits = cursor.bytes[range]
        guard (1...15).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let value = Int64(String(decoding: digits, as: UTF8.self))
        else { throw .malformed(at: range.lowerBound) }
        return value
    }
}
