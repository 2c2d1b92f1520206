/// A value of a configuration file with the place it stands at.
package struct ConfigValue: Sendable, Equatable {
    /// What it is.
    package enum Kind: Sendable, Equatable {
        case null
        case bool(Bool)
        /// `text` is the number as written, because an id beyond 2^53 is not its `Double`.
        case number(Double, text: String)
        case string(String)
        case array([ConfigValue])
        case object(ConfigObject)
        /// A string that could not be made: it names an environment variable that is not set. The reason, in words.
        case broken(String)
    }

    package var kind: Kind
    package var position: ConfigPosition

    package init(_ kind: Kind, at position: ConfigPosition = ConfigPosition()) {
        self.kind = kind
        self.position = position
    }

    /// The member of an object; nil when this is no object or has no such member.
    package subscript(key: String) -> ConfigValue? { object?[key] }

    package var object: ConfigObject? {
        if case .object(let object) = kind { object } else { nil }
    }

    package var array: [ConfigValue]? {
        if case .array(let elements) = kind { elements } else { nil }
    }

    package var string: String? {
        if case .string(let text) = kind { text } else { nil }
    }

    package var bool: Bool? {
        if case .bool(let value) = kind { value } else { nil }
    }

    package var number: Double? {
        if case .number(let value, _) = kind { value } else { nil }
    }

    /// A number without a fraction, within the range that `Double` holds exactly.
    package var integer: Int? {
        guard let number, number.rounded() == number, abs(number) <= 9_007_199_254_740_992 else { return nil }
        return Int(number)
    }

    /// A string, or a number as it was written: how ids are given.
    package var identifier: String? {
        switch kind {
        case .string(let text): text
        case .number(_, let text): text
        case .null, .bool, .array, .object, .broken: nil
        }
    }

    /// 1...100 of a string such as `30%`.
    package var percentage: Int? {
        guard let text = string, text.last == "%", let percent = Int(text.dropLast()), (1...100).contains(percent),
            text.utf8.first != UInt8(ascii: "+")
        else { return nil }
        return percent
    }

    /// What it is, for error messages: `a string`.
    package var kindName: String {
        switch kind {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        case .broken(let reason): reason
        }
    }
}

/// A place in a file, both from 1; 0 when there is none.
///
/// Columns count Unicode scalars.
package struct ConfigPosition: Sendable, Hashable {
    package var line: Int32
    package var column: Int32

    package init(line: Int32 = 0, column: Int32 = 0) {
        self.line = line
        self.column = column
    }
}

/// The members of an object in the order of the file; of members with the same key the last one counts, as in JavaScript.
package struct ConfigObject: Sendable, Equatable {
    /// One `key: value`, with the place of the key.
    package struct Member: Sendable, Equatable {
        package var key: String
        package var position: ConfigPosition
        package var value: ConfigValue

        package init(key: String, position: ConfigPosition = ConfigPosition(), value: ConfigValue) {
            self.key = key
            self.position = position
            self.value = value
        }
    }

    package private(set) var members: [Member] = []
    private var index: [String: Int] = [:]

    package init() {}

    /// Looks a member up; setting nil is not how a member is removed, so there is no setter.
    package subscript(key: String) -> ConfigValue? {
        index[key].map { members[$0].value }
    }

    /// The whole member, for its position.
    package func member(_ key: String) -> Member? {
        index[key].map { members[$0] }
    }

    /// Adds a member, or replaces the one with this key in its place.
    package mutating func set(_ member: Member) {
        if let at = index[member.key] {
            members[at] = member
        } else {
            index[member.key] = members.count
            members.append(member)
        }
    }
}
