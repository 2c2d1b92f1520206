/// Reads a pattern in JavaScript's syntax (ECMA-262, section 22.2.1, without the flag `u`).
struct PatternParser {
    private static let deepest = 50
    private static let mostRepeats = 1000

    private let scalars: [Unicode.Scalar]
    private var at = 0
    private var depth = 0

    init(_ scalars: [Unicode.Scalar]) {
        self.scalars = scalars
    }

    mutating func parse() throws(PatternError) -> PatternNode {
        let node = try choice()
        guard at == scalars.count else { throw PatternError("has a ) without its (") }
        return node
    }

    private var next: Unicode.Scalar? { at < scalars.count ? scalars[at] : nil }

    private mutating func take(_ text: String) -> Bool {
        let wanted = Array(text.unicodeScalars)
        guard at + wanted.count <= scalars.count, Array(scalars[at..<at + wanted.count]) == wanted else { return false }
        at += wanted.count
        return true
    }

    private mutating func choice() throws(PatternError) -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.deepest else { throw PatternError("is nested too deeply") }
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws(PatternError) -> PatternNode {
        var parts: [PatternNode] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            let part = try atom()
            parts.append(try quantified(part))
        }
        return parts.count == 1 ? parts[0] : parts.isEmpty ? .empty : .sequence(parts)
    }

    private mutating func quantified(_ node: PatternNode) throws(PatternError) -> PatternNode {
        let bounds: (Int, Int?)? =
            if take("*") {
                (0, nil)
            } else if take("+") {
                (1, nil)
            } else if take("?") {
                (0, 1)
            } else {
                try braces()
            }
        guard let (least, most) = bounds else { return node }
        if case .assertion = node { throw PatternError("repeats something that has no length") }
        // Greedy or not makes no difference to whether it is found.
        _ = take("?")
        if let scalar = next, "*+?".unicodeScalars.contains(scalar) { throw PatternError("has nothing to repeat") }
        return .repeated(node, least: least, most: most)
    }

    /// `{2}`, `{2,}`, `{2,5}`; anything else after `{` is text.
    private mutating func braces() throws(PatternError) -> (Int, Int?)? {
        let start = at
        guard take("{"), let least = number() else {
            at = start
            return nil
        }
        var most: Int? = least
        if take(",") { most = number() }
        guard take("}") else {
            at = start
            return nil
        }
        guard max(least, most ?? 0) <= Self.mostRepeats else {
            throw PatternError("repeats more than \(Self.mostRepeats) times")
        }
        if let most, most < least { throw PatternError("has a repetition whose bounds are the wrong way round") }
        return (least, most)
    }

    private mutating func number() -> Int? {
        var value: Int?
        while let scalar = next, let digit = scalar.digit {
            value = min((value ?? 0) * 10 + digit, 1_000_000)
            at += 1
        }
        return value
    }

    private mutating func atom() throws(PatternError) -> PatternNode {
        guard let scalar = next else { return .empty }
        at += 1
        switch scalar {
        case "^": return .assertion(.start)
        case "$": return .assertion(.end)
        case ".": return .one(.lineEnd.inverted)
        case "[": return .one(try set())
        case "(": return try group()
        case "\\": return try escape()
        case "*", "+", "?": throw PatternError("has nothing to repeat before \(scalar)")
        default: return .one(.only(scalar.value))
        }
    }

    private mutating func group() throws(PatternError) -> PatternNode {
        if take("?=") { return try look(isAhead: true, isNegated: false) }
        if take("?!") { return try look(isAhead: true, isNegated: true) }
        if take("?<=") { return try look(isAhead: false, isNegated: false) }
        if take("?<!") { return try look(isAhead: false, isNegated: true) }
        if take("?<") {
            while let scalar = next, scalar != ">" {
                guard scalar.isWordPart else { throw PatternError("has a group with a name that is none") }
                at += 1
            }
            guard take(">") else { throw PatternError("has a group whose name does not end") }
        } else if take("?"), !take(":") {
            throw PatternError(
                "has a group that begins with (? and is not understood; case never counts, so (?i) is not needed"
            )
        }
        return try closed()
    }

    private mutating func closed() throws(PatternError) -> PatternNode {
        let node = try choice()
        guard take(")") else { throw PatternError("has a ( without its )") }
        return node
    }

    private mutating func look(isAhead: Bool, isNegated: Bool) throws(PatternError) -> PatternNode {
        let node = try closed()
        let branches = if case .choice(let branches) = node { branches } else { [node] }
        var classes: [PatternClass] = []
        var orEdge = false
        for branch in branches {
            switch (branch, isAhead) {
            case (.one(let set), _): classes.append(set)
            case (.assertion(.end), true), (.assertion(.start), false): orEdge = true
            default:
                throw PatternError("looks ahead or behind at more than one character, which is not understood")
            }
        }
        return .assertion(.look(isAhead: isAhead, isNegated: isNegated, classes, orEdge: orEdge))
    }

    // MARK: Characters

    private mutating func escape() throws(PatternError) -> PatternNode {
        if take("b") { return .assertion(.wordBoundary(true)) }
        if take("B") { return .assertion(.wordBoundary(false)) }
        if let scalar = next, ("1"..."9").contains(scalar) || scalar == "k" {
            throw PatternError("refers back to a group, which is not understood")
        }
        return .one(try escapedClass())
    }

    private mutating func escapedClass() throws(PatternError) -> PatternClass {
        guard let scalar = next else { throw PatternError("ends with a backslash") }
        at += 1
        switch scalar {
        case "d": return .digit
        case "D": return .digit.inverted
        case "w": return .word
        case "W": return .word.inverted
        case "s": return .space
        case "S": return .space.inverted
        case "p", "P": throw PatternError("uses \\\(scalar), which is not understood")
        case "t": return .only(9)
        case "n": return .only(10)
        case "v": return .only(11)
        case "f": return .only(12)
        case "r": return .only(13)
        case "0": return .only(0)
        case "x": return .only(hex(2) ?? scalar.value)
        case "u":
            let start = at
            if take("{"), let value = hex(1...6), take("}") { return .only(value) }
            at = start
            return .only(hex(4) ?? scalar.value)
        default: return .only(scalar.value)
        }
    }

    private mutating func hex(_ count: Int) -> UInt32? { hex(count...count) }

    private mutating func hex(_ count: ClosedRange<Int>) -> UInt32? {
        let digits = scalars[at...].prefix(count.upperBound).prefix { $0.properties.isASCIIHexDigit }
        guard digits.count >= count.lowerBound else { return nil }
        at += digits.count
        return UInt32(String(String.UnicodeScalarView(digits)), radix: 16)
    }

    private mutating func set() throws(PatternError) -> PatternClass {
        var set = PatternClass(ranges: [], isNegated: take("^"))
        while let scalar = next, scalar != "]" {
            let first = try member()
            guard next == "-", at + 1 < scalars.count, scalars[at + 1] != "]" else {
                set.ranges += first.spelledOut
                continue
            }
            at += 1
            let last = try member()
            guard let low = first.single, let high = last.single else {
                set.ranges += first.spelledOut + [0x2D...0x2D] + last.spelledOut
                continue
            }
            guard low <= high else { throw PatternError("has a range whose ends are the wrong way round") }
            set.ranges.append(low...high)
        }
        guard take("]") else { throw PatternError("has a [ without its ]") }
        return set
    }

    private mutating func member() throws(PatternError) -> PatternClass {
        guard take("\\") else {
            defer { at += 1 }
            return .only(next?.value ?? 0)
        }
        return take("b") ? .only(8) : try escapedClass()
    }
}

extension PatternClass {
    /// The one character that it is.
    fileprivate var single: UInt32? {
        guard !isNegated, ranges.count == 1, ranges[0].count == 1 else { return nil }
        return ranges[0].lowerBound
    }

    /// The same without negation. Ranges are in order and apart, as those of `\d`, `\w` and `\s` are.
    fileprivate var spelledOut: [ClosedRange<UInt32>] {
        guard isNegated else { return ranges }
        var gaps: [ClosedRange<UInt32>] = []
        var from: UInt32 = 0
        for range in ranges {
            if range.lowerBound > from { gaps.append(from...range.lowerBound - 1) }
            from = range.upperBound + 1
        }
        return gaps + [from...0x10_FFFF]
    }
}

extension Unicode.Scalar {
    fileprivate var digit: Int? { ("0"..."9").contains(self) ? Int(value) - 48 : nil }
    fileprivate var isWordPart: Bool { PatternClass.word.contains(value) }
}
