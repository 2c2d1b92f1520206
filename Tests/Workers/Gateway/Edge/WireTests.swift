import TestSupport
internal import Testing

@testable internal import Gateway

@Suite("JSON on the wire")
struct WireTests {
    private func parse(_ text: String) throws -> WireValue { try WireParser.parse(Array(text.utf8)) }

    @Test("numbers keep their kind, and whole ones are never written with a fraction")
    func numbers() throws {
        #expect(try parse("9223372036854775807") == .integer(.max))
        #expect(try parse("-0.5") == .double(-0.5))
        #expect(try parse("9223372036854775808") == .double(9_223_372_036_854_775_808))
        #expect(try parse("1e3").encoded() == Array("1000".utf8))
        #expect(WireValue.double(2).encoded() == Array("2".utf8))
        #expect(WireValue.double(.nan).encoded() == Array("0".utf8))
        #expect(WireValue.number(UInt64.max).encoded() == Array("9223372036854775807".utf8))
        #expect(try parse("1.0").whole == 1)
        #expect(try parse("1.5").whole == nil)
        #expect(try parse("1e300").whole == nil)
    }

    @Test(
        "what is no JSON is refused",
        arguments: [
            "", " ", "01", "-", "1.", ".5", "+1", "1e", "1e999", "tru", "nul", "[1,]", "[1", "{\"a\"}", "{\"a\":1,}",
            "{a:1}",
            "\"\\x\"", "\"\\u12g4\"", "\"\n\"", "\"abc", "1 2", "[1]]", "\u{FEFF}1", "NaN", "'a'",
        ]
    )
    func malformed(text: String) {
        #expect(throws: WireParser.Failure.self) { try parse(text) }
    }

    @Test("strings: escapes, pairs of surrogates, halves of pairs, invalid UTF-8")
    func strings() throws {
        #expect(try parse(#""\u0041\n\/\ud83e\udd9e""#) == "A\n/🦞")
        #expect(try parse(#""\ud83e""#) == "\u{FFFD}")
        #expect(try parse(#""\ud83ex\u0041""#) == "\u{FFFD}xA")
        #expect(try parse(#""\ud83e\u0041""#) == "\u{FFFD}A")
        #expect(try parse(#""\udd9e""#) == "\u{FFFD}")
        #expect(throws: WireParser.Failure.self) { try WireParser.parse([0x22, 0xC3, 0x28, 0x22]) }
        #expect(
            WireValue.string("\u{1}\"\\\u{1F}\u{7F}").encoded() == Array(#""\u0001\"\\\u001f"#.utf8) + [0x7F, 0x22]
        )
    }

    @Test("absent members are left out, and of equal names the last counts")
    func members() throws {
        let value: WireValue = ["a": 1, "b": nil, "c": .nonEmpty("")]
        #expect(value.encoded() == Array(#"{"a":1}"#.utf8))
        #expect(try parse(#"{"a":1,"a":2}"#)["a"] == 2)
    }

    @Test("nesting and the number of values are bounded")
    func bounds() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(throws: Never.self) { try parse(nested(WireParser.deepest + 1)) }
        #expect(throws: WireParser.Failure.tooDeep) { try parse(nested(WireParser.deepest + 2)) }
        let most = "[" + String(repeating: "1,", count: WireParser.mostValues - 2) + "1]"
        #expect(throws: Never.self) { try parse(most) }
        #expect(throws: WireParser.Failure.tooManyValues) { try parse("[1," + most.dropFirst()) }
    }

    @Test("a document cut anywhere is refused, whole it comes out as it went in")
    func truncation() throws {
        let text = #"{"type":"req","id":"1é","params":{"a":[1,-2.5,true,false,null,"\n\"🦞"],"b":{}}}"#
        let bytes = Array(text.utf8)
        #expect(try WireParser.parse(bytes).encoded() == bytes)
        for length in bytes.indices {
            #expect(throws: WireParser.Failure.self) { try WireParser.parse(Array(bytes.prefix(length))) }
        }
    }

    @Test("random damage is refused or read, never more")
    func fuzz() throws {
        var random = SplitMix(seed: 7)
        let seed = Array(#"{"id":"a","n":[1,2e3,{"x":"\ud83e\udd9e"}],"t":true}"#.utf8)
        var taken = 0
        for _ in 0..<20_000 {
            var bytes = seed
            for _ in 0...Int(random.next() % 4) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            guard let value = try? WireParser.parse(bytes) else { continue }
            taken += 1
            // 2e3 comes back as 2000: the text is compared, not the kind of number.
            #expect(try WireParser.parse(value.encoded()).encoded() == value.encoded())
        }
        #expect(taken > 100)
    }

    @Test("a request frame is a closed object with three texts, and complaints name the place")
    func requestFrame() throws {
        func invalid(_ text: String) -> RequestFrame.Invalid? {
            do {
                _ = try RequestFrame(try parse(text))
                return nil
            } catch {
                return error as? RequestFrame.Invalid
            }
        }
        #expect(try RequestFrame(parse(#"{"type":"req","id":"1","method":"m"}"#)).params == .object([]))
        #expect(invalid(#"{"type":"req","id":"1"}"#)?.detail == "must have required property 'method'")
        #expect(invalid(#"{"type":"req","id":"1"}"#)?.id == "1")
        #expect(invalid(#"{"type":"res","id":"1","method":"m"}"#)?.detail == "at /type: must be equal to constant")
        #expect(
            invalid(#"{"type":"req","id":1,"method":""}"#)?.detail
                == "at /id: must be string; at /method: must NOT have fewer than 1 characters"
        )
        #expect(invalid("[]")?.detail == "must be object")
    }
}
