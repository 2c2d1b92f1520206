/// A parsed pattern.
indirect enum PatternNode {
    case empty
    case one(PatternClass)
    case assertion(PatternAssertion)
    case sequence([PatternNode])
    case choice([PatternNode])
    /// `most` nil: without end.
    case repeated(PatternNode, least: Int, most: Int?)
}

/// What holds between two characters.
enum PatternAssertion: Sendable {
    case start
    case end
    case wordBoundary(Bool)
    /// The next (`isAhead`) or last character is one of these, or there is none and `orEdge`.
    case look(isAhead: Bool, isNegated: Bool, [PatternClass], orEdge: Bool)

    func holds(_ scalars: [UInt32], at position: Int) -> Bool {
        switch self {
        case .start: return position == 0
        case .end: return position == scalars.count
        case .wordBoundary(let wanted):
            let before = position > 0 && PatternClass.word.contains(scalars[position - 1])
            let after = position < scalars.count && PatternClass.word.contains(scalars[position])
            return (before != after) == wanted
        case .look(let isAhead, let isNegated, let classes, let orEdge):
            let index = isAhead ? position : position - 1
            let isThere =
                scalars.indices.contains(index) ? classes.contains { $0.contains(scalars[index]) } : orEdge
            return isThere != isNegated
        }
    }
}

/// A set of characters, regardless of case.
struct PatternClass: Sendable {
    var ranges: [ClosedRange<UInt32>]
    var isNegated = false

    static let digit = PatternClass(ranges: [0x30...0x39])
    static let word = PatternClass(ranges: [0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    static let space = PatternClass(
        ranges: [
            0x09...0x0D, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029, 0x202F...0x202F,
            0x205F...0x205F, 0x3000...0x3000, 0xFEFF...0xFEFF,
        ]
    )
    static let lineEnd = PatternClass(ranges: [0x0A...0x0A, 0x0D...0x0D, 0x2028...0x2029])

    static func only(_ scalar: UInt32) -> PatternClass { PatternClass(ranges: [scalar...scalar]) }

    var inverted: PatternClass { PatternClass(ranges: ranges, isNegated: !isNegated) }

    func contains(_ scalar: UInt32) -> Bool {
        let isIn = holds(scalar) || Self.otherCases(of: scalar).contains(where: holds)
        return isIn != isNegated
    }

    private func holds(_ scalar: UInt32) -> Bool { ranges.contains { $0.contains(scalar) } }

    private static func otherCases(of scalar: UInt32) -> [UInt32] {
        switch scalar {
        case 0x41...0x5A: return [scalar + 32]
        case 0x61...0x7A: return [scalar - 32]
        case 0..<0x80: return []
        default:
            guard let properties = Unicode.Scalar(scalar)?.properties else { return [] }
            let mapped = [properties.lowercaseMapping, properties.uppercaseMapping].map(\.unicodeScalars)
            return mapped.compactMap { $0.count == 1 ? $0.first?.value : nil }
        }
    }
}
