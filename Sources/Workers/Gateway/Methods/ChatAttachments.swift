internal import FoundationEssentials
internal import Glibc
internal import IPCControl
internal import Runtime

/// The pictures that come with `chat.send`: base64 in its params, files in the folder that agents read from.
///
/// A frame of the hub is too small for them, so the gateway, which is the state directory's owner like the agents, writes
/// them where an agent puts what it fetches itself; the message names them without an owner. Files of a message that is
/// refused are removed again, all others after a week by the agents (`docs/decisions/0141`).
struct ChatAttachments {
    /// Of all together, decoded. Source: spec/channels-voice-tunnel.md 2.6.
    static let bytesLimit = 5_000_000
    static let countLimit = 10

    /// One picture, decoded.
    struct Picture: Equatable {
        var name: String
        var mime: String
        var bytes: [UInt8]
    }

    private(set) var pictures: [Picture] = []

    /// Reads `attachments[{type, mimeType, fileName, content}]`.
    init(_ items: [WireValue]) throws(RPCError) {
        guard items.count <= Self.countLimit else { throw .invalid("at most \(Self.countLimit) attachments are taken") }
        var total = 0
        for (index, item) in items.enumerated() {
            var reader = ParamReader(item, pointer: "/attachments/\(index)")
            _ = reader.string("type", allowEmpty: true)
            _ = reader.string("mimeType", allowEmpty: true)
            let name = reader.string("fileName", allowEmpty: true)
            let content = reader.string("content", required: true, longest: Self.bytesLimit * 4 / 3 + 1024)
            guard reader.isValid, let content else { throw reader.error(method: "chat.send") }
            guard let bytes = Self.decoded(content) else {
                throw .invalid("attachment \(index + 1) is not base64")
            }
            total += bytes.count
            guard total <= Self.bytesLimit else {
                throw .invalid("the attachments are larger than \(Self.bytesLimit) bytes together")
            }
            guard let mime = MediaType.sniffed(bytes), MediaType.pictures.contains(mime) else {
                throw .invalid("attachment \(index + 1) is no picture: png, jpeg, gif and webp are taken")
            }
            pictures.append(Picture(name: name ?? "", mime: mime, bytes: bytes))
        }
    }

    /// With or without `data:…;base64,` in front, as clients send it.
    private static func decoded(_ content: String) -> [UInt8]? {
        var rest = Substring(content)
        if rest.hasPrefix("data:"), let comma = rest.firstIndex(of: ",") { rest = rest[rest.index(after: comma)...] }
        return Data(base64Encoded: String(rest)).map { [UInt8]($0) }
    }

    /// Writes the pictures into `<state>/media/inbound`. Their names follow from key and content, so a repeated request
    /// names the same files again.
    ///
    /// - Returns: the files, and the paths of those that were not there before.
    func store(key: String, stateDirectory: String) throws(RPCError) -> (files: [ChatFile], written: [String]) {
        guard !pictures.isEmpty else { return ([], []) }
        let directory = "\(stateDirectory)/media/inbound"
        for path in ["\(stateDirectory)/media", directory] where mkdir(path, 0o700) != 0 && errno != EEXIST {
            throw Self.unwritable(path)
        }
        var files: [ChatFile] = []
        var written: [String] = []
        for (index, picture) in pictures.enumerated() {
            let digest = Hex.encode(SHA256.hash(Array("\(key)|\(index)|".utf8) + SHA256.hash(picture.bytes)).prefix(16))
            let ending = picture.mime == "image/jpeg" ? "jpg" : String(picture.mime.dropFirst("image/".count))
            let file = ChatFile(
                name: "wc-\(digest).\(ending)",
                mime: picture.mime,
                shownName: picture.name,
                size: picture.bytes.count
            )
            let path = "\(directory)/\(file.name)"
            // A repeated request: the file may be another turn's by now.
            if access(path, F_OK) != 0 {
                do throws(RPCError) {
                    try Self.write(picture.bytes, to: path)
                } catch {
                    Self.remove(written)
                    throw error
                }
                written.append(path)
            }
            files.append(file)
        }
        return (files, written)
    }

    /// Takes back what was written for a message that is refused.
    static func remove(_ paths: [String]) {
        for path in paths { unlink(path) }
    }

    /// Under another name first: an agent never reads half a file. On the disk before the message is journaled.
    private static func write(_ bytes: [UInt8], to path: String) throws(RPCError) {
        let part = path + ".part"
        let fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard fd >= 0 else { throw unwritable(part) }
        defer { close(fd) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.write(fd, buffer.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            written += count
        }
        guard written == bytes.count, fsync(fd) == 0, rename(part, path) == 0 else {
            let error = unwritable(path)
            unlink(part)
            throw error
        }
    }

    private static func unwritable(_ path: String) -> RPCError {
        RPCError(
            .unavailable,
            "the attachment cannot be stored in \(path): \(String(cString: strerror(errno)))",
            retryable: true,
            retryAfterMilliseconds: 5000
        )
    }
}
