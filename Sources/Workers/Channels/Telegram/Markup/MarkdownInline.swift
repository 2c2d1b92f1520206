/// The marks inside a paragraph: `**bold**`, `*italic*`, `_italic_`, `__bold__`, `~~strike~~`, `||spoiler||`, `` `code` ``,
/// `[words](address)`, `<https://…>`.
///
/// Follows CommonMark's way with delimiter runs, with looser rules beside punctuation. Reads each unit a bounded number of
/// times: at most `openLimit` runs are looked through for each closing one, and links nest no deeper than `depthLimit`.
struct MarkdownInline {
    private enum Node {
        case text(Range<Int>)
        case code(Range<Int>)
        case link(RichText, String)
        /// A run of one mark; `left` of its units are not used up.
        case run(Run)
    }

    private struct Run {
        var mark: UInt16
        var left: Int
        var canOpen: Bool
        var canClose: Bool
        /// Styles that begin behind this run and those that end before it, in the order of their matching.
        var opens: [(id: Int, style: RichText.Style)] = []
        var closes: [Int] = []
    }

    static let openLimit = 64
    static let depthLimit = 4
    private static let longestURL = 2048

    private let source: [UInt16]
    private let depth: Int
    private var nodes: [Node] = []
    private var position = 0
    private var textStart = 0
    private var escapes: Set<Int> = []

    /// `source` as rich text.
    static func parse(_ source: [UInt16], depth: Int = 0) -> RichText {
        var parser = MarkdownInline(source: source, depth: depth)
        parser.scan()
        parser.match()
        return parser.built()
    }

    private init(source: [UInt16], depth: Int) {
        self.source = source
        self.depth = depth
    }

    // MARK: Scanning

    private mutating func scan() {
        while position < source.count {
            switch Mark(source[position]) {
            case .backslash where position + 1 < source.count && Mark.isPunctuation(source[position + 1]):
                flush()
                textStart = position + 1
                position += 2
            case .backtick: scanCode()
            case .star, .underscore, .tilde, .bar: scanRun()
            case .openBracket: scanLink(from: position)
            case .bang where position + 1 < source.count && source[position + 1] == Mark.openBracket.rawValue:
                scanLink(from: position)
            case .openAngle: scanAutolink()
            case .h where isAddress(at: position): skipAddress()
            default: position += 1
            }
        }
        flush()
    }

    private mutating func flush() {
        if textStart < position { nodes.append(.text(textStart..<position)) }
        textStart = position
    }

    private func runLength(_ start: Int) -> Int {
        var end = start
        while end < source.count, source[end] == source[start] { end += 1 }
        return end - start
    }

    private mutating func scanCode() {
        let length = runLength(position)
        var search = position + length
        while search < source.count {
            guard source[search] == Mark.backtick.rawValue else {
                search += 1
                continue
            }
            let found = runLength(search)
            if found == length {
                flush()
                nodes.append(.code(Self.stripped(position + length..<search, of: source)))
                position = search + length
                textStart = position
                return
            }
            search += found
        }
        position += length
    }

    /// One space at each side goes with the marks, unless there is nothing else.
    private static func stripped(_ range: Range<Int>, of source: [UInt16]) -> Range<Int> {
        guard range.count > 2, source[range.lowerBound] == 0x20, source[range.upperBound - 1] == 0x20 else {
            return range
        }
        return range.lowerBound + 1..<range.upperBound - 1
    }

    private mutating func scanRun() {
        let mark = source[position]
        let length = runLength(position)
        let before = position > 0 ? source[position - 1] : 0x20
        let after = position + length < source.count ? source[position + length] : 0x20
        let isPair = mark == Mark.tilde.rawValue || mark == Mark.bar.rawValue
        guard !isPair || length == 2, length <= 3 else {
            position += length
            return
        }
        var run = Run(
            mark: mark,
            left: length,
            canOpen: !RichText.isSpace(after),
            canClose: !RichText.isSpace(before)
        )
        if mark == Mark.underscore.rawValue {
            run.canOpen = run.canOpen && !Mark.isWord(before)
            run.canClose = run.canClose && !Mark.isWord(after)
        }
        flush()
        position += length
        textStart = position
        nodes.append(.run(run))
    }

