import FoundationEssentials
import IPCHub
import Runtime
import Synchronization
import Testing

@testable import Agent

@Suite("Voice notes", .timeLimit(.minutes(1)))
struct VoiceTests {
    private static let hello: [FakeModels.Step] = [.text("Hello"), .finish("end_turn")]
    private static let ogg: [UInt8] = Array("OggS".utf8) + [UInt8](repeating: 0, count: 600_000)

    /// Understands what it is told to, by model.
    private final class FakeSpeech: SpeechDoor {
        private let answers: [String: HubModelEvent]
        let asked = Mutex<[(HubModelRequest, Int)]>([])

        init(_ answers: [String: HubModelEvent]) { self.answers = answers }

        func transcribe(
            _ target: String,
            _ request: HubModelRequest,
            path: String,
            receive: @escaping @Sendable (HubModelEvent) async -> Bool
        ) async throws {
            let size = Mutex(0)
            try await VoiceNotes.pieces(path) { piece in size.withLock { $0 += piece.count } }
            asked.withLock { $0.append((request, size.withLock { $0 })) }
            guard let answer = answers[request.model] else { return }
            guard await receive(answer) else { return }
            var finished = HubModelEvent()
            finished.finished.stopReason = "end_turn"
            _ = await receive(finished)
        }
    }

    private static func says(_ text: String) -> HubModelEvent {
        var event = HubModelEvent()
        event.text = text
        return event
    }

    private static func fails(_ kind: HubModelEvent.Failed.Kind) -> HubModelEvent {
        var event = HubModelEvent()
        event.failed.kind = kind
        return event
    }

    private static func turn(_ models: [String], text: String = "") -> HubTurn {
        var turn = Bench.telegram("t1", text)
        turn.message.media = [FakeMedia.media(1, kind: .voice)]
        turn.transcribers = models.map { model in
            var target = HubModelTarget()
            target.model = "openai/\(model)"
            target.worker = "model:openai"
            return target
        }
        return turn
    }

    private func prompt(_ speech: FakeSpeech?, _ turn: HubTurn) async throws -> String {
        let models = FakeModels(Self.hello)
        let bench = try Bench(models, media: FakeMedia([1: [.bytes(Self.ogg, mime: "audio/ogg")]]), speech: speech)
        _ = try await bench.run(turn)
        return try #require(models.calls.first?.messages.last?.blocks.last?.text)
    }

    @Test("what is said is shown to the model beside the file")
    func heard() async throws {
        let speech = FakeSpeech(["whisper": Self.says("Buy milk.")])
        let text = try await prompt(speech, Self.turn(["whisper"]))
        #expect(text.contains("(audio/ogg)]") && text.contains("[Audio]\nTranscript:\nBuy milk."))
        let (request, size) = try #require(speech.asked.withLock { $0.first })
        #expect(request.caller.purpose == "transcription" && request.transcription.mime == "audio/ogg")
        #expect(request.transcription.name == "voice.ogg" && size == Self.ogg.count)
        let captioned = try await prompt(speech, Self.turn(["whisper"], text: "for later"))
        #expect(captioned.contains("[Audio]\nUser text:\nfor later\nTranscript:\nBuy milk."))
    }

    @Test("the next transcriber is asked when the first fails")
    func next() async throws {
        let speech = FakeSpeech(["first": Self.fails(.rateLimit), "second": Self.says("Hi.")])
        #expect(try await prompt(speech, Self.turn(["first", "second"])).contains("Transcript:\nHi."))
    }

    @Test("what cannot be understood is said honestly")
    func failures() async throws {
        let failing = FakeSpeech(["w": Self.fails(.billing)])
        #expect(
            try await prompt(failing, Self.turn(["w"])).contains("[voice not understood: openai/w has no credit left")
        )
        #expect(try await prompt(failing, Self.turn([])).contains("nobody here turns speech into text"))
        #expect(try await prompt(FakeSpeech([:]), Self.turn(["w"])).contains("broke off"))
        #expect(try await prompt(FakeSpeech(["w": Self.says(" ")]), Self.turn(["w"])).contains("nothing is said in it"))
    }
}
