/// A command in one string, cut into words as a shell would, without a shell: nothing in it is expanded, redirected or
/// run in the background, so that the process that is watched is the program itself.
struct CommandText {
    /// Why a string is no command.
    struct Malformed: Error, Equatable {
        var text: String
    }

    /// Characters that mean something to a shell where they stand bare.
    private static let shellOnly: Set<Character> = ["|", "&", ";", "<", ">", "(", ")", "`"]

    private var words: [String] = []
    private var word = ""
    /// Also true for the empty word of `''`.
    private var isInWord = false

    /// The words of `text`. Blanks separate; `'…'` and `"…"` keep them; a backslash takes the next character as it is
    /// (between double quotes only before `"`, `\`, `$` and a backtick, as POSIX has it).
    static func split(_ text: String) throws(Malformed) -> [String] {
        var command = CommandText()
        var rest = Substring(text)
        while let character = rest.popFirst() { try command.take(character, &rest) }
        command.endWord()
        return command.words
    }

    private mutating func take(_ character: Character, _ rest: inout Substring) throws(Malformed) {
        switch character {
        case "'", "\"": try takeQuoted(character, &rest)
        case "\\":
            guard let next = rest.popFirst() else { throw Malformed(text: "ends with a backslash") }
            add(next)
        case _ where character.isWhitespace: endWord()
        case _ where Self.shellOnly.contains(character):
            throw Malformed(
                text: "holds \(character), which only a shell understands, and none is run: quote it, or write "
                    + "[\"/bin/sh\", \"-c\", \"…\"]"
            )
        default: add(character)
        }
    }

    private mutating func takeQuoted(_ quote: Character, _ rest: inout Substring) throws(Malformed) {
        isInWord = true
        while let character = rest.popFirst() {
            if character == quote { return }
            guard quote == "\"", character == "\\", let next = rest.first, ["\"", "\\", "$", "`"].contains(next) else {
                add(character)
                continue
            }
            add(next)
            rest.removeFirst()
        }
        throw Malformed(text: "has a quote \(quote) without its end")
    }

    private mutating func add(_ character: Character) {
        word.append(character)
        isInWord = true
    }

    private mutating func endWord() {
        guard isInWord else { return }
        words.append(word)
        word = ""
        isInWord = false
    }
}
