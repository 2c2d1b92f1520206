import Runtime
import Testing

@testable import ModelUpstream

@Suite("The body of a relayed request")
struct RelayBodyTests {
    private static func made(_ text: String, asksForUsage: Bool = false) -> String? {
        RelayBody(Array(text.utf8)).map { body in
            String(
                decoding: body.pieces(model: "a\"b", asksForUsage: asksForUsage).flatMap { Array($0) },
                as: UTF8.self
            )
        }
    }

    @Test("only the outermost model is replaced; everything else stays byte for byte")
    func model() {
        #expect(
            Self.made(#" {"x": {"model":"in"}, "model" : "old" ,"y":[1,"}"]} "#)
                == #" {"x": {"model":"in"}, "model" : "a\"b" ,"y":[1,"}"]} "#
        )
        #expect(Self.made(#"{"a":"\"model\":","model":null}"#) == #"{"a":"\"model\":","model":"a\"b"}"#)
        #expect(Self.made(#"{"a":1}"#) == #"{"model":"a\"b","a":1}"#)
        #expect(Self.made("{}") == #"{"model":"a\"b"}"#)
        #expect(Self.made("{}", asksForUsage: true) == #"{"model":"a\"b","stream_options":{"include_usage":true}}"#)
    }

    @Test("what is no whole JSON object is refused; cut at every byte it never traps")
    func refused() {
        let text = #"{"model":"old","messages":[{"role":"user","content":"a\\\"{[ü"}],"stream":true,"n":-1.5e3}"#
        #expect(RelayBody(Array(text.utf8))?.isStream == true)
        for length in 0..<text.utf8.count { #expect(RelayBody(Array(text.utf8.prefix(length))) == nil) }
        for other in ["[]", "1", "{} x", "{\"a\"}", "{\"a\":}", "{,}", "{\"a\":1,}", "{\"a\\", "{\"a\":\"\\"] {
            #expect(RelayBody(Array(other.utf8)) == nil, "\(other)")
        }
    }
}

@Suite("Whole events of a stream, as they are")
struct RawEventCutterTests {
    @Test("however a stream is cut, its events are the same and together are the stream")
    func cuts() throws {
        let text = "data: 1\n\n: c\r\n\r\nevent: x\ndata: 2\n\n\n\ndata: rest"
        let bytes = Array(text.utf8)
        func events(_ pieces: [ArraySlice<UInt8>]) throws -> [String] {
            var cutter = RawEventCutter()
            var events = try pieces.flatMap { try cutter.take($0) }
            events.append(cutter.finish())
            return events.map { String(decoding: $0, as: UTF8.self) }
        }
        let whole = try events([bytes[...]])
        #expect(whole == ["data: 1\n\n", ": c\r\n\r\n", "event: x\ndata: 2\n\n", "\n", "\n", "data: rest"])
        for cut in bytes.indices { #expect(try events([bytes[..<cut], bytes[cut...]]) == whole) }
        #expect(try events(bytes.indices.map { bytes[$0...$0] }) == whole)
    }

    @Test("an event without end is refused at its bound")
    func bound() {
        var cutter = RawEventCutter()
        let piece = Array(repeating: UInt8(ascii: "x"), count: 1 << 20)
        #expect(throws: EventStreamDecoder.Failure.self) { for _ in 0...4 { _ = try cutter.take(piece) } }
    }
}
