internal import FoundationEssentials
internal import Glibc
internal import IPCHub
internal import Logging
internal import Runtime

/// How a turn has speech turned into text.
protocol SpeechDoor: Sendable {
    /// Sends the file at `path` to a model's worker and gives its events to `receive` until that returns false or the
    /// stream ends. Cancelling the task ends it.
    func transcribe(
        _ target: String,
        _ request: HubModelRequest,
        path: String,
        receive: @escaping @Sendable (HubModelEvent) async -> Bool
    ) async throws
}

extension HubModelDoor: SpeechDoor {
    func transcribe(
        _ target: String,
        _ request: HubModelRequest,
        path: String,
        receive: @escaping @Sendable (HubModelEvent) async -> Bool
    ) async throws {
        try await HubStream.open(worker, target: target) { stream, messages in
            try await stream.send(.modelRequest(request))
            try await VoiceNotes.pieces(path) { piece in
                var chunk = HubMediaChunk()
                chunk.data = Data(piece)
                try await stream.send(.mediaChunk(chunk))
            }
            try await stream.send(.mediaEnd(HubMediaEnd()))
            while let message = try await messages.next(isolation: #isolation) {
                guard case .modelEvent(let event) = message else { throw HubLinkError.unexpected(message.type) }
                guard await receive(event) else { return }
            }
        }
    }
}

/// Makes text of the speech that came with a message. The file stays; what cannot be understood is said to the model, which
/// tells its sender.
struct VoiceNotes: Sendable {
    let door: any SpeechDoor
    let log: Logger

    /// Of one message.
    static let countLimit = 3
    /// Largest file: OpenAI takes 25 MB.
    static let sizeLimit = 25_000_000
    static let timeLimit = Duration.seconds(60)
    /// Longest text of one note.
    static let textLimit = 64 * 1024
    private static let pieceBytes = 256 * 1024

    static let nobody =
        "nobody here turns speech into text: it takes a key for OpenAI or Groq, or tools.media.audio.models"

    static func isSpeech(_ file: InboundFile) -> Bool {
        switch file.kind {
        case .voice, .audio: true
        case .file: file.mime.hasPrefix("audio/")
        case .image, .video, .sticker, .UNRECOGNIZED: false
        }
    }

    /// The files with what was understood of them. Throws only when cancelled.
    func heard(_ files: [InboundFile], turn: HubTurn, caller: HubModelCaller) async throws -> [InboundFile] {
        var files = files
        var left = Self.countLimit
        for index in files.indices where Self.isSpeech(files[index]) {
            guard let path = files[index].path else { continue }
            guard left > 0 else {
                files[index].speech = .unheard("more than \(Self.countLimit) came with one message")
                continue
            }
            left -= 1
            files[index].speech = try await hear(files[index], path, turn: turn, caller: caller)
        }
        return files
    }

    private func hear(
        _ file: InboundFile,
        _ path: String,
        turn: HubTurn,
        caller: HubModelCaller
    ) async throws -> InboundFile.Speech {
        let size = (try? Disk.head(path, limit: 1))?.size ?? 0
        guard size > 0 else { return .unheard("the file cannot be read") }
        guard size <= Self.sizeLimit else { return .unheard("it is larger than \(Self.sizeLimit / 1_000_000) MB") }
        let transcribers = turn.transcribers.filter { !$0.worker.isEmpty }
        guard !transcribers.isEmpty else {
            return .unheard(turn.transcribers.first.map(\.unavailable).flatMap { $0.isEmpty ? nil : $0 } ?? Self.nobody)
        }
        var why = Self.nobody
        for target in transcribers.prefix(4) {
            switch try await ask(target, file, path, caller) {
            case .success(let text):
                guard !text.trimmed().isEmpty else { return .unheard("nothing is said in it") }
                return .heard(text)
            case .failure(let failed):
                log.warning(
                    "a voice note of turn \(turn.turnID): \(target.model) failed (\(failed.kind)): \(failed.cause)"
                )
                why = "\(target.model) \(FailureSentence.reason(failed))"
                // The next one has keys and a mood of its own; that the file is no speech is true everywhere.
                if failed.kind == .refused { return .unheard(why) }
            }
        }
        return .unheard(why)
    }

    private enum Answer {
        case success(String)
        case failure(HubModelEvent.Failed)
    }

    private func ask(
        _ target: HubModelTarget,
        _ file: InboundFile,
        _ path: String,
        _ caller: HubModelCaller
    ) async throws -> Answer {
        var request = HubModelRequest()
        request.model = ModelName(target.model).model
        request.caller = caller
        request.caller.purpose = "transcription"
        request.timeLeftMs = UInt32(clamping: Self.timeLimit.components.seconds * 1000)
        request.transcription.mime = file.mime
        request.transcription.name =
            file.name.isEmpty ? "voice.\(FileKind.fileExtension(mime: file.mime, name: path))" : file.name
        let reading = SpeechReading()
        do {
            try await door.transcribe(target.worker, request, path: path) { reading.take($0) }
        } catch {
            try Task.checkCancellation()
            var failed = HubModelEvent.Failed()
            failed.kind = .unreachable
            failed.cause = "\(error)"
            return .failure(failed)
        }
        try Task.checkCancellation()
        return switch reading.end {
        case .finished?: .success(reading.text)
        case .failed(let failed)?: .failure(failed)
        case nil: .failure(Self.broken)
        }
    }

    private static var broken: HubModelEvent.Failed {
        var failed = HubModelEvent.Failed()
        failed.kind = .cut
        failed.cause = "the stream ended before the answer did"
        return failed
    }

    /// The file's bytes, piece by piece. Throws when it cannot be read to its end.
    static func pieces(_ path: String, _ give: ([UInt8]) async throws -> Void) async throws {
        let fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard fd >= 0 else { throw DiskError.failed(what: "read", path: path, code: errno) }
        defer { close(fd) }
        var offset = 0
        while offset <= sizeLimit {
            let piece = try Disk.read(fd, offset..<(offset + pieceBytes), path)
            guard !piece.isEmpty else { return }
            offset += piece.count
            try await give(piece)
        }
    }
}
