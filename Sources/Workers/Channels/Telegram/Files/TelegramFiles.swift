internal import NIOCore
internal import Runtime

/// The files of this account's messages: fetched from Telegram when somebody wants them, never kept.
struct TelegramFiles: MediaOwner {
    let api: BotAPI
    let seal: FileSeal

    /// Largest file that Telegram hands to a bot (Bot API, getFile).
    static let downloadBytes: UInt64 = 20_000_000

    func media(ref: [UInt8], into sink: MediaSink) async throws -> MediaFile {
        guard let id = seal.id(in: ref) else { throw MediaError("no such file was sent to this bot") }
        let file: Bot.File
        switch await api.call(.getFile(id), Bot.File.self) {
        case .success(let found): file = found
        case .failure(let failure): throw Self.error(failure)
        }
        if let size = file.fileSize, size > 0, UInt64(size) > sink.limit {
            throw MediaError(
                "the file has \(MediaBounds.text(UInt64(size))), more than the \(MediaBounds.text(sink.limit)) that are taken"
            )
        }
        guard let path = file.filePath, let address = Self.address(path) else {
            throw MediaError(
                "Telegram names no address for the file that this worker can use (a Bot API server with --local keeps files to itself)"
            )
        }
        do {
            try await api.download(address) { try await sink.write(Array($0.readableBytesView)) }
        } catch let failure as CallFailure {
            throw Self.error(failure)
        }
        return MediaFile(name: path.split(separator: "/").last.map(String.init) ?? "", size: sink.size)
    }

    /// A path of `getFile` as part of an address: relative, plain segments only. Nil for anything else.
    static func address(_ path: String) -> String? {
        guard !path.isEmpty, path.utf8.count <= 512, !path.hasPrefix("/") else { return nil }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        guard segments.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else { return nil }
        var result = ""
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "-"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let hex = String(byte, radix: 16, uppercase: true)
                result += "%" + (hex.count == 1 ? "0" + hex : hex)
            }
        }
        return result
    }

    private static func error(_ failure: CallFailure) -> MediaError {
        switch failure {
        case .refused(400, let description, _) where description.contains("file is too big"):
            MediaError("the file is larger than the 20 MB that Telegram hands to bots")
        case .refused, .tooLong: MediaError("Telegram does not hand out the file: \(failure.words)")
        case .badToken, .conflict, .tooMany, .unreached, .unknown:
            MediaError("Telegram did not hand out the file: \(failure.words)", isTemporary: true)
        }
    }
}
