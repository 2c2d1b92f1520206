internal import Glibc
internal import Runtime

/// Gives channels the files of answers: the outbound copies by their random names, and nothing else.
struct OutboundOwner: MediaOwner {
    let folder: MediaFolder
    /// Called when a file was asked for: the agent is not idle.
    var asked: @Sendable () -> Void = {}

    func media(ref: [UInt8], into sink: MediaSink) async throws -> MediaFile {
        asked()
        let id = String(decoding: ref, as: UTF8.self)
        guard OutboundFiles.isID(id) else { throw MediaError("there is no such file") }
        let path = "\(folder.outbound)/\(id)"
        let fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard fd >= 0 else {
            throw MediaError(errno == ENOENT ? "the file is not kept any more" : "the file cannot be read")
        }
        defer { close(fd) }
        let size = try Disk.size(of: fd, path)
        guard UInt64(size) <= sink.limit else {
            throw MediaError("it is larger than the \(MediaBounds.text(sink.limit)) that this channel sends")
        }
        var offset = 0
        while offset < size {
            let bytes = try Disk.read(fd, offset..<min(offset + MediaBounds.chunkBytes, size), path)
            guard !bytes.isEmpty else { throw MediaError("the file was cut while it was sent", isTemporary: true) }
            try await sink.write(bytes)
            offset += bytes.count
        }
        asked()
        return MediaFile(size: UInt64(size))
    }
}
