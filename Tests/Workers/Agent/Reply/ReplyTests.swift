import FoundationEssentials
import Glibc
import IPCHub
import Runtime
import SwiftProtobuf
import Synchronization
import Testing

@testable import Agent

@Suite("What goes out with an answer", .timeLimit(.minutes(1)))
struct ReplyTests {
    private static func files(_ directory: TemporaryDirectory) -> OutboundFiles {
        OutboundFiles(
            folder: MediaFolder(path: "\(directory.path)/media"),
            workspace: "\(directory.path)/home",
            owner: "agent:main"
        )
    }

    /// A directory with `home/a.png`, `secret.txt` beside it, and links between them.
    private static func place() throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        directory.makeDirectory("home")
        directory.write("home/a.png", FakeMedia.png(600_000))
        directory.write("home/v.ogg", Array("OggS voice".utf8))
        directory.write("home/empty", [])
        directory.write("secret.txt", Array("secret".utf8))
        symlink("\(directory.path)/secret.txt", "\(directory.path)/home/out")
        symlink("\(directory.path)/home/a.png", "\(directory.path)/home/in.png")
        return directory
    }

    @Test("a file of the workspace is copied under a random name and does not change any more")
    func copy() async throws {
        let directory = try Self.place()
        let media = try Self.files(directory).copy("./a.png")
        #expect(media.owner == "agent:main" && media.kind == .image && media.mime == "image/png")
        #expect(media.name == "a.png" && media.size == 600_000)
        let id = String(decoding: media.ref, as: UTF8.self)
        #expect(OutboundFiles.isID(id))
        directory.write("home/a.png", [1])
        #expect(directory.read("media/outbound/\(id)") == FakeMedia.png(600_000))
        #expect(
            try Self.files(directory).copy("file://\(directory.path)/home/in.png").mime == "image/png"
        )
        #expect(try Self.files(directory).copy("v.ogg", isVoice: true).kind == .voice)
        #expect(try Self.files(directory).copy("v.ogg").kind == .audio)
    }

    @Test(
        "what lies elsewhere is refused, whichever way it is written",
        arguments: [
            "../secret.txt", "out", "/etc/passwd", "~/x", "", "missing.png", "empty", ".", "a.png/x", "/dev/zero",
            "a\0b",
        ]
    )
    func refused(_ path: String) throws {
        let directory = try Self.place()
        let error = #expect(throws: OutboundFiles.Refusal.self) { try Self.files(directory).copy(path) }
        guard case .refused(let why)? = error else { return #expect(Bool(false), "\(path)") }
        #expect(why.contains("cannot be sent"))
        #expect(directory.names("media/outbound").isEmpty)
    }

    @Test("an address is refused with what to do instead")
    func address() throws {
        let directory = try Self.place()
        #expect(throws: OutboundFiles.Refusal.address("HTTPS://x.y/z")) {
            try Self.files(directory).copy("HTTPS://x.y/z")
        }
    }

    @Test("MEDIA lines become one message with copies, refusals become words, tags become facts")
    func answer() async throws {
        let bench = try Bench(
            FakeModels([
                .text("Here.\nMEDIA:v.ogg\nMEDIA:/etc/passwd\nMEDIA:https://x.y/z\n[[audio_as_voice]] [[reply_to:3]]"),
                .finish("end_turn"),
            ])
        )
        bench.directory.write("v.ogg", Array("OggS voice".utf8))
        let done = try await bench.run(Bench.telegram("t1", "voice?"))
        #expect(
            done.text
                == "Here.\n\n(/etc/passwd cannot be sent: only files in the workspace \(bench.directory.path) are.)\n\nhttps://x.y/z"
        )
        #expect(done.replyTo == "3" && done.parts.count == 1)
        #expect(done.parts[0].kind == .message && done.parts[0].asVoice && done.parts[0].media.map(\.kind) == [.voice])
        // The same again, with the same copy, when only DONE was lost.
        let again = try await Bench(FakeModels(), directory: bench.directory).run(Bench.telegram("t1", "voice?"))
        #expect(again == done)
        #expect(bench.directory.names("media/outbound").count == 1)
    }

    @Test("in WebChat MEDIA lines stay, for the client to make of them what it can")
    func webChat() async throws {
        let bench = try Bench(FakeModels([.text("Here.\nMEDIA:v.ogg [[reply_to_current]]"), .finish("end_turn")]))
        let done = try await bench.run(Bench.turn("t1", "voice?"))
        #expect(done.text == "Here.\nMEDIA:v.ogg" && done.parts.isEmpty)
    }

    @Test("NO_REPLY says nothing, and says it again when the turn is run again")
    func silent() async throws {
        let bench = try Bench(FakeModels([.text("NO_REPLY"), .finish("end_turn")]))
        let done = try await bench.run(Bench.telegram("t1", "x"))
        #expect(done.status == .ok && done.text.isEmpty && done.parts.isEmpty)
        #expect(try await Bench(FakeModels(), directory: bench.directory).run(Bench.telegram("t1", "x")) == done)
    }

    private static let send =
        #"{"action":"send","message":"Here is the chart you asked for","media":["a.png"],"buttons":[[{"text":"More","callback_data":"more"}]]}"#

    @Test("the message tool's effects go out with the end of the turn, in order, and a repeated text is left out")
    func tool() async throws {
        let models = FakeModels(
            [
                .tool(id: "c1", name: "message", input: Self.send),
                .tool(id: "c2", name: "message", input: #"{"action":"react","emoji":"👍"}"#),
                .tool(id: "c3", name: "message", input: #"{"action":"delete","messageId":12}"#), .finish("tool_use"),
            ],
            [.text("Here is the chart you asked for!\nMEDIA:a.png"), .finish("end_turn")]
        )
        let bench = try Bench(models)
        bench.directory.write("a.png", FakeMedia.png(50))
        let done = try await bench.run(Bench.telegram("t1", "chart"))
        #expect(done.text.isEmpty)
        #expect(done.parts.map(\.kind) == [.message, .reaction, .delete, .message])
        #expect(done.parts[0].buttons.first?.buttons.first?.data == "more" && done.parts[0].media.count == 1)
        #expect(done.parts[1].messageID == "55" && done.parts[1].emoji == "👍" && done.parts[2].messageID == "12")
        #expect(
            models.calls.last?.messages.last?.blocks.first?.toolResult.text.hasPrefix("It goes out with your reply")
                == true
        )
        let opened = bench.gateway.frames.compactMap { if case .toolOpen(let call) = $0 { call.readOnly } else { nil } }
        #expect(opened == [true, true, true])
        #expect(try await Bench(FakeModels(), directory: bench.directory).run(Bench.telegram("t1", "chart")) == done)
    }

    @Test("what an attempt collected before it died is collected again, once")
    func toolAgain() async throws {
        let script: [FakeModels.Step] = [.tool(id: "c1", name: "message", input: Self.send), .finish("tool_use")]
        let bench = try Bench(FakeModels(script, [.hang]))
        bench.directory.write("a.png", FakeMedia.png(50))
        await bench.desk.received(.turn(Bench.telegram("t1", "chart")))
        try await bench.gateway.until { frames in frames.contains { if case .toolClose = $0 { true } else { false } } }
        await bench.desk.close(by: .now)
        // The result was journaled; the transcript lost it with the machine.
        let name = try #require(bench.directory.names().first { $0.hasSuffix(".jsonl") })
        let lines = try #require(bench.directory.read(name)).split(separator: UInt8(ascii: "\n"))
        bench.directory.write(name, lines[0] + [10] + lines[1] + [10] + lines[2] + [10])
        var turn = Bench.telegram("t1", "chart")
        var call = HubToolCall()
        call.callID = "c1"
        call.name = "message"
        call.readOnly = true
        call.result.text = "It goes out with your reply."
        turn.toolCalls = [call]
        let done = try await Bench(FakeModels([.text("ok"), .finish("end_turn")]), directory: bench.directory).run(turn)
        #expect(done.text == "ok" && done.parts.count == 1 && done.parts[0].media.count == 1)
    }

    @Test("what a turn collects fits into the frame that ends it, and what does not is said to the model")
    func bytes() async throws {
        let text = String(repeating: "x", count: MessageTool.textLimit)
        let calls = (1...TurnReply.partLimit).map { number in
            FakeModels.Step.tool(id: "c\(number)", name: "message", input: #"{"action":"send","message":"\#(text)"}"#)
        }
        let long = String(repeating: "y", count: AnswerReading.textLimit - 1000)
        let models = FakeModels(calls + [.finish("tool_use")], [.text(long), .finish("end_turn")])
        let bench = try Bench(models)
        let done = try await bench.run(Bench.telegram("t1", "x"))
        #expect(done.text.utf8.count > 500_000 && done.parts.count == 11)
        #expect(try (done.serializedBytes() as [UInt8]).count < 1 << 20)
        let refused = models.calls.last?.messages.last?.blocks.last?.toolResult
        #expect(refused?.isError == true && refused?.text.contains("at most 384 KiB") == true)
        #expect(bench.desk.hello().unackedTurns.isEmpty && bench.desk.hello().runningTurns == ["t1"])
    }

    @Test("a failed turn still sends what it promised, a stopped one does not")
    func ends() async throws {
        let script: [FakeModels.Step] = [
            .tool(id: "c1", name: "message", input: #"{"action":"react","emoji":"x"}"#), .finish("tool_use"),
        ]
        let failed = try await Bench(FakeModels(script, [.fail(.auth, "no")])).run(Bench.telegram("t1", "x"))
        #expect(failed.status == .error && failed.parts.count == 1)
        let bench = try Bench(FakeModels(script, [.hang]))
        await bench.desk.received(.turn(Bench.telegram("t1", "x")))
        try await bench.gateway.until { frames in frames.contains { if case .toolClose = $0 { true } else { false } } }
        await bench.desk.received(.interrupt(.with { $0.turnID = "t1" }))
        let stopped = try await bench.gateway.done("t1")
        #expect(stopped.status == .aborted && stopped.parts.isEmpty)
    }

    @Test(
        "wrong arguments are told to the model and send nothing",
        arguments: [
            #"{}"#, #"{"action":"poll"}"#, #"{"action":"send"}"#, #"{"action":"send","message":" "}"#,
            #"{"action":"send","media":["/etc/passwd"]}"#, #"{"action":"send","media":["a.png"],"asVoice":true}"#,
            #"{"action":"react","emoji":""}"#, #"{"action":"react","emoji":"x","messageId":""}"#,
            #"{"action":"edit","messageId":"1"}"#, #"{"action":"edit","message":"x"}"#, #"{"action":"delete"}"#,
            #"{"action":"send","message":"x","buttons":[[]]}"#,
            #"{"action":"send","message":"x","buttons":[[{"text":"a"}]]}"#,
            #"{"action":"send","message":"x","buttons":"no"}"#, #"{"action":"send","message":"x","replyTo":"a b"}"#,
        ]
    )
    func mistakes(_ arguments: String) async throws {
        let bench = try Bench(
            FakeModels(
                [.tool(id: "c", name: "message", input: arguments), .finish("tool_use")],
                [.text("ok"), .finish("end_turn")]
            )
        )
        bench.directory.write("a.png", FakeMedia.png(50))
        let done = try await bench.run(Bench.telegram("t1", "x"))
        #expect(done.parts.isEmpty && done.text == "ok")
        let closed = bench.gateway.frames.compactMap { if case .toolClose(let call) = $0 { call.result } else { nil } }
        #expect(closed.count == 1 && closed[0].isError && closed[0].text.hasPrefix("Nothing was sent: "))
    }

    @Test("one turn sends a bounded number of things")
    func bound() async throws {
        let calls = (0..<25).map {
            FakeModels.Step.tool(id: "c\($0)", name: "message", input: #"{"action":"react","emoji":"x"}"#)
        }
        let bench = try Bench(FakeModels(calls + [.finish("tool_use")], [.text("ok"), .finish("end_turn")]))
        #expect(try await bench.run(Bench.telegram("t1", "x")).parts.count == TurnReply.partLimit)
    }

    @Test("an owner serves copies by their random names and nothing else")
    func owner() async throws {
        let directory = try Self.place()
        let media = try Self.files(directory).copy("a.png")
        let owner = OutboundOwner(folder: MediaFolder(path: "\(directory.path)/media"))
        let sent = Mutex<[UInt8]>([])
        let sink = { (limit: UInt64) in
            MediaSink(limit: limit) { message in
                guard case .mediaChunk(let chunk) = message else { return }
                sent.withLock { $0 += chunk.data }
            }
        }
        #expect(try await owner.media(ref: Array(media.ref), into: sink(1_000_000)).size == 600_000)
        #expect(sent.withLock { $0 } == FakeMedia.png(600_000))
        await #expect(throws: MediaError.self) { try await owner.media(ref: Array(media.ref), into: sink(599_999)) }
        for ref in [
            "", "../secret.txt", String(repeating: "0", count: 32),
            "../../secret.txt\0" + String(repeating: "0", count: 15),
        ] {
            await #expect(throws: MediaError.self) {
                try await owner.media(ref: Array(ref.utf8), into: sink(1_000_000))
            }
        }
    }
}
