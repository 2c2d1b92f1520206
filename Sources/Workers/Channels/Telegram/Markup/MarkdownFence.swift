/// The opening line of a fenced block of code.
struct MarkdownFence {
    let language: String
    private let mark: Character
    private let length: Int
    private let indent: Int

    /// Nil when `line` opens none.
    init?(_ line: Substring) {
        let spaces = line.prefix { $0 == " " }.count
        let rest = line.dropFirst(spaces)
        guard let first = rest.first, first == "`" || first == "~" else { return nil }
        let run = rest.prefix { $0 == first }.count
        let info = rest.dropFirst(run)
        guard run >= 3, !(first == "`" && info.contains("`")) else { return nil }
        mark = first
        length = run
        indent = spaces
        let word = info.drop { $0 == " " }.prefix { $0 != " " }
        // It becomes part of a tag.
        let isName = word.unicodeScalars.allSatisfy { scalar in
            scalar.isASCII && (scalar.properties.isAlphabetic || "0123456789+-#._".unicodeScalars.contains(scalar))
        }
        language = isName ? String(word.prefix(32)) : ""
    }

    func isClosed(by line: Substring) -> Bool {
        let rest = line.drop { $0 == " " }
        let run = rest.prefix { $0 == mark }.count
        return run >= length && rest.dropFirst(run).allSatisfy { $0 == " " || $0 == "\t" }
    }

    /// A line of the block without the indentation that the fence itself has.
    func unindented(_ line: Substring) -> Substring { line.dropFirst(min(indent, line.prefix { $0 == " " }.count)) }
}
