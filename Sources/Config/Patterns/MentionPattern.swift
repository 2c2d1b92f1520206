/// A regular expression of `mentionPatterns`: is the bot spoken to?
///
/// Written as for JavaScript, case never counts. It takes time in proportion to the length of pattern times text whatever
/// the pattern is, because all its paths are walked at once, so a bad pattern cannot hang the gateway. The price: no back
/// references, and look-around only of one character (`docs/decisions/0130`).
package struct MentionPattern: Sendable {
    /// Longest pattern, in Unicode scalars.
    package static let longestSource = 500
    /// Steps of a compiled pattern; `(a{50}){50}` has more.
    static let longestProgram = 2000

    private let program: PatternProgram

    /// Throws in words what is wrong with `source`, or what of it is not understood.
    package init(_ source: String) throws(PatternError) {
        guard source.unicodeScalars.count <= Self.longestSource else {
            throw PatternError("is longer than \(Self.longestSource) characters")
        }
        // "\b" in JSON is a backspace; nobody looks for one.
        let scalars = source.unicodeScalars.flatMap { $0.value == 8 ? ["\\", "b"] : [$0] }
        var parser = PatternParser(scalars)
        program = try PatternProgram(parser.parse(), limit: Self.longestProgram)
    }

    /// Whether it is found anywhere in the text.
    package func isFound(in text: PatternText) -> Bool { program.isFound(in: text) }
}

/// What is wrong with a pattern, as the end of a sentence that begins with the pattern.
package struct PatternError: Error, Sendable, Equatable, CustomStringConvertible {
    package var description: String

    init(_ description: String) {
        self.description = description
    }
}

/// A text prepared for being looked through: its beginning, without what cannot be seen.
package struct PatternText: Sendable {
    /// More is not looked at; the longest message of a network is about as long.
    package static let longest = 8192

    let scalars: [UInt32]

    package init(_ text: String) {
        let seen = text.unicodeScalars.lazy.prefix(Self.longest).filter { !Self.isInvisible($0.value) }
        scalars = seen.map(\.value)
    }

    /// Marks of direction, joiners, fillers: put between letters they would hide a name.
    private static func isInvisible(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0xAD, 0x200B...0x200F, 0x202A...0x202E, 0x2060...0x206F, 0xFEFF: true
        default: false
        }
    }
}
