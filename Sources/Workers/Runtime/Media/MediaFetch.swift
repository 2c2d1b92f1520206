internal import FoundationEssentials
package import IPCHub
internal import NIOCore

/// Asks the owner of a file for its bytes.
package enum MediaFetch {
    /// Gives the file piece by piece to `chunk`, in order, and returns what its owner said about it.
    ///
    /// The next piece is read when `chunk` has returned, so a slow taker slows the owner down and nothing is gathered.
    /// Once; whether to ask again after a temporary error is the caller's to decide, who then begins with an empty file.
    ///
    /// - Parameters:
    ///   - limit: most bytes that are taken, at least 1.
    ///   - time: for the whole of it, the owner's start included.
    /// - Throws: `MediaError`, what `chunk` threw, or `CancellationError`.
    package static func open(
        _ worker: Worker,
        _ media: HubMedia,
        limit: UInt64,
        within time: Duration,
        chunk: @escaping @Sendable ([UInt8]) async throws -> Void
    ) async throws -> MediaFile {
        guard !media.owner.isEmpty, media.ref.count <= MediaBounds.refBytes else {
            throw MediaError("nobody says where the file is")
        }
        guard media.size <= limit else { throw MediaError.tooLarge(limit) }
        var request = HubMediaRequest()
        request.ref = media.ref
        request.limit = limit
        do {
            return try await TimeLimit.run(time, on: worker.eventLoop) { [request] in
                try await HubStream.open(worker, target: media.owner) { stream, messages in
                    try await stream.send(.mediaRequest(request))
                    return try await read(&messages, limit: limit, chunk: chunk)
                }
            }
        } catch is TimeLimit.Exceeded {
            throw MediaError("\(media.owner) did not send it within \(time.components.seconds) s", isTemporary: true)
        } catch let error as HubLinkError {
            throw MediaError("\(media.owner) cannot be asked for it: \(error)", isTemporary: true)
        } catch let error as FrameError {
            throw MediaError("\(media.owner) sent nonsense: \(error)")
        } catch let error as IOError {
            throw MediaError("the connection to \(media.owner) broke: \(error)", isTemporary: true)
        } catch let error as ChannelError {
            throw MediaError("the connection to \(media.owner) broke: \(error)", isTemporary: true)
        }
    }

    private static func read(
        _ messages: inout HubStream.Messages.AsyncIterator,
        limit: UInt64,
        chunk: @Sendable ([UInt8]) async throws -> Void
    ) async throws -> MediaFile {
        var size: UInt64 = 0
        while let message = try await messages.next(isolation: #isolation) {
            switch message {
            case .mediaChunk(let part):
                guard !part.data.isEmpty, part.data.count <= MediaBounds.chunkBytes else {
                    throw MediaError("its owner sent a piece of \(part.data.count) bytes")
                }
                size += UInt64(part.data.count)
                guard size <= limit else { throw MediaError.tooLarge(limit) }
                try await chunk(Array(part.data))
            case .mediaEnd(let end):
                guard end.error.isEmpty else { throw MediaError(end.error, isTemporary: end.isTemporary) }
                return MediaFile(mime: end.mime, name: end.name, size: size)
            default: throw HubLinkError.unexpected(message.type)
            }
        }
        throw MediaError("its owner stopped in the middle of it", isTemporary: true)
    }
}
