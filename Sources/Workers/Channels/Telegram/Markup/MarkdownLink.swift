/// `[words](address "title")` at one place of a text.
struct MarkdownLink {
    /// Between the brackets.
    let words: Range<Int>
    let url: String
    /// Behind the closing parenthesis.
    let end: Int

    private static let longestWords = 1000

    /// Nil when there is none at `start`, its address is longer than `longest`, or of a kind that Telegram does not open.
    init?(in source: [UInt16], at start: Int, longest: Int) {
        var depth = 0
        var close: Int?
        var index = start
        let limit = min(source.count, start + Self.longestWords)
        scan: while index < limit {
            switch Mark(source[index]) {
            case .backslash: index += 1
            case .openBracket: depth += 1
            case .closeBracket:
                depth -= 1
                if depth == 0 {
                    close = index
                    break scan
                }
            default: break
            }
            index += 1
        }
        guard let close, close + 1 < source.count, source[close + 1] == 0x28 else { return nil }
        var parentheses = 1
        var place = close + 2
        let urlLimit = min(source.count, place + longest)
        let urlStart = place
        while place < urlLimit, parentheses > 0 {
            switch source[place] {
            case 0x28: parentheses += 1
            case 0x29: parentheses -= 1
            case 0x0A: return nil
            default: break
            }
            place += 1
        }
        guard parentheses == 0 else { return nil }
        let target = String(decoding: source[urlStart..<place - 1], as: UTF16.self)
        guard let url = Self.address(target) else { return nil }
        words = start + 1..<close
        self.url = url
        end = place
    }

    /// The address without title and angle brackets.
    private static func address(_ target: String) -> String? {
        guard var url = target.split(whereSeparator: { $0 == " " || $0 == "\t" }).first.map(String.init) else {
            return nil
        }
        if url.hasPrefix("<"), url.hasSuffix(">"), url.count > 2 { url = String(url.dropFirst().dropLast()) }
        let lower = url.lowercased()
        let known = ["http://", "https://", "tg://", "mailto:", "tel:"]
        return known.contains(where: { lower.hasPrefix($0) && lower.count > $0.count }) ? url : nil
    }
}
