/// What a value of the configuration may look like.
indirect enum Shape: Sendable {
    /// Known, but nothing in this version reads it.
    case any
    case string
    case bool
    case number
    /// A whole number within these bounds.
    case integer(ClosedRange<Int>)
    case choice([String])
    /// `"30%"`, from 1 to 100.
    case percentage
    /// A string, or a number that stands for one.
    case identifier
    case list(Shape)
    /// An object with keys of the user's choice.
    case map(Shape)
    /// An object with these keys; others are unknown.
    case object([String: Shape])
    case either(Shape, Shape)

    static let count = Shape.integer(0...1_000_000_000)
    static let strings = Shape.list(.string)
    static let identifiers = Shape.list(.identifier)

    /// Nothing reads it.
    var isAny: Bool {
        if case .any = self { true } else { false }
    }

    /// For messages: `a string`.
    var name: String {
        switch self {
        case .any: "anything"
        case .string: "a string"
        case .bool: "true or false"
        case .number: "a number"
        case .integer(let range):
            range.upperBound >= 1_000_000_000
                ? "a whole number from \(range.lowerBound)"
                : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .percentage: "a percentage such as \"30%\""
        case .choice(let words): "one of " + words.map { "\"\($0)\"" }.joined(separator: ", ")
        case .identifier: "a string or a number"
        case .list(let element): "a list of \(element.plural)"
        case .map, .object: "an object"
        case .either(let first, let second): "\(first.name) or \(second.name)"
        }
    }

    private var plural: String {
        switch self {
        case .string: "strings"
        case .identifier: "strings or numbers"
        case .map, .object: "objects"
        default: "values"
        }
    }
}
