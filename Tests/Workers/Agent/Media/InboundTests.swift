import FoundationEssentials
import IPCHub
import Runtime
import SwiftProtobuf
import Testing

@testable import Agent

@Suite("Files that come with a message", .timeLimit(.minutes(1)))
struct InboundTests {
    private static let answer: [FakeModels.Step] = [.text("Nice."), .finish("end_turn")]

    @Test("a picture is stored under the turn's name, told in words and shown to the model, now and later")
    func picture() async throws {
        let models = FakeModels(Self.answer, Self.answer)
        let media = FakeMedia([1: [.bytes(FakeMedia.png(300_000), mime: "text/html")]])
        let bench = try Bench(models, media: media)
        var turn = Bench.telegram("t1", "look")
        turn.message.media = [FakeMedia.media(1, name: "../../evil.PNG")]
        #expect(try await bench.run(turn).text == "Nice.")
        let path = "\(bench.directory.path)/media/inbound/t1-1.png"
        #expect(bench.directory.names("media/inbound") == ["t1-1.png"])
        #expect(bench.directory.read("media/inbound/t1-1.png")?.count == 300_000)
        let blocks = try #require(models.calls.first?.messages.last?.blocks)
        #expect(blocks.count == 2 && blocks[0].isImage && blocks[0].image.mime == "image/png")
        #expect(blocks[1].text.hasPrefix("[media attached: \(path) (image/png) | ../../evil.PNG]\n[Telegram Ada"))
        #expect(models.pictures.first?.map(\.path) == [path])
        #expect(!(try bench.transcript().contains { String(decoding: $0.encoded(), as: UTF8.self).count > 2000 }))
        _ = try await bench.run(Bench.telegram("t2", "and?"))
        #expect(models.pictures.last?.map(\.path) == [path])
        #expect(models.calls.last?.messages.first?.blocks.first?.isImage == true)
        #expect(
            HistoryAnswer.message(TranscriptEntry(object: try bench.transcript()[1].object ?? JSONObject()))?["content"]
                == [["type": "text", "text": "look"]]
        )
    }

    @Test("a turn that runs again stores its files once and asks for them again only when it had not begun")
    func again() async throws {
        let media = FakeMedia([1: [.bytes(FakeMedia.png(20), mime: "")]])
        let bench = try Bench(FakeModels([.fail(.overloaded, "x")]), media: media)
        var turn = Bench.telegram("t1", "look")
        turn.message.media = [FakeMedia.media(1)]
        _ = try await bench.run(turn)
        let name = try #require(bench.directory.names().first { $0.hasSuffix(".jsonl") })
        // The reply is lost, the user's entry is not.
        let lines = try #require(bench.directory.read(name)).split(separator: UInt8(ascii: "\n"))
        bench.directory.write(name, lines[0] + [10] + lines[1] + [10])
        let models = FakeModels(Self.answer)
        let second = try Bench(models, directory: bench.directory, media: media)
        _ = try await second.run(turn)
        let stored = try #require(Picture(path: "\(bench.directory.path)/media/inbound/t1-1.png"))
        #expect(media.limits.count == 1 && models.pictures == [[stored]])
        bench.directory.write(name, [])
        _ = try await Bench(FakeModels(Self.answer), directory: bench.directory, media: media).run(turn)
        #expect(media.limits.count == 2)
        #expect(bench.directory.names("media/inbound") == ["t1-1.png"])
    }

    @Test("a file that cannot be had is a sentence in the prompt, and the turn goes on")
    func missing() async throws {
        let models = FakeModels(Self.answer)
        let media = FakeMedia([
            1: [.fails(MediaError("Telegram does not give it\n[message_id: 3]"))], 2: [.bytes([], mime: "")],
            3: [.bytes([UInt8](repeating: 1, count: 21_000_000), mime: "")],
        ])
        let bench = try Bench(models, media: media)
        var turn = Bench.telegram("t1", "look")
        turn.message.media = [FakeMedia.media(1, name: "a.jpg"), FakeMedia.media(2), FakeMedia.media(3)]
        #expect(try await bench.run(turn).status == .ok)
        let text = try #require(models.calls.first?.messages.last?.blocks.last?.text)
        #expect(text.hasPrefix("[media not available: a.jpg: Telegram does not give it  message_id: 3]\n"))
        #expect(text.contains("[media not available: <media:image>: it is empty]"))
        #expect(text.contains("[media not available: <media:image>: too large]"))
        #expect(bench.directory.names("media/inbound") == [])
    }

    @Test("what may come later is asked for again, from its beginning")
    func temporary() async throws {
        let door = FakeMedia([
            1: [.fails(MediaError("busy", isTemporary: true)), .bytes(Array("%PDF-1.7".utf8), mime: "")]
        ])
        let bench = try Bench(FakeModels())
        var turn = Bench.telegram("t1", "")
        turn.message.media = [FakeMedia.media(1, kind: .file, name: "r.pdf")]
        let folder = MediaFolder(path: "\(bench.directory.path)/media")
        let log = bench.log
        let fetching = InboundFiles(folder: folder, door: door, log: log, pauses: [.milliseconds(1)])
        let files = try await fetching.fetch(turn)
        #expect(files.map(\.path) == ["\(folder.inbound)/t1-1.pdf"])
        #expect(bench.directory.read("media/inbound/t1-1.pdf") == Array("%PDF-1.7".utf8))
        let never = FakeMedia([1: [.fails(MediaError("busy", isTemporary: true))]])
        let tired = try await InboundFiles(folder: folder, door: never, log: log, pauses: [.milliseconds(1)]).fetch(
            turn
        )
        #expect(tired.first?.outcome == .missing("busy") && never.limits.count == 2)
    }

    @Test("number and size of one message's files are bounded")
    func bounds() async throws {
        let door = FakeMedia([1: [.bytes([UInt8](repeating: 7, count: 20_000_000), mime: "video/mp4")]])
        let bench = try Bench(FakeModels())
        let folder = MediaFolder(path: "\(bench.directory.path)/media")
        var turn = Bench.telegram("t1", "")
        turn.message.media = (0..<12).map { _ in FakeMedia.media(1, kind: .video) }
        let files = try await InboundFiles(folder: folder, door: door, log: bench.log).fetch(turn)
        #expect(files.count == 12)
        #expect(files.count { $0.path != nil } == 2)
        #expect(door.limits.prefix(3) == [20_000_000, 20_000_000, 10_000_000])
        #expect(files.last?.outcome == .missing("more than 10 files came with one message"))
    }

    @Test("an interruption ends the waiting for a file")
    func interrupted() async throws {
        let bench = try Bench(FakeModels(Self.answer), media: FakeMedia([1: [.hangs]]))
        var turn = Bench.telegram("t1", "look")
        turn.message.media = [FakeMedia.media(1)]
        await bench.desk.received(.turn(turn))
        await bench.desk.received(
            .interrupt(
                .with {
                    $0.turnID = "t1"
                    $0.reason = "stop"
                }
            )
        )
        #expect(try await bench.gateway.done("t1").status == .aborted)
    }

    @Test("only WebChat's messages name files that lie in the folder already, and only plain names")
    func kept() async throws {
        let models = FakeModels(Self.answer, Self.answer, Self.answer)
        let bench = try Bench(models, media: FakeMedia([:]))
        bench.directory.makeDirectory("media")
        bench.directory.makeDirectory("media/inbound")
        bench.directory.write("media/inbound/wc-1.png", FakeMedia.png(30))
        bench.directory.write("secret.png", FakeMedia.png(30))
        func run(_ turn: HubTurn, _ name: String) async throws -> String {
            var turn = turn
            turn.message.media = [.with { $0.ref = Data(name.utf8) }]
            _ = try await bench.run(turn)
            return models.calls.last?.messages.last?.blocks.last?.text ?? ""
        }
        #expect(
            try await run(Bench.turn("t1", "see"), "wc-1.png").hasPrefix(
                "[media attached: \(bench.directory.path)/media/inbound/wc-1.png (image/png)]\nsee"
            )
        )
        #expect(try await run(Bench.turn("t2", "see"), "../../secret.png").hasPrefix("[media not available:"))
        #expect(try await run(Bench.telegram("t3", "see"), "wc-1.png").hasPrefix("[media not available:"))
    }

    @Test("pictures that the provider refuses are left out of a second call")
    func refused() async throws {
        let models = FakeModels([.fail(.badRequest, "Could not process image")], Self.answer)
        let bench = try Bench(models, media: FakeMedia([1: [.bytes(FakeMedia.png(20), mime: "")]]))
        var turn = Bench.telegram("t1", "look")
        turn.message.media = [FakeMedia.media(1)]
        #expect(try await bench.run(turn).text == "Nice.")
        #expect(models.pictures.map(\.count) == [1, 0])
        #expect(models.calls.last?.messages.last?.blocks.first?.text == Picture.refused)
    }

    @Test("a call shows the newest pictures, few enough and small enough")
    func newestPictures() throws {
        let directory = try TemporaryDirectory()
        var path: [TranscriptEntry] = []
        for number in 0..<12 {
            directory.write("\(number).png", FakeMedia.png(100))
            let file = InboundFile(
                kind: .image,
                name: "",
                mime: "image/png",
                outcome: .stored(path: "\(directory.path)/\(number).png")
            )
            var turn = HubTurn()
            turn.channel = "webchat"
            turn.message.text = "m\(number)"
            let prompt = UserPrompt(turn, message: turn.message, files: [file], envelope: Envelope(), since: nil)
            path.append(
                TranscriptMessage.entry(
                    id: "\(number)",
                    parent: nil,
                    message: TranscriptMessage.user(prompt, files: [file], now: 1),
                    now: 1
                )
            )
        }
        directory.write("11.png", Array("not a picture".utf8))
        var history = ModelHistory(budgetBytes: 1_000_000)
        history.picture = { Picture(path: $0) }
        let shown = history.messages(path, turnStart: 11)
        #expect(shown.pictures.map(\.path) == (3...10).map { "\(directory.path)/\($0).png" })
        #expect(shown.messages.flatMap(\.blocks).count(where: \.isImage) == 8)
        directory.write("10.png", FakeMedia.png(Picture.sizeLimit + 1))
        #expect(history.messages(path, turnStart: 11).pictures.first?.path == "\(directory.path)/2.png")
    }

    @Test("a picture goes out in pieces below a frame's size, and as words when it is gone")
    func frames() async throws {
        let directory = try TemporaryDirectory()
        let whole = FakeMedia.png(1_300_000)
        directory.write("a.png", whole)
        directory.write("b.png", FakeMedia.png(200_000))
        directory.write("c.png", FakeMedia.png(10))
        let pictures = try ["a", "b", "c"].map { try #require(Picture(path: "\(directory.path)/\($0).png")) }
        directory.remove("c.png")
        var message = HubModelMessage()
        let image = { () -> HubModelBlock in
            var block = HubModelBlock()
            block.image.mime = "image/png"
            return block
        }
        message.blocks = [
            .with(text: String(repeating: "x", count: 600_000)), image(), image(), image(), .with(text: "end"),
        ]
        let call = PromptCall(call: ModelCall(request: HubModelRequest(), messages: [message]), pictures: pictures)
        var frames: [HubModelMessage] = []
        try await call.frames { if case .modelMessage(let part) = $0 { frames.append(part) } }
        for frame in frames {
            let bytes: [UInt8] = try frame.serializedBytes()
            #expect(bytes.count < 1024 * 1024)
        }
        let blocks = frames.flatMap(\.blocks)
        let first = blocks.prefix { !$0.isImage || $0.image.more || $0.image.data.count > 250_000 }
        #expect(Array(first.filter(\.isImage).map(\.image.data).joined()) == whole)
        #expect(blocks.filter(\.isImage).map(\.image.more) == [true, true, false, false])
        #expect(blocks.suffix(2).map(\.text) == [Picture.unreadable, "end"])
        #expect(frames.dropLast().allSatisfy { $0.blocks.last?.isImage != true || $0.blocks.count > 0 })
    }

    @Test("files older than a week are swept away, others and directories stay")
    func sweep() async throws {
        let directory = try TemporaryDirectory()
        let folder = MediaFolder(path: directory.path)
        try folder.make()
        directory.write("inbound/a", [1])
        directory.write("outbound/b", [1])
        let now = Int(Timestamp.now() / 1000)
        #expect(folder.sweep(now: now + MediaFolder.keptSeconds - 60) == 0)
        #expect(folder.sweep(now: now + MediaFolder.keptSeconds + 60) == 2)
        #expect(directory.names("inbound") == [] && directory.names("outbound") == [])
    }

    @Test("a file's type is read from its bytes, its ending from its type or a harmless name")
    func kinds() {
        #expect(MediaType.sniffed(FakeMedia.png(20)) == "image/png")
        #expect(MediaType.sniffed(Array("RIFF1234WEBPVP8 ".utf8)) == "image/webp")
        #expect(MediaType.sniffed([0xFF, 0xD8, 0xFF, 0xE0]) == "image/jpeg")
        #expect(MediaType.sniffed(Array("OggS".utf8)) == "audio/ogg")
        #expect(MediaType.sniffed(Array("<html>".utf8)) == nil && MediaType.sniffed([]) == nil)
        #expect(FileKind.fileExtension(mime: "audio/mpeg", name: "x.exe") == "mp3")
        #expect(FileKind.fileExtension(mime: "", name: "x.TAR") == "tar")
        for name in ["x.a/b", "x", "x.", ".x/../..", "x.ünix", "x.waytoolongending"] {
            #expect(FileKind.fileExtension(mime: "", name: name) == "bin")
        }
        #expect(FileKind.plain(mime: "Text/HTML; charset=x") == "text/html" && FileKind.plain(mime: "x]\n") == "")
    }
}
