internal import FoundationEssentials
internal import Glibc
internal import IPCControl
internal import IPCHub
internal import Logging
internal import Runtime

/// Brings the files of a message onto the disk before the model is asked about them.
///
/// Nothing of it is in memory at once but a piece. A file's name follows from the turn, so a turn that runs again writes
/// over what an earlier attempt left.
struct InboundFiles: Sendable {
    /// The bounds of one message's files.
    enum Bounds {
        static let count = 10
        /// Of one file: what Telegram gives a bot.
        static let bytes: UInt64 = 20_000_000
        static let totalBytes: UInt64 = 50_000_000
        static let fileTime = Duration.seconds(30)
        static let totalTime = Duration.seconds(60)
        /// Before a file is asked for again whose owner could not give it just then.
        static let pauses: [Duration] = [.milliseconds(300), .seconds(1), .seconds(3), .seconds(6)]
    }

    let folder: MediaFolder
    let door: any MediaDoor
    let log: Logger
    var pauses = Bounds.pauses

    /// The files of `turn`'s message, stored or with the reason why not. Throws only when cancelled.
    func fetch(_ turn: HubTurn) async throws -> [InboundFile] {
        let media = turn.message.media
        guard !media.isEmpty else { return [] }
        let deadline = ContinuousClock.now + Bounds.totalTime
        var left = Bounds.totalBytes
        var files: [InboundFile] = []
        for (index, medium) in media.prefix(Bounds.count).enumerated() {
            let file = try await fetch(medium, turn: turn, index: index, left: &left, deadline: deadline)
            if case .missing(let why) = file.outcome {
                log.warning(
                    "a file of turn \(turn.turnID) (\(file.mime), \(medium.owner.prefix(96))) is not there: \(why)"
                )
            }
            files.append(file)
        }
        for medium in media.dropFirst(Bounds.count).prefix(20) {
            files.append(described(medium, .missing("more than \(Bounds.count) files came with one message")))
        }
        return files
    }

    private func described(_ medium: HubMedia, _ outcome: InboundFile.Outcome) -> InboundFile {
        InboundFile(
            kind: medium.kind,
            name: ForeignText.label(medium.name),
            mime: FileKind.plain(mime: medium.mime),
            outcome: outcome
        )
    }

    private func fetch(
        _ medium: HubMedia,
        turn: HubTurn,
        index: Int,
        left: inout UInt64,
        deadline: ContinuousClock.Instant
    ) async throws -> InboundFile {
        guard !folder.path.isEmpty else { return described(medium, .missing("this agent has no place for files")) }
        if medium.owner.isEmpty { return kept(medium, turn: turn, left: &left) }
        let limit = min(left, Bounds.bytes)
        guard limit > 0 else { return described(medium, .missing("the files of this message are too large together")) }
        do {
            let base = "\(folder.inbound)/\(Self.base(turn.turnID))-\(index + 1)"
            try folder.make()
            let part = try PartFile("\(base).part")
            let owned = try await fetch(medium, into: part, limit: limit, deadline: deadline)
            var file = described(medium, .missing(""))
            let said = FileKind.plain(mime: owned.mime)
            file.mime = MediaType.sniffed(part.head) ?? (said.isEmpty ? file.mime : said)
            if file.name.isEmpty { file.name = ForeignText.label(owned.name) }
            guard part.size > 0 else { return described(medium, .missing("it is empty")) }
            let path = "\(base).\(FileKind.fileExtension(mime: file.mime, name: medium.name))"
            try part.finish(as: path)
            left -= min(left, UInt64(part.size))
            file.outcome = .stored(path: path)
            return file
        } catch let error as MediaError {
            return described(medium, .missing(ForeignText.label(error.description, limit: 300)))
        } catch let error as DiskError {
            return described(medium, .missing(Self.sentence(error)))
        }
    }

    /// Asks until the owner gives it, says that it never will, or the time is over.
    private func fetch(
        _ medium: HubMedia,
        into part: PartFile,
        limit: UInt64,
        deadline: ContinuousClock.Instant
    ) async throws -> MediaFile {
        let end = min(deadline, ContinuousClock.now + Bounds.fileTime)
        var pauses = pauses[...]
        while true {
            let time = end - ContinuousClock.now
            guard time > .zero else { throw MediaError("there was no time left for it") }
            do {
                return try await door.open(medium, limit: limit, within: time) { try part.append($0) }
            } catch let error as MediaError where error.isTemporary {
                guard let pause = pauses.popFirst(), ContinuousClock.now + pause < end else { throw error }
                try await Task.sleep(for: pause)
                try part.restart()
            }
        }
    }

    /// A file that the gateway has put into the folder itself: WebChat's attachments, and nobody else's.
    private func kept(_ medium: HubMedia, turn: HubTurn, left: inout UInt64) -> InboundFile {
        guard turn.channel == "webchat",
            let path = folder.inbound(named: String(decoding: medium.ref, as: UTF8.self))
        else { return described(medium, .missing("nobody says where it is")) }
        do throws(DiskError) {
            guard let slice = try Disk.head(path, limit: MediaType.headBytes) else {
                return described(medium, .missing("it is not kept any more"))
            }
            guard UInt64(slice.size) <= left else {
                return described(medium, .missing("the files of this message are too large together"))
            }
            left -= UInt64(slice.size)
            var file = described(medium, .stored(path: path))
            file.mime = MediaType.sniffed(slice.bytes) ?? file.mime
            return file
        } catch {
            return described(medium, .missing(Self.sentence(error)))
        }
    }

    private static func sentence(_ error: DiskError) -> String {
        if case .failed(_, _, let code) = error, [ENOSPC, EDQUOT].contains(code) {
            return "the disk of the gateway's machine is full"
        }
        return "the gateway's machine cannot store it: \(error)"
    }

    /// A turn's part of a file name: its id where that is harmless, else a digest.
    static func base(_ turnID: String) -> String {
        MediaFolder.isPlain(turnID) && turnID.utf8.count <= 80
            ? turnID : Hex.encode(SHA256.hash(Array(turnID.utf8)).prefix(16))
    }
}
