/// Compares a tree with a shape.
struct ConfigCheck {
    /// One thing that is not as it should be.
    struct Finding: Sendable, Equatable {
        enum Kind: Sendable, Equatable {
            /// A warning: the key does nothing.
            case unknown
            /// The value cannot be used.
            case wrong
        }

        var kind: Kind
        var path: ConfigPath
        var line: Int
        var text: String
    }

    /// Further findings say nothing new, and every one of them is a log line.
    static let limit = 100

    /// Bytes of a string that is used; no key, name or address has more.
    static let stringLimit = 8192
    /// Wrong places that are kept apart from each other.
    static let wrongLimit = 5_000

    private(set) var findings: [Finding] = []
    private(set) var dropped = 0
    /// Every place that is wrong, also those beyond the limit: what is wrong stays off, listed or not.
    private(set) var wrong: [ConfigPath] = []

    /// Adds the findings of a tree.
    mutating func check(_ value: ConfigValue, _ shape: Shape, at path: ConfigPath = ConfigPath()) {
        if case .broken(let reason) = value.kind {
            add(.wrong, path, value, Self.sentence(reason, path))
            return
        }
        if let text = value.string, text.utf8.count > Self.stringLimit, !shape.isAny {
            add(.wrong, path, value, "is longer than \(Self.stringLimit) bytes")
            return
        }
        switch shape {
        case .any: checkBroken(value, path)
        case .string: expect(value.string != nil, value, shape, path)
        case .bool: expect(value.bool != nil, value, shape, path)
        case .number: expect(value.number?.isFinite == true, value, shape, path)
        case .integer(let range): expect(value.integer.map(range.contains) == true, value, shape, path)
        case .percentage: expect(value.percentage != nil, value, shape, path)
        case .choice(let words): expect(value.string.map(words.contains) == true, value, shape, path)
        case .identifier: expect(value.identifier != nil, value, shape, path)
        case .list(let element): checkList(value, element, shape, path)
        case .map(let element): checkMap(value, element, shape, path)
        case .object(let known): checkObject(value, known, shape, path)
        case .either(let first, let second): checkEither(value, first, second, shape, path)
        }
    }

    /// Adds a finding that no shape can express.
    mutating func add(_ kind: Finding.Kind, _ path: ConfigPath, _ value: ConfigValue?, _ text: String) {
        if kind == .wrong {
            // Beyond this nobody meant any of it: the root itself is wrong, and with it everything.
            if wrong.count < Self.wrongLimit { wrong.append(path) } else { wrong = [ConfigPath()] }
        }
        guard findings.count < Self.limit else {
            dropped += 1
            return
        }
        findings.append(Finding(kind: kind, path: path, line: Int(value?.position.line ?? 0), text: text))
    }

    private mutating func expect(_ holds: Bool, _ value: ConfigValue, _ shape: Shape, _ path: ConfigPath) {
        guard !holds else { return }
        var given = value.kindName
        if case .percentage = shape, let string = value.string { given = "\"\(string.prefix(40))\"" }
        if case .choice = shape, let string = value.string { given = "\"\(string.prefix(40))\"" }
        if case .integer = shape, case .number(_, let text) = value.kind { given = String(text.prefix(40)) }
        add(.wrong, path, value, "\(shape.name) is expected here, not \(given)")
    }

    private mutating func checkList(_ value: ConfigValue, _ element: Shape, _ shape: Shape, _ path: ConfigPath) {
        guard let elements = value.array else { return expect(false, value, shape, path) }
        for (index, value) in elements.enumerated() { check(value, element, at: path + String(index)) }
    }

    private mutating func checkMap(_ value: ConfigValue, _ element: Shape, _ shape: Shape, _ path: ConfigPath) {
        guard let object = value.object else { return expect(false, value, shape, path) }
        for member in object.members { check(member.value, element, at: path + member.key) }
    }

    private mutating func checkObject(
        _ value: ConfigValue,
        _ known: [String: Shape],
        _ shape: Shape,
        _ path: ConfigPath
    ) {
        guard let object = value.object else { return expect(false, value, shape, path) }
        for member in object.members {
            if let shape = known[member.key] {
                check(member.value, shape, at: path + member.key)
            } else {
                var place = member.value
                place.position = member.position
                add(.unknown, path + member.key, place, "Unrecognized key: \"\(member.key.prefix(80))\"")
            }
        }
    }

    private mutating func checkEither(
        _ value: ConfigValue,
        _ first: Shape,
        _ second: Shape,
        _ shape: Shape,
        _ path: ConfigPath
    ) {
        for candidate in [first, second] where Self.looksLike(value, candidate) {
            return check(value, candidate, at: path)
        }
        expect(false, value, shape, path)
    }

    private static func sentence(_ reason: String, _ path: ConfigPath) -> String {
        reason.hasPrefix("Missing env var") ? "\(reason) referenced at config path: \(path)" : reason
    }

    /// Whether the outermost layer fits, which is enough to know which of two shapes was meant.
    private static func looksLike(_ value: ConfigValue, _ shape: Shape) -> Bool {
        switch shape {
        case .any: true
        case .string, .percentage: value.string != nil
        case .bool: value.bool != nil
        case .number, .integer: value.number != nil
        case .choice(let words): value.string.map(words.contains) == true
        case .identifier: value.identifier != nil
        case .list: value.array != nil
        case .map, .object: value.object != nil
        case .either(let first, let second): looksLike(value, first) || looksLike(value, second)
        }
    }

    /// A variable that is missing in a part which nothing reads yet is still worth a line.
    private mutating func checkBroken(_ value: ConfigValue, _ path: ConfigPath) {
        switch value.kind {
        case .broken(let reason): add(.wrong, path, value, Self.sentence(reason, path))
        case .array(let elements):
            for (index, element) in elements.enumerated() { checkBroken(element, path + String(index)) }
        case .object(let object):
            for member in object.members { checkBroken(member.value, path + member.key) }
        case .null, .bool, .number, .string: break
        }
    }
}
