/// The operator's regular expressions that count as a mention besides the bot's name.
struct MentionPatterns: Sendable {
    private let patterns: [String]
    /// Those that are no regular expressions, for a warning; they never match.
    let invalid: [String]

    init(_ patterns: [String]) {
        // Kept as text, because a compiled Regex may not be shared between threads.
        self.patterns = patterns.filter { (try? Regex($0)) != nil }
        invalid = patterns.filter { (try? Regex($0)) == nil }
    }

    func match(_ text: String) -> Bool {
        patterns.contains { pattern in
            guard let regex = try? Regex(pattern).ignoresCase() else { return false }
            return (try? regex.firstMatch(in: text)) != nil
        }
    }
}