    private mutating func scanLink(from start: Int) {
        let open = source[start] == Mark.bang.rawValue ? start + 1 : start
        guard depth < Self.depthLimit, let link = MarkdownLink(in: source, at: open, longest: Self.longestURL) else {
            position = open + 1
            return
        }
        flush()
        nodes.append(.link(Self.parse(Array(source[link.words]), depth: depth + 1), link.url))
        position = link.end
        textStart = position
    }

    private mutating func scanAutolink() {
        let limit = min(source.count, position + Self.longestURL)
        guard isAddress(at: position + 1),
            let end = source[position..<limit].firstIndex(where: { $0 == 0x3E || RichText.isSpace($0) }),
            source[end] == 0x3E
        else {
            position += 1
            return
        }
        flush()
        nodes.append(.text(position + 1..<end))
        position = end + 1
        textStart = position
    }

    private func isAddress(at start: Int) -> Bool {
        for scheme in ["https://", "http://"]
        where source[min(start, source.count)...].starts(with: scheme.utf16) { return true }
        return false
    }

    /// Marks inside an address that stands bare are part of it.
    private mutating func skipAddress() {
        let ends: [UInt16] = [Mark.star.rawValue, 0x29, 0x5D, 0x3C, 0x3E, Mark.bar.rawValue, Mark.backtick.rawValue]
        while position < source.count, !RichText.isSpace(source[position]), !ends.contains(source[position]) {
            position += 1
        }
    }

    // MARK: Matching

    private mutating func match() {
        var open: [Int] = []
        var id = 0
        for index in nodes.indices {
            guard case .run(var closer) = nodes[index] else { continue }
            while closer.canClose, closer.left > 0,
                let place = open.lastIndex(where: { isOpener($0, for: closer) }),
                case .run(var opener) = nodes[open[place]]
            {
                let width = min(closer.left, opener.left) >= 2 ? 2 : 1
                let style = Mark.style(closer.mark, width)
                opener.opens.append((id, style))
                closer.closes.append(id)
                id += 1
                opener.left -= width
                closer.left -= width
                nodes[open[place]] = .run(opener)
                // What opened in between and did not close is text.
                open.removeSubrange(opener.left > 0 ? place + 1..<open.count : place..<open.count)
            }
            nodes[index] = .run(closer)
            if closer.canOpen, closer.left > 0 {
                open.append(index)
                if open.count > Self.openLimit { open.removeFirst() }
            }
        }
    }

    private func isOpener(_ index: Int, for closer: Run) -> Bool {
        guard case .run(let opener) = nodes[index], opener.mark == closer.mark, opener.canOpen, opener.left > 0 else {
            return false
        }
        // Spoilers and strikes have two marks on either side.
        return Mark.isPair(closer.mark) ? opener.left == 2 && closer.left == 2 : true
    }

    // MARK: Building

    private func built() -> RichText {
        var result = RichText()
        var starts: [Int: (at: Int, style: RichText.Style)] = [:]
        for node in nodes {
            switch node {
            case .text(let range): result.append(source[range])
            case .code(let range):
                let start = result.count
                result.append(source[range])
                result.mark(start..<result.count, .code)
            case .link(let words, let url):
                let start = result.count
                result.append(words)
                if result.count == start { result.append(url) }
                result.mark(start..<result.count, .link(url))
            case .run(let run):
                for id in run.closes {
                    guard let start = starts.removeValue(forKey: id) else { continue }
                    result.mark(start.at..<result.count, start.style)
                }
                result.append(repeatElement(run.mark, count: run.left))
                for (id, style) in run.opens { starts[id] = (result.count, style) }
            }
        }
        return result
    }
}
