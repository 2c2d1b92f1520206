import IPCControl
import TestSupport
import Testing

@Suite("Blocks")
struct BlockTests {
    @Test("have the bytes that docs/ipc.md shows")
    func golden() throws {
        let block = Block("WORKER", ["ID": "channel:telegram:default", "TEXT": "50%\nof\r\0 it, ü"])
        let expected = "TYPE=WORKER\nID=channel:telegram:default\nTEXT=50%25%0Aof%0D%00 it, ü\n\n"
        #expect(try block.encoded() == Array(expected.utf8))
        #expect(
            try Block("READY").encoded() == [0x54, 0x59, 0x50, 0x45, 0x3D, 0x52, 0x45, 0x41, 0x44, 0x59, 0x0A, 0x0A]
        )
    }

    @Test("come back as they went, however the stream is cut")
    func roundTrip() throws {
        let blocks = [
            Block("START", ["ID": "gateway", "FDS": "http:4,hub:5"]), Block("GO"),
            Block("SECRET", ["NAME": "K", "VALUE": "a=b\n%41\u{0}"]), Block("CONFIG", ["DATA": ""]),
        ]
        let bytes = try blocks.flatMap { try $0.encoded() }
        for size in 1...bytes.count {
            var decoder = BlockDecoder()
            var seen: [Block] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                decoder.append(bytes[start..<min(start + size, bytes.count)])
                while let block = try decoder.next() { seen.append(block) }
            }
            #expect(seen == blocks, "in pieces of \(size)")
            #expect(!decoder.isMidBlock)
        }
    }

    @Test("that are cut off are not blocks")
    func truncation() throws {
        let bytes = try Block("EXIT", ["ID": "agent:main", "TEXT": "x"]).encoded()
        for length in 0..<bytes.count {
            var decoder = BlockDecoder()
            decoder.append(bytes[..<length])
            #expect(try decoder.next() == nil)
            #expect(decoder.isMidBlock == (length > 0))
        }
    }

    @Test(
        "that are malformed are refused",
        arguments: [
            ("\n", BlockError.missingType), ("A=1\n\n", .missingType), ("TYPE=X\nTYPE=Y\n\n", .duplicateKey),
            ("TYPE=X\nA=1\nA=2\n\n", .duplicateKey), ("TYPE=X\nnoequals\n\n", .malformedKey),
            ("TYPE=X\na=1\n\n", .malformedKey), ("TYPE=X\n1A=1\n\n", .malformedKey), ("TYPE=X\n=1\n\n", .malformedKey),
            ("TYPE=X\nA=%4\n\n", .malformedValue), ("TYPE=X\nA=%zz\n\n", .malformedValue),
            ("TYPE=X\nA=%FF\n\n", .malformedValue), ("TYPE=X\nA=\r\n\n", .malformedValue),
        ]
    )
    func malformed(text: String, error: BlockError) {
        var decoder = BlockDecoder()
        decoder.append(Array(text.utf8))
        #expect(throws: error) { try decoder.next() }
    }

    @Test("are bounded in line and block, on the way out and in")
    func bounds() throws {
        let longest = String(repeating: "x", count: Block.lineLimit - 2)
        var decoder = BlockDecoder()
        decoder.append(try Block("X", ["A": longest]).encoded())
        #expect(try decoder.next()?["A"] == longest)
        #expect(throws: BlockError.lineTooLong) { try Block("X", ["A": longest + "x"]).encoded() }
        #expect(throws: BlockError.blockTooLong) { try Block("X", ["A": longest, "B": longest]).encoded() }
        decoder.append(Array("TYPE=X\nA=\(longest)x\n".utf8))
        #expect(throws: BlockError.lineTooLong) { try decoder.next() }
        var endless = BlockDecoder()
        endless.append(Array("TYPE=X\n".utf8))
        #expect(throws: BlockError.blockTooLong) {
            for index in 0..<100_000 {
                endless.append(Array("K\(index)=\n".utf8))
                _ = try endless.next()
            }
        }
    }

    @Test("survive two hundred thousand random bytes without a trap")
    func fuzz() {
        var random = SplitMix(seed: 7)
        let alphabet = Array("TYPE=AB_%0\n\n\r=x\u{0}".utf8)
        for _ in 0..<2_000 {
            var decoder = BlockDecoder()
            decoder.append((0..<100).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] })
            while let block = try? decoder.next() { #expect((try? block.encoded()) != nil) }
        }
    }
}
