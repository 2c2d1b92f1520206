internal import FoundationEssentials
internal import Glibc
internal import IPCHub
internal import Runtime

/// A stored picture that a model is shown. Its bytes stay on the disk until they are sent.
struct Picture: Equatable, Sendable {
    var path: String
    /// One of `MediaType.pictures`, by its bytes.
    var mime: String
    var size: Int

    /// Largest picture that is shown: what Anthropic takes.
    static let sizeLimit = 5_000_000
    /// Pictures of one model call, the newest of the conversation, and their bytes together. The model's worker holds
    /// them once as bytes and once as base64, in a budget of 64 MB at least.
    static let countLimit = 8
    static let totalLimit = 10_000_000
    /// Bytes of one piece: with its frame below the hub's 1 MiB.
    static let pieceBytes = 512 * 1024
    /// What a picture counts for in a history that is measured in bytes (about 1,500 tokens).
    static let weight = 6000

    /// What stands in the place of one that cannot be shown.
    static let unreadable = "[media not available: <media:image>: it is not kept any more]"
    static let refused =
        "[media not available: <media:image>: the model's provider refused the pictures of this conversation]"

    /// The picture at `path`; nil when there is none, it is no picture, or too large to be shown.
    init?(path: String) {
        // One that cannot be read is not shown; the text of the message names it all the same.
        guard let slice = try? Disk.head(path, limit: MediaType.headBytes), (1...Self.sizeLimit).contains(slice.size),
            let mime = MediaType.sniffed(slice.bytes), MediaType.pictures.contains(mime)
        else { return nil }
        self.path = path
        self.mime = mime
        size = slice.size
    }

    /// Gives the picture's blocks one after another, at most `pieceBytes` each, all but the last with `more`; a text block
    /// when it cannot be read any more.
    func pieces(_ give: (HubModelBlock) async throws -> Void) async throws {
        let fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        defer { if fd >= 0 { close(fd) } }
        var offset = 0
        var next = fd >= 0 ? piece(fd, at: offset) : []
        guard !next.isEmpty else { return try await give(.with(text: Self.unreadable)) }
        while !next.isEmpty {
            offset += next.count
            var block = HubModelBlock()
            block.image.mime = mime
            block.image.data = Data(next)
            next = piece(fd, at: offset)
            block.image.more = !next.isEmpty
            try await give(block)
        }
    }

    /// Empty at the end, and where nothing can be read.
    private func piece(_ fd: Int32, at offset: Int) -> [UInt8] {
        let end = min(offset + Self.pieceBytes, size)
        guard offset < end else { return [] }
        return (try? Disk.read(fd, offset..<end, path)) ?? []
    }
}

extension HubModelBlock {
    static func with(text: String) -> HubModelBlock {
        var block = HubModelBlock()
        block.text = text
        return block
    }
}
