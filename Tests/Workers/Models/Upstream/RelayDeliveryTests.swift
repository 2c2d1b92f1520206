import Failover
import IPCHub
import NIOCore
import Runtime
import SwiftProtobuf
import TestSupport
import Testing

@testable import ModelUpstream

@Suite("What of a stream goes on")
struct RelayDeliveryTests {
    /// Counts what it reads; `begin` begins the answer, `end` ends it.
    private struct Reader: AnswerReader {
        var draft = AnswerDraft(Self.call)
        static let call: ModelCall = ModelCall(request: HubModelRequest(), messages: [])

        mutating func take(_ event: ServerEvent) throws(CallFailure) -> [HubModelEvent] {
            let text = String(decoding: event.data, as: UTF8.self)
            if text.contains("begin") { _ = draft.text("x") }
            if text.contains("finish_reason") { draft.isFinished = true }
            return []
        }
    }

    private static let words = (0..<40).map { "data: {\"delta\":\"word \($0)\"}\($0 % 3 == 0 ? "\r\n\r" : "\n")\n" }
    private static let stream =
        ": hi\n\ndata: begin\n\n" + words.joined() + "data: {\"finish_reason\":\"stop\"}\n\ndata: [DONE]\n\n"

    private static func delivered(_ pieces: [ArraySlice<UInt8>]) -> (
        String, firsts: Int, isFinished: Bool, CallFailure?
    ) {
        var delivery = RelayDelivery(reader: Reader(), format: .chat, hidesCounts: false)
        var (bytes, firsts, failure) = (ByteBuffer(), 0, CallFailure?.none)
        func note(_ passed: RelayDelivery.Passed) {
            if passed.isFirst {
                #expect(bytes.readableBytes == 0)
                firsts += 1
            }
            bytes.writeImmutableBuffer(passed.bytes)
            failure = failure ?? passed.failure
        }
        for piece in pieces { note(delivery.take(ByteBuffer(bytes: piece))) }
        note(delivery.conclude())
        return (String(buffer: bytes), firsts, delivery.draft.isFinished, failure)
    }

    @Test("however it is cut, the same bytes go on, its end is seen, and it begins once")
    func cuts() {
        let bytes = Array(Self.stream.utf8)
        var generator = SplitMix(seed: 5)
        for at in 0...bytes.count {
            let found = Self.delivered([bytes[..<at], bytes[at...]])
            #expect(found.0 == Self.stream && found.firsts == 1 && found.isFinished && found.3 == nil, "cut at \(at)")
        }
        for _ in 0..<200 {
            var (pieces, start) = ([ArraySlice<UInt8>](), 0)
            while start < bytes.count {
                let end = min(bytes.count, start + Int.random(in: 1...120, using: &generator))
                pieces.append(bytes[start..<end])
                start = end
            }
            let found = Self.delivered(pieces)
            #expect(found.0 == Self.stream && found.firsts == 1 && found.isFinished && found.3 == nil)
        }
    }

    @Test("an event that matters is seen among others of the same reading, also where an earlier one says null")
    func marks() {
        let null = "data: {\"finish_reason\":null}\n\n"
        let bytes = Array((null + null + "data: {\"finish_reason\":\"stop\"}\n\n").utf8)
        #expect(bytes.withUnsafeBytes { RelayMarks.dull($0, .chat) } == nil)
        let dull = Array((null + null + "data: half").utf8)
        #expect(dull.withUnsafeBytes { RelayMarks.dull($0, .chat) } == 2 * null.utf8.count)
        #expect([UInt8]().withUnsafeBytes { RelayMarks.dull($0, .chat) } == 0)
    }
}
