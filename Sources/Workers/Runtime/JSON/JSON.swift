/// A JSON value (RFC 8259) that comes out as it went in: members keep their order, numbers their digits.
///
/// For files and messages of which we know a part and must keep the rest. Foundation's coders know types only, lose the
/// order and turn numbers into floating point.
package enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number without fraction and exponent that fits.
    case integer(Int64)
    /// Any other number, as written.
    case number(String)
    case string(String)
    case array([JSON])
    case object(JSONObject)

    /// Reads one value that fills `bytes`.
    ///
    /// Nesting is bounded at `depthLimit`; the caller bounds the size. Throws on anything that is not JSON in UTF-8.
    package init(parsing bytes: some Sequence<UInt8>) throws(JSONError) {
        let contiguous = Array(bytes)
        var parser = JSONParser(contiguous)
        self = try parser.document()
    }

    /// Deepest nesting that is read.
    package static let depthLimit = 128

    /// The value as a string, when it is one.
    package var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// The value as a truth value, when it is one.
    package var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The value as an integer; a number with a fraction is cut, one that does not fit is nil.
    package var integer: Int64? {
        switch self {
        case .integer(let value): value
        case .number(let text): Double(text).flatMap { Int64(exactly: $0.rounded(.towardZero)) }
        case .null, .bool, .string, .array, .object: nil
        }
    }

    /// The elements, when the value is an array.
    package var array: [JSON]? {
        if case .array(let value) = self { value } else { nil }
    }

    /// The members, when the value is an object.
    package var object: JSONObject? {
        if case .object(let value) = self { value } else { nil }
    }

    /// The member `key`; nil when this is no object or has none.
    package subscript(key: String) -> JSON? { object?[key] }
}

/// Why bytes are not JSON: what, and at which byte.
package struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    package var what: String
    package var offset: Int

    package init(_ what: String, at offset: Int) {
        self.what = what
        self.offset = offset
    }

    package var description: String { "\(what) at byte \(offset)" }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSON)...) {
        self = .object(JSONObject(members: elements.map { JSONObject.Member(key: $0.0, value: $0.1) }))
    }
}
