import Config
import TestSupport
import Testing

func parsed(_ text: String) throws -> ConfigValue { try JSON5Parser.parse([UInt8](text.utf8)) }

@Suite("JSON5")
struct JSON5ParserTests {
    @Test("everything that JSON5 adds to JSON is read")
    func features() throws {
        let value = try parsed(
            #"""
            // one
            {
              unquoted: 'single "quotes"', /* two */ "double": "it's",
              $we_ird\u00e9: .5, trailing: 5., plus: +1, hex: 0xDECAF, negative: -0x10, exp: 1.e3,
              inf: -Infinity, nan: NaN, big: 123456789012345678901234567890,
              continued: 'a\
            b', escapes: '\x41\v\0\q',
            }
            """#
        )
        #expect(value["unquoted"]?.string == "single \"quotes\"")
        #expect(value["double"]?.string == "it's")
        #expect(value["$we_irdé"]?.number == 0.5)
        #expect(value["trailing"]?.integer == 5)
        #expect(value["plus"]?.integer == 1)
        #expect(value["hex"]?.integer == 0xDECAF)
        #expect(value["negative"]?.integer == -16)
        #expect(value["exp"]?.integer == 1000)
        #expect(value["inf"]?.number == -.infinity)
        #expect(value["nan"]?.number?.isNaN == true)
        #expect(value["big"]?.identifier == "123456789012345678901234567890")
        #expect(value["big"]?.integer == nil)
        #expect(value["continued"]?.string == "ab")
        #expect(value["escapes"]?.string == "A\u{B}\0q")
    }

    @Test("of two members with one key the last counts")
    func duplicates() throws {
        let value = try parsed("{a: 1, b: 2, a: 3}")
        #expect(value["a"]?.integer == 3)
        #expect(value.object?.members.count == 2)
    }

    @Test("a surrogate pair is one character, half of one is U+FFFD")
    func surrogates() throws {
        #expect(try parsed(#"'\uD83E\uDD9E'"#).string == "🦞")
        #expect(try parsed(#"'\uD83Ex'"#).string == "\u{FFFD}x")
        #expect(try parsed(#"'\uD83E\u0041'"#).string == "\u{FFFD}A")
        #expect(try parsed(#"'\uDD9E'"#).string == "\u{FFFD}")
    }

    @Test("values know where they stand, also behind comments, CRLF and multi-byte text")
    func positions() throws {
        let value = try parsed("{\r\n  /* é\n */ key: ['ü', 7],\n\tother: {}}")
        #expect(value["key"]?.position == ConfigPosition(line: 3, column: 10))
        #expect(value["key"]?.array?[1].position == ConfigPosition(line: 3, column: 16))
        #expect(value.object?.member("other")?.position == ConfigPosition(line: 4, column: 2))
    }

    @Test(
        "an error says where and what",
        arguments: [
            ("", 1, 1, "the file ends where a value is expected"),
            ("{\n  a: 1\n  b: 2\n}", 3, 3, "a comma or \"}\" is expected here, not \"b\""),
            ("{\n  a: [1, 2\n", 3, 1, "the file ends before the \"[\" of line 2 is closed"),
            ("{a: 'x\n'}", 1, 5, "this string does not end on its line"),
            ("{a 1}", 1, 4, "a colon after the key \"a\" is expected here, not \"1\""),
            ("{,}", 1, 2, "a key is expected here: a name, or text in quotes"),
            ("[1,,2]", 1, 4, "a value is expected here, not \",\""),
            ("/* x", 1, 1, "this comment does not end"),
            ("tru", 1, 1, "a value is expected here"),
            ("01", 1, 1, "this is not a number"),
            ("1e", 1, 1, "this is not a number"),
            ("+-1", 1, 1, "this is not a number"),
            ("0x", 1, 1, "this is not a number"),
            ("'\\8'", 1, 2, "\\8 is no escape of JSON5"),
            ("'\\08'", 1, 2, "\\0 is no escape of JSON5"),
            ("'\\xZZ'", 1, 2, "this escape needs 2 hexadecimal digits"),
            ("{} x", 1, 4, "the end of the file is expected here, not \"x\""),
        ]
    )
    func errors(text: String, line: Int32, column: Int32, reason: String) {
        #expect(throws: JSON5Error(at: ConfigPosition(line: line, column: column), reason)) { try parsed(text) }
    }

    @Test("bytes that are not UTF-8 are an error where they stand, in strings, names and comments")
    func encoding() {
        for bad: [UInt8] in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82]] {
            for (before, after) in [("'", "'"), ("{", ":1}"), ("/*", "*/ 1")] {
                let bytes = [UInt8](before.utf8) + bad + [UInt8](after.utf8)
                let error = #expect(throws: JSON5Error.self) { try JSON5Parser.parse(bytes) }
                #expect(error?.position == ConfigPosition(line: 1, column: Int32(before.utf8.count) + 1))
            }
        }
    }

    @Test("size, depth and number of values are bounded, and the bound itself is allowed")
    func bounds() throws {
        var limits = JSON5Limits()
        let nested = { (depth: Int) in [UInt8](repeating: 0x5B, count: depth) + [UInt8](repeating: 0x5D, count: depth) }
        _ = try JSON5Parser.parse(nested(limits.depth))
        #expect(throws: JSON5Error(at: ConfigPosition(line: 1, column: 65), "nested more than 64 deep")) {
            try JSON5Parser.parse(nested(limits.depth + 1))
        }
        #expect(throws: JSON5Error.self) { try JSON5Parser.parse(nested(1_000_000)) }
        limits.values = 3
        _ = try JSON5Parser.parse([UInt8]("[1,2]".utf8), limits: limits)
        #expect(throws: JSON5Error(at: ConfigPosition(line: 1, column: 6), "more than 3 values")) {
            try JSON5Parser.parse([UInt8]("[1,2,3]".utf8), limits: limits)
        }
        let spaces = [UInt8](repeating: 0x20, count: JSON5Limits().size)
        #expect(try JSON5Parser.parse([0x31] + spaces.dropFirst()).integer == 1)
        let error = #expect(throws: JSON5Error.self) { try JSON5Parser.parse([0x31] + spaces) }
        #expect(error?.reason.contains("more than the 4194304") == true)
        #expect(throws: JSON5Error.self) { try parsed(String(repeating: "1", count: 401)) }
    }

    @Test("cut off at every byte, it is an error or a value, never a trap")
    func truncation() throws {
        let text = [UInt8](
            #"{a: [1, -0x1f, .5e-3, 'x\u00e9\u{1}', "é\uD83E\uDD9E"], /*c*/ 'b' : {c: null, d: true}} // e"#.utf8
        )
        for length in 0..<text.count {
            _ = try? JSON5Parser.parse(Array(text[..<length]))
        }
        let complete = [UInt8](#"{a: [1, -0x1f, .5e-3, 'x\u00e9', "é\uD83E\uDD9E"], 'b' : {c: null, d: true}}"#.utf8)
        _ = try JSON5Parser.parse(complete)
        for length in 0..<complete.count {
            #expect(throws: JSON5Error.self) { try JSON5Parser.parse(Array(complete[..<length])) }
        }
    }

    @Test("random bytes and random changes of a good file never trap")
    func fuzz() {
        var random = SplitMix(seed: 20_261_122)
        let good = [UInt8](
            #"{gateway: {mode: 'local', port: 0x1F90,}, list: [1e3, "\u00e9", +.5], /*x*/ a: Infinity}"#.utf8
        )
        let alphabet = [UInt8]("{}[]:,'\"\\/*u0x1e.+-IN\n\r é\u{2028}".utf8) + [0xFF, 0xE2, 0x80, 0x00]
        for _ in 0..<20_000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                let byte = alphabet.randomElement(using: &random) ?? 0
                if Bool.random(using: &random) { bytes[at] = byte } else { bytes.insert(byte, at: at) }
            }
            guard let value = try? JSON5Parser.parse(bytes) else { continue }
            let written = JSONWriter.text(value)
            #expect(throws: Never.self) { try parsed(written) }
        }
    }

    @Test("what the writer makes is read back as the same value, and reads like OpenClaw's files")
    func roundTrip() throws {
        let value = try parsed(
            #"{a: [], b: {}, c: [1, -2.5, 1e21, 18446744073709551616, true, null], "ü\n\u2028": {d: "\"\\\u0001"}}"#
        )
        let text = JSONWriter.text(value)
        #expect(JSONWriter.text(try parsed(text)) == text)
        #expect(
            text.hasPrefix(
                "{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    -2.5,\n    1e+21,\n    18446744073709551616,"
            )
        )
        #expect(text.hasSuffix("\"d\": \"\\\"\\\\\\u0001\"\n  }\n}\n"))
        #expect(JSONWriter.text(try parsed("{a: [1, NaN]}"), pretty: false) == #"{"a":[1,null]}"#)
    }
}
