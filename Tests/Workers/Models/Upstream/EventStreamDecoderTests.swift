import TestSupport
import Testing

@testable import ModelUpstream

@Suite struct EventStreamDecoderTests {
    private static let stream =
        "\u{FEFF}: hello\r\nevent: a\r\ndata: {\"x\":\r\ndata:1}\r\n\r\nevent:b\ndata: ü\n\nid: 7\n\ndata\rretry: 5\r\rdata: last\n\n"
    private static let expected = [
        ServerEvent(name: "a", data: Array("{\"x\":\n1}".utf8)), ServerEvent(name: "b", data: Array("ü".utf8)),
        ServerEvent(data: []), ServerEvent(data: Array("last".utf8)),
    ]

    private static func decode(_ pieces: [some Collection<UInt8>]) throws -> [ServerEvent] {
        var decoder = EventStreamDecoder()
        return try pieces.flatMap { try decoder.decode($0) }
    }

    @Test("line ends of all kinds, comments, several data lines, a byte order mark, unknown fields")
    func whole() throws {
        #expect(try Self.decode([Array(Self.stream.utf8)]) == Self.expected)
    }

    @Test("a stream split in two at any byte, and byte by byte, gives the same events")
    func split() throws {
        let bytes = Array(Self.stream.utf8)
        for cut in bytes.indices {
            #expect(try Self.decode([bytes[..<cut], bytes[cut...]]) == Self.expected, "cut at \(cut)")
        }
        #expect(try Self.decode(bytes.map { [$0] }) == Self.expected)
    }

    @Test("random pieces give the same events")
    func pieces() throws {
        var generator = SplitMix(seed: 7)
        let bytes = Array(Self.stream.utf8)
        for _ in 0..<200 {
            var rest = bytes[...]
            var pieces: [ArraySlice<UInt8>] = []
            while !rest.isEmpty {
                let count = Int.random(in: 1...9, using: &generator)
                pieces.append(rest.prefix(count))
                rest = rest.dropFirst(count)
            }
            #expect(try Self.decode(pieces) == Self.expected)
        }
    }

    @Test("an event whose empty line did not come is no event")
    func truncated() throws {
        let bytes = Array("data: 1\n\ndata: 2\n\n".utf8)
        for length in bytes.indices {
            let events = try Self.decode([bytes[..<length]])
            #expect(events.count == (length < 9 ? 0 : 1), "cut at \(length)")
        }
    }

    @Test("at the end of a stream an event without its empty line counts, whatever of the line end is missing")
    func end() throws {
        for text in ["data: 2", "data: 2\n", "data: 2\r", "data: 2\r\n", "data: 2\n\n"] {
            var decoder = EventStreamDecoder()
            let events = try decoder.decode("data: 1\n\n\(text)".utf8) + [decoder.finish()].compactMap { $0 }
            #expect(events.map(\.data) == [Array("1".utf8), Array("2".utf8)], "\(text.debugDescription)")
        }
        var empty = EventStreamDecoder()
        #expect(try empty.finish() == nil)
    }

    @Test("a line and an event at their bounds are read, beyond them refused")
    func bounds() throws {
        var limits = EventStreamDecoder.Limits()
        (limits.line, limits.event) = (20, 30)
        var decoder = EventStreamDecoder(limits: limits)
        #expect(try decoder.decode("data: 12345678901234\n\n".utf8).first?.data.count == 14)
        #expect(throws: EventStreamDecoder.Failure.lineTooLong(20)) { try decoder.decode("data: 123456789012345".utf8) }
        var second = EventStreamDecoder(limits: limits)
        #expect(throws: EventStreamDecoder.Failure.eventTooLong(30)) {
            try second.decode("data: 12345678901234\ndata: 12345678901234\ndata: 1\n".utf8)
        }
    }

    @Test("random bytes never trap")
    func fuzz() {
        var generator = SplitMix(seed: 11)
        let alphabet = Array("data: event\r\n:\u{FEFF}{}\0".utf8)
        for _ in 0..<2000 {
            var limits = EventStreamDecoder.Limits()
            (limits.line, limits.event) = (64, 64)
            var decoder = EventStreamDecoder(limits: limits)
            let count = Int.random(in: 0...200, using: &generator)
            let bytes = (0..<count).compactMap { _ in alphabet.randomElement(using: &generator) }
            _ = try? decoder.decode(bytes)
            _ = try? decoder.finish()
        }
    }
}
