internal import FoundationEssentials
package import IPCHub
internal import Synchronization

/// Who has files that others may ask for.
package protocol MediaOwner: Sendable {
    /// Writes the file that `ref` names into `sink`, piece by piece, and says what it is.
    ///
    /// Serves only what this worker itself named in a `Media.ref`: whoever asks may send any bytes, at most
    /// `MediaBounds.refBytes` of them. Is cancelled when the asking side closes. A `MediaError` is told to it word for
    /// word; of any other error it is told only that there was one.
    func media(ref: [UInt8], into sink: MediaSink) async throws -> MediaFile
}

/// Where an owner writes a file.
package struct MediaSink: Sendable {
    /// Most bytes that the asking side takes.
    package let limit: UInt64
    private let count: Count
    private let send: @Sendable (HubMessage) async throws -> Void

    private final class Count: Sendable {
        let bytes = Atomic<UInt64>(0)
    }

    /// For `MediaServer` and for tests: `send` takes MEDIA_CHUNKs.
    package init(limit: UInt64, send: @escaping @Sendable (HubMessage) async throws -> Void) {
        self.limit = limit
        self.send = send
        count = Count()
    }

    /// Bytes written so far.
    package var size: UInt64 { count.bytes.load(ordering: .relaxed) }

    /// Sends the next bytes, any number of them; waits while the other side does not read.
    ///
    /// - Throws: `MediaError` when that is more than `limit`; the owner lets it through.
    package func write(_ bytes: [UInt8]) async throws {
        var rest = bytes[...]
        guard UInt64(rest.count) <= limit - min(limit, size) else { throw MediaError.tooLarge(limit) }
        while !rest.isEmpty {
            var chunk = HubMediaChunk()
            chunk.data = Data(rest.prefix(MediaBounds.chunkBytes))
            rest = rest.dropFirst(MediaBounds.chunkBytes)
            count.bytes.wrappingAdd(UInt64(chunk.data.count), ordering: .relaxed)
            try await send(.mediaChunk(chunk))
        }
    }
}
