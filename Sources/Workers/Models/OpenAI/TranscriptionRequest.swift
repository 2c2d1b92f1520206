internal import Failover
internal import IPCHub
internal import ModelUpstream
internal import Runtime

/// Speech to text: `POST /audio/transcriptions` (OpenAI, Groq and others), a form with the file in it. The file is sent as it
/// is, in pieces; it stands in memory once.
enum TranscriptionRequest {
    /// What OpenAI and Groq take at most.
    static let limit = 25 * 1024 * 1024

    static func request(_ call: ModelCall) throws(CallFailure) -> WireRequest {
        let wanted = call.request.transcription
        guard call.audio.count <= limit else {
            throw CallFailure(.badRequest, "the recording has \(call.audio.count) bytes, the limit is \(limit)")
        }
        guard !call.audio.isEmpty else { throw CallFailure(.badRequest, "the recording is empty") }
        let boundary = boundary()
        var head: [UInt8] = []
        func field(_ name: String, _ value: String) {
            guard !value.isEmpty else { return }
            head.append("--\(boundary)\r\ncontent-disposition: form-data; name=\"\(name)\"\r\n\r\n\(value)\r\n")
        }
        field("model", line(call.request.model))
        field("response_format", "json")
        field("language", line(wanted.language))
        field("prompt", String(wanted.prompt.prefix(2000)).replacing(boundary, with: ""))
        let name = fileName(wanted)
        let mime = wanted.mime.isEmpty ? "application/octet-stream" : line(wanted.mime)
        head.append(
            "--\(boundary)\r\ncontent-disposition: form-data; name=\"file\"; filename=\"\(name)\"\r\n"
                + "content-type: \(mime)\r\n\r\n"
        )
        let tail = Array("\r\n--\(boundary)--\r\n".utf8)
        var request = WireRequest(
            path: "/audio/transcriptions",
            headers: [],
            body: .pieces([head[...], call.audio[...], tail[...]])
        )
        request.contentType = "multipart/form-data; boundary=\(boundary)"
        request.form = .whole
        return request
    }

    /// 128 bits that cannot stand in the file by chance.
    private static func boundary() -> String {
        var random = SystemRandomNumberGenerator()
        return "clawhold-" + String(random.next(), radix: 36) + String(random.next(), radix: 36)
    }

    private static func line(_ text: String) -> String {
        String(text.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F }.prefix(200).map(Character.init))
    }

    /// The providers tell the format by the name's ending, and take Telegram's voice notes as `ogg` only.
    private static func fileName(_ wanted: HubTranscription) -> String {
        let mime = wanted.mime.lowercased().prefix { $0 != ";" }
        let ending = endings[String(mime)] ?? ""
        var stem = String(
            wanted.name.unicodeScalars.prefix(80).map { scalar in
                let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
                return isPlain || scalar == "." || scalar == "-" ? Character(scalar) : "_"
            }
        )
        if stem.isEmpty { stem = "voice" }
        if !ending.isEmpty, !stem.lowercased().hasSuffix(".\(ending)") {
            if let dot = stem.lastIndex(of: ".") { stem = String(stem[..<dot]) }
            stem += ".\(ending)"
        }
        return stem
    }

    private static let endings = [
        "audio/ogg": "ogg", "audio/opus": "ogg", "application/ogg": "ogg", "audio/mpeg": "mp3", "audio/mp3": "mp3",
        "audio/mp4": "m4a", "audio/m4a": "m4a", "audio/x-m4a": "m4a", "audio/aac": "m4a", "audio/wav": "wav",
        "audio/x-wav": "wav", "audio/wave": "wav", "audio/webm": "webm", "video/webm": "webm", "video/mp4": "mp4",
        "audio/flac": "flac", "audio/x-flac": "flac",
    ]
}
