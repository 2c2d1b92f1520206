/// The words that end a run, handled before anything else. Source: spec/channels-voice-tunnel.md 1.16.
enum StopWord {
    private static let words: Set<String> = ["/stop", "stop", "esc", "abort", "wait", "exit", "interrupt"]

    /// Whether `text` is nothing but a stop word; `/stop@name` and `/stop:` count.
    static func isStop(_ text: String) -> Bool {
        guard text.utf8.count <= 64 else { return false }
        var word = text.lowercased()
        while let last = word.last, last.isWhitespace { word.removeLast() }
        while let first = word.first, first.isWhitespace { word.removeFirst() }
        if word.hasPrefix("/") {
            if let at = word.firstIndex(of: "@") { word = String(word[..<at]) }
            if word.hasSuffix(":") { word.removeLast() }
        }
        return words.contains(word)
    }
}
