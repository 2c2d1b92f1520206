/// Reads the params of a method and collects what is wrong with them, in the words of the schema checker (ajv) that
/// clients were written against.
struct ParamReader {
    private let value: WireValue
    private let pointer: String
    private var complaints: [String] = []
    private static let mostComplaints = 8
    /// Longest text of a short field (names, ids, keys).
    private static let longestName = 4096

    init(_ value: WireValue, pointer: String = "") {
        self.value = value
        self.pointer = pointer
        if value.members == nil { add("", "must be object") }
    }

    var isValid: Bool { complaints.isEmpty }
    var detail: String { complaints.joined(separator: "; ") }

    /// The error of a method whose params are wrong.
    func error(method: String) -> RPCError { .invalid("invalid \(method) params: \(detail)") }

    /// Complains about every member that is not in `names`.
    mutating func allow(_ names: Set<String>) {
        for member in value.members ?? [] where !names.contains(member.name) {
            let place = pointer.isEmpty ? "root" : pointer
            addOnce("at \(place): unexpected property '\(member.name.prefix(64))'")
        }
    }

    mutating func string(
        _ name: String,
        required: Bool = false,
        allowEmpty: Bool = false,
        longest: Int = longestName
    ) -> String? {
        guard let given = member(name, required: required) else { return nil }
        guard let text = given.text else {
            complain(name, "must be string")
            return nil
        }
        guard allowEmpty || !text.isEmpty else {
            complain(name, "must NOT have fewer than 1 characters")
            return nil
        }
        guard text.utf8.count <= longest else {
            complain(name, "must NOT have more than \(longest) characters")
            return nil
        }
        return text
    }

    mutating func integer(
        _ name: String,
        required: Bool = false,
        in range: ClosedRange<Int64>
    ) -> Int64? {
        guard let given = member(name, required: required) else { return nil }
        guard let number = given.whole else {
            complain(name, "must be integer")
            return nil
        }
        guard range.contains(number) else {
            let low = number < range.lowerBound
            complain(name, low ? "must be >= \(range.lowerBound)" : "must be <= \(range.upperBound)")
            return nil
        }
        return number
    }

    mutating func bool(_ name: String) -> Bool? {
        guard let given = member(name, required: false) else { return nil }
        guard let truth = given.truth else {
            complain(name, "must be boolean")
            return nil
        }
        return truth
    }

    mutating func strings(_ name: String, most: Int) -> [String]? {
        guard let given = member(name, required: false) else { return nil }
        guard let items = given.items else {
            complain(name, "must be array")
            return nil
        }
        guard items.count <= most else {
            complain(name, "must NOT have more than \(most) items")
            return nil
        }
        var texts: [String] = []
        for (index, item) in items.enumerated() {
            guard let text = item.text, text.utf8.count <= Self.longestName else {
                complain("\(name)/\(index)", "must be string")
                return nil
            }
            texts.append(text)
        }
        return texts
    }

    /// An object whose inside does not matter here.
    mutating func object(_ name: String) {
        if let given = member(name, required: false), given.members == nil { complain(name, "must be object") }
    }

    /// A reader for the object `name`; give it back with `adopt` so that its complaints count.
    mutating func nested(_ name: String, required: Bool = false) -> ParamReader? {
        guard let given = member(name, required: required) else { return nil }
        return ParamReader(given, pointer: "\(pointer)/\(name)")
    }

    mutating func adopt(_ nested: ParamReader?) {
        for complaint in nested?.complaints ?? [] { addOnce(complaint) }
    }

    mutating func complain(_ name: String, _ words: String) {
        add("/\(name)", words)
    }

    /// The value as it stands.
    func any(_ name: String) -> WireValue? { value[name] }

    private mutating func member(_ name: String, required: Bool) -> WireValue? {
        guard value.members != nil else { return nil }
        if let given = value[name] { return given }
        if required { add("", "must have required property '\(name)'") }
        return nil
    }

    private mutating func add(_ path: String, _ words: String) {
        let place = pointer + path
        addOnce(place.isEmpty ? words : "at \(place): \(words)")
    }

    private mutating func addOnce(_ complaint: String) {
        guard complaints.count < Self.mostComplaints, !complaints.contains(complaint) else { return }
        complaints.append(complaint)
    }
}
