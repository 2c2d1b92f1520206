import Runtime
import Testing

@Suite struct JSONTests {
    private static let document = """
        {"a":[1,-7,2.50,1e3,18446744073709551616],"b":{"c":null,"d":true,"e":false},"f":"\\"\\\\\\n\\u00e9 \\ud83d\\ude00","f2":""}
        """

    @Test("members keep their order and numbers their digits")
    func roundTrip() throws {
        let value = try JSON(parsing: Self.document.utf8)
        #expect(value["a"]?.array?[2] == .number("2.50"))
        #expect(value["f"]?.string == "\"\\\né 😀")
        let again = String(decoding: value.encoded(), as: UTF8.self)
        #expect(again.hasPrefix(#"{"a":[1,-7,2.50,1e3,18446744073709551616],"b":{"c":null,"#))
        #expect(try JSON(parsing: value.encoded()) == value)
        #expect(try JSON(parsing: value.encodedForPeople()) == value)
    }

    @Test("a document that is cut at any byte is refused")
    func truncation() {
        let bytes = Array(Self.document.utf8)
        for length in bytes.indices {
            #expect(throws: JSONError.self, "cut at \(length)") { try JSON(parsing: bytes[..<length]) }
        }
    }

    @Test(
        "what is nearly JSON is refused",
        arguments: [
            "", "{", "nul", "01", "1.", "-", "1e", "\"\u{1}\"", "\"\\x\"", "\"\\u12g4\"", "[1,]", "{\"a\":1,}", "1 2",
            "'a'",
        ]
    )
    func refused(text: String) {
        #expect(throws: JSONError.self) { try JSON(parsing: text.utf8) }
    }

    @Test("bytes that are not UTF-8 are refused, a lone surrogate becomes the replacement character")
    func text() throws {
        #expect(throws: JSONError.self) { try JSON(parsing: [0x22, 0xFF, 0x22]) }
        #expect(try JSON(parsing: #""\ud83d!""#.utf8) == .string("\u{FFFD}!"))
        #expect(try JSON(parsing: #""\ud83d\u0041""#.utf8) == .string("\u{FFFD}A"))
        #expect(try JSON(parsing: #""\ude00""#.utf8) == .string("\u{FFFD}"))
    }

    @Test("nesting is read up to its bound and refused beyond")
    func depth() throws {
        let deep = String(repeating: "[", count: JSON.depthLimit) + String(repeating: "]", count: JSON.depthLimit)
        _ = try JSON(parsing: deep.utf8)
        #expect(throws: JSONError.self) { try JSON(parsing: ("[" + deep + "]").utf8) }
        #expect(throws: JSONError.self) { try JSON(parsing: String(repeating: "[", count: 1_000_000).utf8) }
    }

    @Test("numbers at and beyond the integers neither trap nor lose digits")
    func numbers() throws {
        #expect(try JSON(parsing: "9223372036854775807".utf8) == .integer(.max))
        #expect(try JSON(parsing: "9223372036854775808".utf8).integer == nil)
        #expect(try JSON(parsing: "1e999".utf8).integer == nil)
        #expect(try JSON(parsing: "-0".utf8).encoded() == Array("-0".utf8))
        #expect(try JSON(parsing: "12.9".utf8).integer == 12)
    }

    @Test("of a key that stands twice the last one counts; setting and removing keep the rest")
    func object() throws {
        var object = try #require(try JSON(parsing: #"{"a":1,"b":2,"a":3}"#.utf8).object)
        #expect(object["a"] == 3)
        object["b"] = nil
        object["c"] = "x"
        #expect(JSON.object(object).encoded() == Array(#"{"a":1,"a":3,"c":"x"}"#.utf8))
    }

    @Test("random bytes never trap, and what is read reads the same again")
    func fuzz() throws {
        var seed: UInt64 = 42
        func next() -> UInt64 {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return seed >> 33
        }
        let alphabet = Array("{}[]\",:0123456789.-+eE \\unltrfasb\u{e9}\u{1}".utf8)
        let original = Array(Self.document.utf8)
        var read = 0
        for _ in 0..<20_000 {
            var bytes = original
            for _ in 0...(next() % 3) { bytes[Int(next()) % bytes.count] = alphabet[Int(next()) % alphabet.count] }
            guard let value = try? JSON(parsing: bytes) else { continue }
            read += 1
            #expect(try JSON(parsing: value.encoded()) == value)
        }
        #expect(read > 100)
    }
}
