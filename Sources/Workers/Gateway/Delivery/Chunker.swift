/// Cuts an answer into messages that a network takes.
///
/// Sizes are UTF-16 code units, as Telegram and Discord count. No grapheme is split unless one alone is too long; a code
/// fence that a cut would leave open is closed and opened again in the next message.
struct Chunker {
    /// Most UTF-16 units of a chunk.
    let limit: Int

    /// Below this a limit in the configuration is a mistake that would drown people in messages.
    static let smallestLimit = 100
    private static let fence = "```"
    private static let closing = "\n```"
    /// Longest opening line of a fence that is repeated.
    private static let headerLimit = 40

    init(limit: Int) {
        self.limit = max(limit, Self.smallestLimit)
    }

    /// The chunks of `text` in order; none of them empty.
    func chunks(of text: String) -> [String] {
        var rest = Substring(text)
        var header: String?
        var chunks: [String] = []
        Self.dropNewlines(&rest)
        while rest.contains(where: { !$0.isWhitespace }) {
            let prefix = header.map { $0 + "\n" } ?? ""
            let isLast = prefix.utf16.count + rest.utf16.count + Self.closing.utf16.count <= limit
            let budget = limit - prefix.utf16.count - Self.closing.utf16.count
            let cut = isLast ? rest.endIndex : Self.cut(in: rest, budget: budget)
            var chunk = prefix + rest[..<cut]
            rest = rest[cut...]
            header = Self.openFence(after: chunk)
            while chunk.last?.isWhitespace == true { chunk.removeLast() }
            if header != nil { chunk += Self.closing }
            Self.dropNewlines(&rest)
            chunks.append(chunk)
        }
        return chunks
    }

    /// Where to cut: the last paragraph, line or word that ends within `budget` and past its half; else where it is full.
    private static func cut(in text: Substring, budget: Int) -> String.Index {
        var used = 0
        var full = text.startIndex
        var best: (rank: Int, index: String.Index)?
        var previousWasNewline = false
        for index in text.indices {
            let character = text[index]
            used += character.utf16.count
            guard used <= budget else { break }
            full = text.index(after: index)
            if character.isWhitespace, used * 2 > budget {
                let rank = character.isNewline ? (previousWasNewline ? 3 : 2) : 1
                if rank >= best?.rank ?? 0 { best = (rank, full) }
            }
            previousWasNewline = character.isNewline
        }
        if let best { return best.index }
        return full > text.startIndex ? full : scalarCut(in: text, budget: budget)
    }

    /// For a grapheme that is longer than a whole chunk.
    private static func scalarCut(in text: Substring, budget: Int) -> String.Index {
        var used = 0
        var index = text.startIndex
        while index < text.endIndex {
            let size = text.unicodeScalars[index].utf16.count
            guard used + size <= budget else { return index }
            used += size
            index = text.unicodeScalars.index(after: index)
        }
        return index
    }

    /// The opening line of the fence that `chunk` leaves open.
    private static func openFence(after chunk: String) -> String? {
        var header: String?
        for line in chunk.split(whereSeparator: \.isNewline) {
            let content = line.drop { $0 == " " }
            guard content.hasPrefix(fence) else { continue }
            header = header == nil ? String(content.prefix(headerLimit)) : nil
        }
        return header
    }

    private static func dropNewlines(_ text: inout Substring) {
        while text.first?.isNewline == true { text.removeFirst() }
    }
}
