/// Finds members and elements in JSON without parsing what is in them.
///
/// What comes from the network is journaled before anything parses it, so that a message which kills its parser is found
/// again as a row. This knows only strings, brackets and words; it does not recurse and reads each byte once a level.
package struct RawJSON: Sendable {
    package enum Failure: Error, Equatable, CustomStringConvertible {
        case truncated
        case malformed(at: Int)

        package var description: String {
            switch self {
            case .truncated: "JSON that ends in the middle"
            case .malformed(let offset): "not the JSON that belongs there (at byte \(offset))"
            }
        }
    }

    package let bytes: [UInt8]
    /// Where the value stands in `bytes`.
    package let range: Range<Int>

    package init(_ bytes: [UInt8]) {
        self.init(bytes, 0..<bytes.count)
    }

    package init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        self.range = range
    }

    /// The value's own bytes.
    package var slice: ArraySlice<UInt8> { bytes[range] }

    /// The members with these names, the first of each; nothing when it is no object. Throws on what is not JSON.
    package func members(_ names: [String]) throws(Failure) -> [String: RawJSON] {
        var cursor = RawJSONCursor(bytes, range)
        var found: [String: RawJSON] = [:]
        guard try cursor.peek() == UInt8(ascii: "{") else { return [:] }
        try cursor.expect("{")
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
    package func elements(limit: Int) throws(Failure) -> [RawJSON] {
        var cursor = RawJSONCursor(bytes, range)
        guard try cursor.peek() == UInt8(ascii: "[") else { return [] }
        try cursor.expect("[")
        var found: [RawJSON] = []
        if try cursor.peek() == UInt8(ascii: "]") { return [] }
        while true {
            found.append(RawJSON(bytes, try cursor.value()))
            guard found.count < limit, try cursor.separator(closing: "]") else { return found }
        }
    }

    /// The value parsed whole; nil when it is not JSON.
    package var parsed: JSON? { try? JSON(parsing: slice) }

    /// A string of at most `limit` bytes, unescaped; nil for everything else.
    package func text(limit: Int = 4096) -> String? {
        guard range.count <= limit, slice.first == UInt8(ascii: "\"") else { return nil }
        return parsed?.string
    }
}
