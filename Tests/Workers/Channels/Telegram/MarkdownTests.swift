import TestSupport
import Testing

@testable import Telegram

@Suite("Markdown becomes Telegram's HTML")
struct MarkdownTests {
    private func html(_ markdown: String) -> String {
        let rich = Markdown.parse(markdown)
        return rich.html(0..<rich.count)
    }

    @Test(
        "what each mark becomes",
        arguments: [
            ("plain", "plain"),
            ("a **b** c", "a <b>b</b> c"), ("__b__", "<b>b</b>"), ("*i* and _i_", "<i>i</i> and <i>i</i>"),
            ("***both***", "<b><i>both</i></b>"), ("**b *bi* b**", "<b>b <i>bi</i> b</b>"),
            ("~~s~~ ||x||", "<s>s</s> <tg-spoiler>x</tg-spoiler>"),
            ("`a<b`", "<code>a&lt;b</code>"), ("`` a`b ``", "<code>a`b</code>"),
            ("**a `c` b**", "<b>a </b><code>c</code><b> b</b>"),
            ("snake_case_name and 2 * 3 * 4", "snake_case_name and 2 * 3 * 4"),
            (#"\*not\*"#, "*not*"), ("**open", "**open"), ("a ** b ** c", "a ** b ** c"),
            ("a || b || c", "a || b || c"),
            ("[w](https://a.b/c_d_e?x=1&y=\"2\")", #"<a href="https://a.b/c_d_e?x=1&amp;y=&quot;2&quot;">w</a>"#),
            ("[w](<https://a.b> \"t\")", #"<a href="https://a.b">w</a>"#),
            ("[**b** c](http://a.b/(x))", #"<a href="http://a.b/(x)"><b>b</b> c</a>"#),
            ("![alt](https://a.b/c.png)", #"<a href="https://a.b/c.png">alt</a>"#),
            ("[w](javascript:alert(1))", "[w](javascript:alert(1))"), ("[w](/x)", "[w](/x)"), ("[w]", "[w]"),
            ("https://a.b/x_y_z **b**", "https://a.b/x_y_z <b>b</b>"), ("<https://a.b>", "https://a.b"),
            ("<u>&amp;</u>", "&lt;u&gt;&amp;amp;&lt;/u&gt;"),
            ("# Head *x*\ntext", "<b>Head <i>x</i></b>\ntext"), ("#no", "#no"),
            ("- a\n  * b\n+ c\n1. d", "• a\n  • b\n• c\n1. d"), ("- [ ] a\n- [x] b", "☐ a\n☑ b"),
            ("a\n\n---\n\nb", "a\n\n———\n\nb"),
            ("> q **b**\n> r\nx", "<blockquote>q <b>b</b>\nr</blockquote>\nx"),
            (">> a\n> `c`", "<blockquote>a\n<code>c</code></blockquote>"),
            ("```swift\nlet a = \"<\"\n```\nx", "<pre><code class=\"language-swift\">let a = \"&lt;\"</code></pre>\nx"),
            ("```\na\n**b**", "<pre>a\n**b**</pre>"), ("~~~ x\"y\na\n~~~", "<pre>a</pre>"),
            ("````\n```\n````", "<pre>```</pre>"), ("- x\n  ```\n  a\n   b\n  ```", "• x\n<pre>a\n b</pre>"),
            ("a\r\n**b**\r\n", "a\n<b>b</b>\n"),
            ("**über *ö* 👋🏽**", "<b>über <i>ö</i> 👋🏽</b>"),
        ]
    )
    func marks(_ markdown: String, _ expected: String) {
        #expect(html(markdown) == expected)
    }

    @Test("a table is a monospaced block with aligned columns")
    func table() {
        let text = html("before\n| Name | **N** |\n|:--|--:|\n| a\\|b | 1 |\n| long name | 22 | 3 |\nafter")
        #expect(text == "before\n<pre>Name      | N\n----------|---\na|b       | 1\nlong name | 22</pre>\nafter")
        #expect(html("a | b\nno table") == "a | b\nno table")
    }

    @Test("long texts are cut between lines or words, tags closed and opened again, no character cut")
    func pieces() {
        let rich = Markdown.parse("**" + (0..<100).map { "word\($0)" }.joined(separator: " ") + "**")
        let pieces = rich.pieces(64)
        #expect(pieces.allSatisfy { $0.count <= 64 && $0.count > 20 })
        #expect(pieces.map(rich.plain).joined(separator: " ") == rich.plain(0..<rich.count))
        for piece in pieces { #expect(rich.html(piece).hasPrefix("<b>") && rich.html(piece).hasSuffix("</b>")) }
        var family = RichText()
        family.append(String(repeating: "👨‍👩‍👧‍👦", count: 40))
        #expect(family.pieces(64).allSatisfy { family.plain($0).allSatisfy { $0 == "👨‍👩‍👧‍👦" } })
        #expect(Markdown.parse(" \n\t ").pieces(64).isEmpty)
        let lines = Markdown.parse(String(repeating: "a", count: 50) + "\n  " + String(repeating: "b", count: 50))
        #expect(
            lines.pieces(64).map(lines.plain) == [
                String(repeating: "a", count: 50), "  " + String(repeating: "b", count: 50),
            ]
        )
    }

    @Test("without markup links keep their address")
    func plain() {
        let rich = Markdown.parse("see **[the docs](https://a.b)** and [https://c.d](https://c.d)")
        #expect(rich.plain(0..<rich.count) == "see the docs (https://a.b) and https://c.d")
    }

    @Test("whatever comes in, tags that come out are known, closed and never cross")
    func fuzz() {
        var random = SplitMix(seed: 77)
        let parts = [
            "*", "**", "***", "_", "__", "~~", "||", "`", "``", "```", "```x\n", "\n", "\n> ", "[", "](", ")",
            "https://a.b",
            "<b>", "</b>", "&", "\\", "| ", "|-|-|\n", "\n- ", "\n# ", " ", "a", "wörd", "👩‍🚀", "\u{0}", "\u{202E}", "!",
            "<", ">",
        ]
        for _ in 0..<2_000 {
            let text = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                parts[Int.random(in: 0..<parts.count, using: &random)]
            }.joined()
            let rich = Markdown.parse(text)
            let limit = Int.random(in: 8...60, using: &random)
            for piece in rich.pieces(limit) {
                #expect(piece.count <= limit)
                let words = String(rich.plainUnits(piece).filter { $0 != "\u{0}" })
                #expect(TagCheck.words(rich.html(piece)) == words, "\(text.debugDescription)")
            }
        }
    }
}

extension RichText {
    fileprivate func plainUnits(_ range: Range<Int>) -> String.UnicodeScalarView {
        String(decoding: units[range], as: UTF16.self).unicodeScalars
    }
}

/// Reads Telegram's HTML strictly.
private enum TagCheck {
    /// The words without tags; nil when a tag is unknown, crosses another or stays open.
    static func words(_ html: String) -> String? {
        var open: [String] = []
        var words = String.UnicodeScalarView()
        var rest = Substring(html).unicodeScalars
        while let scalar = rest.first {
            if scalar == "<" {
                guard let end = rest.firstIndex(of: ">") else { return nil }
                var tag = String(rest[..<end].dropFirst())
                rest = rest[rest.index(after: end)...]
                if tag.hasPrefix("/") {
                    guard open.popLast() == String(tag.dropFirst()) else { return nil }
                } else {
                    if let space = tag.firstIndex(of: " ") { tag = String(tag[..<space]) }
                    guard ["b", "i", "s", "a", "code", "pre", "tg-spoiler", "blockquote"].contains(tag) else {
                        return nil
                    }
                    // Code holds nothing, and nothing stands twice in itself.
                    guard !open.contains(tag), !open.contains("code"), open.last != "pre" || tag == "code" else {
                        return nil
                    }
                    open.append(tag)
                }
                continue
            }
            if scalar == "&" {
                guard let end = rest.firstIndex(of: ";") else { return nil }
                switch String(rest[..<end].dropFirst()) {
                case "amp": words.append("&")
                case "lt": words.append("<")
                case "gt": words.append(">")
                case "quot": words.append("\"")
                default: return nil
                }
                rest = rest[rest.index(after: end)...]
                continue
            }
            if scalar == ">" { return nil }
            words.append(scalar)
            rest = rest.dropFirst()
        }
        return open.isEmpty ? String(words) : nil
    }
}
