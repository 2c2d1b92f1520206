import Runtime
import TestSupport
import Testing

@testable import Telegram

@Suite("The scanner that cuts getUpdates answers")
struct UpdateScannerTests {
    static let answer = """
        {"ok": true, "note": [1, {"result": [], "x": "]}"}], "result": [
          {"update_id": 7, "message": {"text": "a \\" ] } \\\\", "n": [1,2,[{}]], "f": -1.5e+3, "t": true}},
          {"message": {"update_id": 99, "text": "\\u007d{["}, "update_id": 8},
          {"update_id":9}
        ], "more": null}
        """

    @Test("each update comes with its number and exactly its own bytes")
    func cuts() throws {
        let bytes = Array(Self.answer.utf8)
        let cuts = try UpdateScanner.updates(in: bytes)
        #expect(cuts.map(\.id) == [7, 8, 9])
        let texts = cuts.map { String(decoding: bytes[$0.bytes], as: UTF8.self) }
        #expect(texts[1] == #"{"message": {"update_id": 99, "text": "\u007d{["}, "update_id": 8}"#)
        #expect(texts[2] == #"{"update_id":9}"#)
    }

    @Test("an answer without updates has none")
    func empty() throws {
        #expect(try UpdateScanner.updates(in: Array(#"{"ok":true,"result":[]}"#.utf8)).isEmpty)
    }

    @Test("an answer cut at any byte is refused")
    func truncation() {
        let bytes = Array(Self.answer.utf8)
        for length in 0..<bytes.count {
            #expect(throws: UpdateScanner.Failure.self, "\(length)") {
                try UpdateScanner.updates(in: Array(bytes.prefix(length)))
            }
        }
    }

    @Test(
        "what is not such an answer is refused",
        arguments: [
            "", "null", "[]", "{}", #"{"ok":true}"#, #"{"ok":false,"description":"x"}"#, #"{"result":{}}"#,
            #"{"result":[1]}"#, #"{"result":[{}]}"#, #"{"result":[{"update_id":"7"}]}"#,
            #"{"result":[{"update_id":-7}]}"#, #"{"result":[{"update_id":7.5}]}"#,
            #"{"result":[{"update_id":9999999999999999}]}"#, #"{"result":[{"update_id":7,}]}"#,
            #"{"result":[{"update_id":7} {"update_id":8}]}"#, #"{"result":[{"update_id":7}],}"#,
            #"{"result":[{"update_id":7,"m":{]}}]}"#, #"{"result":[{"update_id":7}]} x"#, "<html>502</html>",
        ]
    )
    func refused(_ text: String) {
        #expect(throws: UpdateScanner.Failure.self) { try UpdateScanner.updates(in: Array(text.utf8)) }
    }

    @Test("nesting is followed however deep: an update that were refused here would come again for ever")
    func deep() throws {
        func nested(_ depth: Int) -> [UInt8] {
            let open = String(repeating: "[", count: depth)
            let close = String(repeating: "]", count: depth)
            return Array(#"{"ok":true,"result":[{"update_id":1,"x":\#(open)\#(close)},{"update_id":2}]}"#.utf8)
        }
        for depth in [1, 128, 129, 3000, 1_000_000] {
            #expect(try UpdateScanner.updates(in: nested(depth)).map(\.id) == [1, 2])
        }
    }

    @Test("damaged answers never trap, and cuts never overlap")
    func fuzz() {
        var random = SplitMix(seed: 20)
        let original = Array(Self.answer.utf8)
        let tokens = Array(#"{}[]",:\u0 9-te"#.utf8)
        for _ in 0..<20_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = tokens[Int.random(in: 0..<tokens.count, using: &random)]
                case 1: bytes.remove(at: index)
                default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
                }
            }
            guard let cuts = try? UpdateScanner.updates(in: bytes) else { continue }
            var end = 0
            for cut in cuts {
                #expect(cut.bytes.lowerBound >= end && bytes[cut.bytes.lowerBound] == UInt8(ascii: "{"))
                #expect(bytes[cut.bytes.upperBound - 1] == UInt8(ascii: "}"))
                end = cut.bytes.upperBound
            }
        }
    }

    @Test("the first update of an answer that was cut off still tells its number")
    func firstID() {
        let start = Array(#"{"ok":true,"result":[{"update_id":41,"message":{"text":"aaaa"#.utf8)
        #expect(UpdateScanner.firstID(in: start) == 41)
        #expect(UpdateScanner.firstID(in: Array(#"{"ok":true,"result":[{"message":{"te"#.utf8)) == nil)
        #expect(UpdateScanner.firstID(in: Array(#"{"ok":true,"result":[{"update_id":4"#.utf8)) == nil)
    }
}
