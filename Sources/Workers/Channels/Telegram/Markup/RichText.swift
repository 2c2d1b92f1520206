/// A text with marked stretches, in UTF-16 units: what Markdown becomes before it is Telegram's HTML.
struct RichText: Equatable {
    enum Style: Equatable {
        case quote
        case pre(language: String)
        case link(String)
        case bold
        case italic
        case strike
        case spoiler
        case code

        /// Outer tags first. Telegram nests anything but code into anything but code.
        fileprivate var rank: Int {
            switch self {
            case .quote: 0
            case .pre: 1
            case .link: 2
            case .bold: 3
            case .italic: 4
            case .strike: 5
            case .spoiler: 6
            case .code: 7
            }
        }

        fileprivate var isCode: Bool {
            switch self {
            case .pre, .code: true
            case .quote, .link, .bold, .italic, .strike, .spoiler: false
            }
        }
    }

    struct Span: Equatable {
        var range: Range<Int>
        var style: Style
    }

    private(set) var units: [UInt16] = []
    private(set) var spans: [Span] = []

    var count: Int { units.count }

    mutating func append(_ text: some Sequence<UInt16>) { units.append(contentsOf: text) }
    mutating func append(_ text: String) { units.append(contentsOf: text.utf16) }

    mutating func append(_ other: RichText) {
        let shift = units.count
        units += other.units
        spans += other.spans.map {
            Span(range: $0.range.lowerBound + shift..<$0.range.upperBound + shift, style: $0.style)
        }
    }

    /// Marks what is there already; an empty stretch is not marked.
    mutating func mark(_ range: Range<Int>, _ style: Style) {
        guard !range.isEmpty, range.upperBound <= units.count else { return }
        spans.append(Span(range: range, style: style))
    }

    /// Without its markup; links have their address behind them.
    func plain(_ range: Range<Int>) -> String {
        var result: [UInt16] = []
        var position = range.lowerBound
        for span in spans.sorted(by: { $0.range.upperBound < $1.range.upperBound }) {
            guard case .link(let url) = span.style, span.range.upperBound > position,
                span.range.upperBound <= range.upperBound, span.range.lowerBound >= range.lowerBound
            else { continue }
            let words = units[span.range]
            result += units[position..<span.range.upperBound]
            position = span.range.upperBound
            if !words.elementsEqual(url.utf16) { result += " (\(url))".utf16 }
        }
        return String(decoding: result + units[position..<range.upperBound], as: UTF16.self)
    }

    /// Whether anything in `range` is marked.
    func isMarked(_ range: Range<Int>) -> Bool { spans.contains { $0.range.overlaps(range) } }

    /// `range` as Telegram's HTML: every tag that opens closes, none crosses another, everything else is escaped.
    func html(_ range: Range<Int>) -> String {
        let inside = spans.enumerated().filter { $0.element.range.overlaps(range) }
        var borders = Set([range.lowerBound, range.upperBound])
        for (_, span) in inside {
            borders.insert(max(span.range.lowerBound, range.lowerBound))
            borders.insert(min(span.range.upperBound, range.upperBound))
        }
        let places = borders.sorted()
        var result = ""
        var open: [(index: Int, style: Style)] = []
        for (start, end) in zip(places, places.dropFirst()) {
            let wanted = Self.stack(inside.filter { $0.element.range.contains(start) })
            let kept = zip(open, wanted).prefix { $0.index == $1.index }.count
            for (_, style) in open[kept...].reversed() { result += style.closing }
            for (_, style) in wanted[kept...] { result += style.opening }
            open = wanted
            result += Self.escaped(String(decoding: units[start..<end], as: UTF16.self))
        }
        for (_, style) in open.reversed() { result += style.closing }
        return result
    }

    /// The tags around one stretch, outermost first: one of each kind, and around code nothing but what may be there.
    private static func stack(_ spans: [EnumeratedSequence<[Span]>.Element]) -> [(index: Int, style: Style)] {
        let hasLink = spans.contains { if case .link = $0.element.style { true } else { false } }
        let isPre = spans.contains { if case .pre = $0.element.style { true } else { false } }
        let isCode = spans.contains { $0.element.style.isCode }
        var result: [(index: Int, style: Style)] = []
        for (index, span) in spans.sorted(by: {
            ($0.element.style.rank, $0.offset) < ($1.element.style.rank, $1.offset)
        }) {
            switch span.style {
            case .quote: break
            case .pre: break
            case .link: if isPre { continue }
            case .code: if isPre || hasLink { continue }
            case .bold, .italic, .strike, .spoiler: if isPre || isCode && !hasLink { continue }
            }
            guard result.last?.style.rank != span.style.rank else { continue }
            result.append((index, span.style))
        }
        return result
    }

    static func escaped(_ text: String, isAttribute: Bool = false) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"" where isAttribute: result += "&quot;"
            // Telegram refuses a message with these; nobody can see them.
            case "\0": continue
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

extension RichText.Style {
    fileprivate var opening: String {
        switch self {
        case .quote: "<blockquote>"
        case .pre(let language) where language.isEmpty: "<pre>"
        case .pre(let language): "<pre><code class=\"language-\(RichText.escaped(language, isAttribute: true))\">"
        case .link(let url): "<a href=\"\(RichText.escaped(url, isAttribute: true))\">"
        case .bold: "<b>"
        case .italic: "<i>"
        case .strike: "<s>"
        case .spoiler: "<tg-spoiler>"
        case .code: "<code>"
        }
    }

    fileprivate var closing: String {
        switch self {
        case .quote: "</blockquote>"
        case .pre(let language) where language.isEmpty: "</pre>"
        case .pre: "</code></pre>"
        case .link: "</a>"
        case .bold: "</b>"
        case .italic: "</i>"
        case .strike: "</s>"
        case .spoiler: "</tg-spoiler>"
        case .code: "</code>"
        }
    }
}
