import Runtime
import TestSupport
import Testing

@testable import Discord

@Suite("Cutting events without parsing them")
struct RawJSONTests {
    private let frame = Array(
        #"{"t":"MESSAGE_CREATE","s":12,"op":0,"d":{"id":"99","author":{"id":"5","x":[1,{"id":"7"}]},"content":"a \"} ,{ b"}}"#
            .utf8
    )

    @Test(
        "kind, number and data are found wherever they stand; inner members of the same name are not taken for outer ones"
    )
    func members() throws {
        let payload = try GatewayPayload(frame)
        #expect(payload.op == 0 && payload.seq == 12 && payload.type == "MESSAGE_CREATE")
        let data = try #require(payload.data)
        let members = try data.members(["id", "author", "content"])
        #expect(members["id"]?.id == "99")
        #expect(try members["author"]?.members(["id"])["id"]?.id == "5")
        #expect(members["content"]?.text() == "a \"} ,{ b")
    }

    @Test("cut at every byte it is an error or less, never a trap")
    func truncation() {
        for count in 0..<frame.count {
            let cut = Array(frame[..<count])
            if let payload = try? GatewayPayload(cut) { _ = try? payload.data?.members(["id", "author"]) }
        }
        #expect(throws: RawJSON.Failure.self) { try GatewayPayload(Array(frame.dropLast())) }
    }

    @Test("noise never traps, and nesting has a bound")
    func noise() {
        var generator = SplitMix(seed: 17)
        let signs = Array(#"{}[]":,\ue1-0."#.utf8) + [0x00, 0xFF]
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                signs.randomElement(using: &generator) ?? 0
            }
            _ = try? RawJSON(bytes).members(["e"])
            _ = try? RawJSON(bytes).elements(limit: 5)
            _ = try? GatewayPayload(bytes)
        }
        let deep = Array(#"{"a":"#.utf8) + [UInt8](repeating: 0x5B, count: 100_000)
        #expect(throws: RawJSON.Failure.self) { try RawJSON(deep).members(["b"]) }
    }

    @Test("elements are cut to the bound")
    func elements() throws {
        let list = RawJSON(Array("[1, {\"a\":[2]} ,\"x\",4]".utf8))
        #expect(try list.elements(limit: 10).count == 4)
        #expect(try list.elements(limit: 2).map { String(decoding: $0.slice, as: UTF8.self) } == ["1", "{\"a\":[2]}"])
    }
}
