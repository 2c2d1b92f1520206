import Config
import Failover
import IPCHub
import ModelUpstream
import Runtime
import Testing

@testable import ModelOpenAI

@Suite("Speech to text")
struct TranscriptionTests {
    private static func call(_ audio: [UInt8], mime: String = "audio/ogg; codecs=opus", name: String = "voice.oga")
        -> ModelCall
    {
        .hello(model: "whisper-large-v3") {
            $0.messages = []
            $0.audio = audio
            $0.request.transcription.mime = mime
            $0.request.transcription.name = name
            $0.request.transcription.language = "de"
            $0.request.transcription.prompt = "Clawhold"
        }
    }

    private static let dialect = ChatStreamTests.dialect("groq", "https://api.groq.com/openai/v1")

    @Test("a form with the fields and the file as it is, in pieces")
    func form() throws {
        let audio = (0..<200_000).map { UInt8(truncatingIfNeeded: $0) }
        let request = try Self.dialect.request(
            Self.call(audio),
            key: ProviderKey(profile: "p", kind: .apiKey, value: "k")
        )
        #expect(request.path == "/audio/transcriptions" && request.form == .whole)
        guard case .pieces(let pieces) = request.body, pieces.count == 3 else {
            Issue.record("not in pieces")
            return
        }
        #expect(Array(pieces[1]) == audio)
        let boundary = String(request.contentType.drop { $0 != "=" }.dropFirst())
        #expect(request.contentType.hasPrefix("multipart/form-data; boundary=") && boundary.count > 20)
        let head = String(decoding: pieces[0], as: UTF8.self)
        let parts = head.split(separator: "--\(boundary)\r\n").map(String.init)
        #expect(
            parts == [
                "content-disposition: form-data; name=\"model\"\r\n\r\nwhisper-large-v3\r\n",
                "content-disposition: form-data; name=\"response_format\"\r\n\r\njson\r\n",
                "content-disposition: form-data; name=\"language\"\r\n\r\nde\r\n",
                "content-disposition: form-data; name=\"prompt\"\r\n\r\nClawhold\r\n",
                "content-disposition: form-data; name=\"file\"; filename=\"voice.ogg\"\r\ncontent-type: audio/ogg; codecs=opus\r\n\r\n",
            ]
        )
        #expect(String(decoding: pieces[2], as: UTF8.self) == "\r\n--\(boundary)--\r\n")
    }

    @Test("names and types from outside cannot add a header")
    func hostile() throws {
        let call = Self.call([1], mime: "a/b\r\nx: y", name: "a\"\r\nx: y\u{0}ü.mp3")
        guard
            case .pieces(let pieces) = try Self.dialect.request(
                call,
                key: ProviderKey(profile: "p", kind: .none, value: "")
            ).body
        else { return }
        let head = String(decoding: pieces[0], as: UTF8.self)
        #expect(!head.contains("\r\nx: y") && head.contains("filename=\"a___x__y__.mp3\""))
    }

    @Test("a recording of 25 MB is sent, a longer one and none are refused before anybody is asked")
    func bounds() throws {
        let key = ProviderKey(profile: "p", kind: .none, value: "")
        let limit = TranscriptionRequest.limit
        _ = try Self.dialect.request(Self.call(Array(repeating: 0, count: limit)), key: key)
        for count in [0, limit + 1] {
            #expect(throws: CallFailure.self) {
                _ = try Self.dialect.request(Self.call(Array(repeating: 0, count: count)), key: key)
            }
        }
    }

    @Test("the text is the answer; silence is an empty one")
    func answer() throws {
        var reader = Self.dialect.reader(Self.call([1]))
        let events = try reader.take(whole: ["text": " Hallo", "usage": ["input_tokens": 7, "output_tokens": 2]])
        #expect(events.map(\.text) == [" Hallo"])
        #expect(try reader.end().isEmpty)
        #expect(reader.draft.finished.usage.input == 7 && reader.draft.finished.stopReason == "end_turn")
        var silent = Self.dialect.reader(Self.call([1]))
        #expect(try silent.take(whole: ["text": ""]).isEmpty)
        #expect(try silent.end().isEmpty)
        var strange = Self.dialect.reader(Self.call([1]))
        #expect(throws: CallFailure.self) { _ = try strange.take(whole: ["words": "x"]) }
    }
}
