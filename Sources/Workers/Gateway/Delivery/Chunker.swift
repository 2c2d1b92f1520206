internal import Config

/// Cuts an answer into messages that a network takes.
///
/// Sizes are UTF-16 code units, as Telegram and Discord count. No grapheme is split unless one alone is too long; a code
/// fence that a cut would leave open is closed and opened again in the next message.
struct Chunker {
    /// Most UTF-16 units of a chunk.
    let limit: Int
    /// Most lines of a chunk; 0: as many as fit.
    let maxLines: Int
    /// Every paragraph is a chunk of its own (`chunkMode: newline`).
    let isByParagraph: Bool

    /// Below this a limit in the configuration is a mistake that would drown people in messages.
    static let smallestLimit = 100
    private static let fence = "```"
    private static let closing = "\n```"
    /// Longest opening line of a fence that is repeated.
    private static let headerLimit = 40

    init(limit: Int, maxLines: Int = 0, isByParagraph: Bool = false) {
        self.limit = max(limit, Self.smallestLimit)
        // Fewer than four lines leave no room for a code fence with something in it.
        self.maxLines = maxLines > 0 ? max(maxLines, 4) : 0
        self.isByParagraph = isByParagraph
    }

    /// As an account is set up, but never more than its network takes.
    ///
    /// Source: Telegram Bot API, sendMessage (4096 characters after parsing); Discord API v10, Create Message (2000).
    init(_ access: ChannelAccess?, network: String) {
        let most = network == "telegram" ? 4096 : network == "discord" ? 2000 : Int.max
        self.init(
            limit: min(access?.textChunkLimit ?? 4000, most),
            maxLines: access?.maxLines ?? 0,
            isByParagraph: access?.chunkMode == "newline"
        )
    }

    /// The chunks of `text` in order; none of them empty.
    func chunks(of text: String) -> [String] {
        isByParagraph ? Self.paragraphs(of: text).flatMap(cutUp) : cutUp(text)
    }

    /// What blank lines divide, outside code fences.
    private static func paragraphs(of text: String) -> [String] {
        var paragraphs: [String] = []
        var lines: [Substring] = []
        var isFenced = false
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            if line.drop(while: { $0 == " " }).hasPrefix(fence) { isFenced.toggle() }
            if isFenced || line.contains(where: { !$0.isWhitespace }) {
                lines.append(line)
            } else if !lines.isEmpty {
                paragraphs.append(lines.joined(separator: "\n"))
                lines = []
            }
        }
        return lines.isEmpty ? paragraphs : paragraphs + [lines.joined(separator: "\n")]
    }

    private func cutUp(_ text: String) -> [String] {
        var rest = Substring(text)
        var header: String?
        var chunks: [String] = []
        Self.dropNewlines(&rest)
        while rest.contains(where: { !$0.isWhitespace }) {
            let prefix = header.map { $0 + "\n" } ?? ""
            let budget = limit - prefix.utf16.count - Self.closing.utf16.count
            let isLast = Self.fits(rest, budget) && holdsLines(rest, fenced: header != nil)
            // A line for the fence that may have to be closed, one for the fence that is opened again.
            let lines = maxLines > 0 ? maxLines - 1 - (header == nil ? 0 : 1) : Int.max
            let cut = isLast ? rest.endIndex : Self.cut(in: rest, budget: budget, lines: lines)
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

    /// Whether `text` has no more UTF-16 units than that. Looks no further: going through all of a long text for every chunk
    /// of it takes longer than the gateway may stand still.
    private static func fits(_ text: Substring, _ units: Int) -> Bool {
        text.utf16.index(text.startIndex, offsetBy: units + 1, limitedBy: text.endIndex) == nil
    }

    /// Whether all of `text` may stand in one chunk, as far as lines go; white space at its end is cut off.
    private func holdsLines(_ text: Substring, fenced: Bool) -> Bool {
        guard maxLines > 0 else { return true }
        var lines = fenced ? 3 : 1
        for character in text {
            if character.isNewline {
                lines += 1
            } else if lines > maxLines, !character.isWhitespace {
                return false
            }
        }
        return true
    }

    /// Where to cut: the last paragraph, line or word that ends within `budget` and past its half; else where it is full.
    private static func cut(in text: Substring, budget: Int, lines: Int) -> String.Index {
        var ended = 0
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
            if character.isNewline {
                ended += 1
                // A paragraph's end among the last lines is a better place than the last line's.
                guard ended < lines else { return best?.rank == 3 ? best?.index ?? full : full }
            }
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
