/// One JSON value as it stands on the wire. Integers stay integers, members keep their order, and there is no way to
/// write an optional as `null` by accident: an absent member is not in the list.
enum WireValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case string(String)
    case array([WireValue])
    case object([Member])
    /// Bytes that already are one JSON value (a history that the agent encoded); copied out unread.
    case raw([UInt8])

    /// One member of an object. Of equal names the last one counts, as in JavaScript.
    struct Member: Sendable, Equatable {
        var name: String
        var value: WireValue

        init(name: String, value: WireValue) {
            self.name = name
            self.value = value
        }
    }
}

// MARK: - Reading

extension WireValue {
    /// The member called `name` of an object, nil for anything else.
    subscript(_ name: String) -> WireValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name == name }?.value
    }

    var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// A whole number, also when it was written `1.0`.
    var whole: Int64? {
        switch self {
        case .integer(let number): number
        case .double(let number): Int64(exactly: number)
        case .null, .bool, .string, .array, .object, .raw: nil
        }
    }

    var truth: Bool? {
        guard case .bool(let truth) = self else { return nil }
        return truth
    }

    var items: [WireValue]? {
        guard case .array(let items) = self else { return nil }
        return items
    }

    var members: [Member]? {
        guard case .object(let members) = self else { return nil }
        return members
    }
}

// MARK: - Building

extension WireValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int64) { self = .integer(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension WireValue: ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral {
    init(arrayLiteral elements: WireValue...) { self = .array(elements) }

    /// Members whose value is nil are left out.
    init(dictionaryLiteral elements: (String, WireValue?)...) {
        self = .object(elements.compactMap { name, value in value.map { Member(name: name, value: $0) } })
    }

    /// Names that come from data, in the order given.
    init(members: some Sequence<(String, WireValue)>) {
        self = .object(members.map { Member(name: $0.0, value: $0.1) })
    }

    /// Any whole number; what does not fit is cut to the largest that does.
    static func number(_ value: some BinaryInteger) -> WireValue { .integer(Int64(clamping: value)) }

    /// The text, or nothing where it is empty: the protocol omits what is not there.
    static func nonEmpty(_ text: String) -> WireValue? { text.isEmpty ? nil : .string(text) }
}
