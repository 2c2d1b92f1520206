import Config
import TestSupport
import Testing

@testable import Gateway

@Suite("chunker")
struct ChunkerTests {
    @Test("a text that fits is one chunk, unchanged")
    func fits() {
        #expect(Chunker(limit: 4000).chunks(of: "hello\n\n  world") == ["hello\n\n  world"])
    }

    @Test("nothing to say is no chunk", arguments: ["", " ", "\n\n\t"])
    func empty(text: String) {
        #expect(Chunker(limit: 4000).chunks(of: text).isEmpty)
    }

    @Test("a cut is at a paragraph, else at a line, else at a word, else where it is full")
    func breaks() {
        let half = String(repeating: "a", count: 60)
        let more = String(repeating: "b", count: 60)
        let chunker = Chunker(limit: 100)
        for separator in ["\n\n", "\n", " "] { #expect(chunker.chunks(of: half + separator + more) == [half, more]) }
        let word = String(repeating: "w", count: 96)
        #expect(chunker.chunks(of: word + "rest") == [word, "rest"])
        let mixed = half + "\n\nshort line\nword " + more
        #expect(chunker.chunks(of: mixed).first == half)
    }

    @Test("a very long list of very short lines does not take ever longer", .timeLimit(.minutes(1)))
    func longList() {
        let lines = (0..<100_000).map { String($0 % 10) }
        let chunks = Chunker(limit: 2000, maxLines: 17).chunks(of: lines.joined(separator: "\n"))
        #expect(chunks.flatMap { $0.split(separator: "\n") }.elementsEqual(lines.map { Substring($0) }))
        #expect(chunks.allSatisfy { $0.split(separator: "\n").count <= 17 })
    }

    @Test("sizes count UTF-16 units, and no grapheme is split")
    func graphemes() {
        let family = "👨‍👩‍👧‍👦"
        let chunks = Chunker(limit: 100).chunks(of: String(repeating: family, count: 20))
        #expect(chunks.joined() == String(repeating: family, count: 20))
        for chunk in chunks {
            #expect(chunk.utf16.count <= 100)
            #expect(chunk.allSatisfy { String($0) == family })
        }
    }

    @Test("a grapheme longer than a chunk is cut between scalars rather than looping or trapping")
    func monster() {
        let zalgo = "a" + String(repeating: "\u{0301}", count: 500)
        let chunks = Chunker(limit: 100).chunks(of: zalgo)
        #expect(chunks.allSatisfy { $0.utf16.count <= 100 && !$0.isEmpty })
        #expect(chunks.reduce(0) { $0 + $1.unicodeScalars.count } == 501)
    }

    @Test("a code fence that a cut leaves open is closed and opened again with its language")
    func fences() {
        let lines = (1...40).map { "let value\($0) = \($0)" }
        let text = "Look:\n```swift\n" + lines.joined(separator: "\n") + "\n```\nDone."
        let chunks = Chunker(limit: 200).chunks(of: text)
        #expect(chunks.count > 3)
        for chunk in chunks {
            #expect(chunk.utf16.count <= 200)
            #expect(chunk.components("```") % 2 == 0, "open fence in \(chunk)")
        }
        for chunk in chunks.dropFirst().dropLast() { #expect(chunk.hasPrefix("```swift\n")) }
        let kept = chunks.flatMap { $0.split(separator: "\n") }.filter { $0.hasPrefix("let ") }
        #expect(kept.map(String.init) == lines)
    }

    @Test("seeded texts: no chunk too long, none empty, no fence open, no visible character lost")
    func fuzz() {
        var random = SplitMix(seed: 42)
        let plain = ["word ", "\n", "\n\n", "é", "👩🏽‍🚀", "\t", "x", String(repeating: "long", count: 40), "~"]
        for round in 1...300 {
            // Every other text has fences, on lines of their own or anywhere.
            let pieces =
                plain + (round % 3 == 0 ? [] : round % 3 == 1 ? ["\n```\n", "\n```js\n"] : ["```", "``", "```\n"])
            let count = Int.random(in: 0...120, using: &random)
            let text = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            let limit = Int.random(in: 100...400, using: &random)
            let chunks = Chunker(limit: limit).chunks(of: text)
            #expect(chunks.allSatisfy { $0.utf16.count <= limit && !$0.isEmpty })
            guard round % 3 != 2 else { continue }
            let isKept = visible(chunks.joined(separator: "\n")) == visible(text)
            #expect(isKept, "round \(round)")
        }
    }

    /// What is left without white space and lines that open or close a fence.
    private func visible(_ text: String) -> String {
        text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("```") }.joined().filter { !$0.isWhitespace }
    }
}

extension String {
    /// How often `part` stands in it.
    fileprivate func components(_ part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}

@Suite("lines and paragraphs")
struct ChunkerLineTests {
    @Test("no chunk has more lines than its network shows well, and nothing is lost")
    func lines() {
        let text = (1...50).map { "line \($0)" }.joined(separator: "\n")
        let chunks = Chunker(limit: 2000, maxLines: 17).chunks(of: text)
        #expect(chunks.count > 2)
        for chunk in chunks { #expect(chunk.split(separator: "\n", omittingEmptySubsequences: false).count <= 17) }
        #expect(chunks.joined(separator: "\n") == text)
        #expect(
            Chunker(limit: 2000, maxLines: 17).chunks(of: (1...17).map(String.init).joined(separator: "\n")).count == 1
        )
    }

    @Test("a code fence that the lines cut is closed and opened again, and still keeps the bound")
    func fences() {
        let text = "```swift\n" + (1...60).map { "let x\($0) = \($0)" }.joined(separator: "\n") + "\n```"
        for chunk in Chunker(limit: 2000, maxLines: 17).chunks(of: text) {
            #expect(chunk.hasPrefix("```swift\n") && chunk.hasSuffix("\n```"))
            #expect(chunk.split(separator: "\n", omittingEmptySubsequences: false).count <= 17)
        }
    }

    @Test("by paragraphs every blank line begins a message, except inside code")
    func paragraphs() {
        let chunker = Chunker(limit: 2000, isByParagraph: true)
        #expect(chunker.chunks(of: "a\nb\n\n\nc\n\n```\nx\n\ny\n```\n\n") == ["a\nb", "c", "```\nx\n\ny\n```"])
    }

    @Test(
        "an account's limit never exceeds what its network takes",
        arguments: [("discord", 2000), ("telegram", 4096)]
    )
    func most(network: String, limit: Int) {
        var access = ChannelAccess(channel: network, account: "default")
        access.textChunkLimit = 100_000
        #expect(Chunker(access, network: network).limit == limit)
    }
}
