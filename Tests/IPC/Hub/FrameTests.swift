import FoundationEssentials
import IPCControl
import IPCHub
import NIOCore
import SwiftProtobuf
import Testing

@Suite("Frames")
struct FrameTests {
    private func bytes(_ messages: HubMessage...) throws -> [UInt8] {
        var buffer = ByteBuffer()
        for message in messages { try Frame.encode(message, into: &buffer) }
        return Array(buffer.readableBytesView)
    }

    private let inbound: HubMessage = .inbound(
        .with {
            $0.seq = 7
            $0.eventKey = "telegram:default:upd:9"
            $0.raw = Data("{}".utf8)
        }
    )

    @Test("of a chunk are the same whichever way they are made", arguments: [0, 1, 127, 128, 16_383, 16_384, 262_144])
    func chunk(_ count: Int) throws {
        let bytes = ByteBuffer(repeating: 0x61, count: count)
        var encoded = ByteBuffer()
        try Frame.encode(.mediaChunk(.with { $0.data = Data(repeating: 0x61, count: count) }), into: &encoded)
        var direct = ByteBuffer()
        Frame.encode(chunk: bytes, into: &direct)
        #expect(direct == encoded)
    }

    @Test("have the golden bytes of docs/ipc.md")
    func golden() throws {
        let ack = try bytes(.inboundAck(.with { $0.seq = 300 }))
        #expect(ack == [0x00, 0x00, 0x00, 0x04, 0x11, 0x08, 0xAC, 0x02])
        #expect(try bytes(.modelRequestEnd(HubModelRequestEnd())) == [0x00, 0x00, 0x00, 0x01, 0x33])
        let tunnel = HubMessage.tunnelStatus(
            .with {
                $0.state = .up
                $0.url = "https://a.app"
            }
        )
        #expect(Hex.encode(try bytes(tunnel)) == "00000012480801120d68747470733a2f2f612e617070")
        let call = HubMessage.callRecord(
            .with {
                $0.seq = 1
                $0.callID = "c"
                $0.record = Data("{}".utf8)
                $0.hasEnded_p = true
            }
        )
        #expect(Hex.encode(try bytes(call)) == "0000000c5008011201631a027b7d2001")
        #expect(Hex.encode(try bytes(.callAck(.with { $0.seq = 300 }))) == "000000045108ac02")
        #expect(Hex.encode(try bytes(.callsKnown(.with { $0.count = 2 }))) == "00000003520802")
    }

    @Test("prove who speaks with the token of docs/ipc.md")
    func hello() throws {
        let worker = try #require(WorkerID("channel:telegram:default"))
        let token = HubToken.make(key: Array(0..<32), worker: worker, incarnation: 3)
        #expect(Hex.encode(token) == "5a0763358f967c11a7864d8223b69918c86ca5aa950866ee7cb5ffcde94e0476")
        #expect(HubToken.isValid(token, key: Array(0..<32), worker: worker, incarnation: 3))
        #expect(!HubToken.isValid(token, key: Array(0..<32), worker: worker, incarnation: 4))
        #expect(!HubToken.isValid(Array(token.dropLast()), key: Array(0..<32), worker: worker, incarnation: 3))
        let hello = HubMessage.hello(
            .with {
                $0.worker = worker.rawValue
                $0.incarnation = 3
                $0.token = Data(token)
                $0.build = "b"
            }
        )
        #expect(
            Hex.encode(try bytes(hello))
                == "00000042010a186368616e6e656c3a74656c656772616d3a64656661756c7410031a205a07"
                + "63358f967c11a7864d8223b69918c86ca5aa950866ee7cb5ffcde94e0476220162"
                + ""
        )
    }

    @Test("come back as they went, and cut at every byte wait for the rest")
    func roundTrip() throws {
        let done = HubMessage.done(
            .with {
                $0.turnID = "t1"
                $0.status = .error
                $0.text = "ü"
            }
        )
        let call = HubMessage.callRecord(
            .with {
                $0.callID = "c1"
                $0.record = Data("{\"a\":1}".utf8)
            }
        )
        let refused = HubMessage.callAck(.with { $0.error = "full" })
        let known = HubMessage.callsKnown(HubCallsKnown())
        let stream = try bytes(inbound, done, call, refused, known)
        for cut in 0..<stream.count {
            var buffer = ByteBuffer(bytes: stream[..<cut])
            var seen: [HubMessage] = []
            while let message = try Frame.decode(from: &buffer) { seen.append(message) }
            buffer.writeBytes(stream[cut...])
            while let message = try Frame.decode(from: &buffer) { seen.append(message) }
            #expect(seen == [inbound, done, call, refused, known])
        }
    }

    @Test("that are too long are refused, out and in, before they are buffered")
    func bound() throws {
        let long = HubMessage.normalize(.with { $0.raw = Data(repeating: 1, count: Frame.lengthLimit) })
        #expect(throws: FrameError.self) { try bytes(long) }
        var announced = ByteBuffer(bytes: [0x00, 0x10, 0x00, 0x01, 0x11])
        #expect(throws: FrameError.tooLong(Frame.lengthLimit + 1)) { try Frame.decode(from: &announced) }
    }

    @Test(
        "that make no sense are refused",
        arguments: [
            ([0, 0, 0, 0], FrameError.empty), ([0, 0, 0, 1, 99], .unknownType(99)),
            ([0, 0, 0, 2, 17, 0xFF], .malformed(17)), ([0, 0, 0, 3, 16, 0x12, 0x05], .malformed(16)),
        ] as [([UInt8], FrameError)]
    )
    func malformed(bytes: [UInt8], error: FrameError) {
        var buffer = ByteBuffer(bytes: bytes)
        #expect(throws: error) { try Frame.decode(from: &buffer) }
    }

    @Test("made of random bytes never trap")
    func fuzz() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let length = Int.random(in: 0..<64, using: &random)
            var buffer = ByteBuffer(bytes: [0, 0, 0, UInt8(length)])
            buffer.writeInteger([1, 16, 20, 32, 38, 52, 72, 73, 80, 81, 82].randomElement(using: &random) ?? UInt8(1))
            for _ in 0..<length { buffer.writeInteger(UInt8.random(in: .min ... .max, using: &random)) }
            _ = try? Frame.decode(from: &buffer)
        }
    }
}
