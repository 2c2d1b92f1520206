internal import NIOCore
internal import NIOHTTP1
internal import Runtime

/// Serves the files of Discord's messages: fetched when they are wanted, handed on piece by piece.
struct FileServer: MediaOwner {
    let api: DiscordAPI
    let isSecure: Bool
    /// The operator's own limit.
    let limit: UInt64

    func media(ref: [UInt8], into sink: MediaSink) async throws -> MediaFile {
        guard let ref = MediaRef(decoding: ref) else { throw MediaError("this is no file of Discord's") }
        var url = ref.url
        if url.isEmpty { url = try await fresh(ref) }
        switch try await download(url, into: sink) {
        case .success(let file): return file
        // Addresses are good for about a day; the message has a new one.
        case .failure(let status) where [401, 403, 404, 410].contains(status) && !ref.attachment.isEmpty:
            guard case .success(let file) = try await download(try await fresh(ref), into: sink) else {
                throw MediaError("Discord no longer has the file")
            }
            return file
        case .failure(let status):
            throw MediaError("Discord did not hand the file out (HTTP \(status))", isTemporary: status >= 500)
        }
    }

    private enum Download {
        case success(MediaFile)
        case failure(status: UInt)
    }

    private func download(_ url: String, into sink: MediaSink) async throws -> Download {
        guard MediaRef.isAllowed(url, apiHost: api.host, apiIsSecure: isSecure) else {
            throw MediaError("the file is not on one of Discord's servers and is not fetched")
        }
        let most = min(sink.limit, limit)
        let type = HeaderBox()
        let status = try await api.download(
            url,
            head: { headers in
                type.set(headers.first(name: "content-type") ?? "")
                if let size = headers.first(name: "content-length").flatMap({ UInt64($0) }), size > most {
                    throw tooLarge(most)
                }
            },
            chunk: { part in
                guard sink.size + UInt64(part.readableBytes) <= most else { throw tooLarge(most) }
                try await sink.write(Array(part.readableBytesView))
            }
        )
        guard status == .ok else { return .failure(status: status.code) }
        return .success(MediaFile(mime: type.mime, size: sink.size))
    }

    private func tooLarge(_ most: UInt64) -> MediaError {
        MediaError(
            "the file is larger than the \(MediaBounds.text(most)) that are taken (channels.discord.mediaMaxMb)"
        )
    }

    /// The attachment's address of today.
    private func fresh(_ ref: MediaRef) async throws -> String {
        guard Snowflake.isValid(ref.channel), Snowflake.isValid(ref.message) else {
            throw MediaError("the file's message is not known any more")
        }
        switch await api.call(.message(ref.message, in: ref.channel)) {
        case .failure(let failure):
            if case .refused = failure { throw MediaError("the file's message is gone (\(failure.words))") }
            throw MediaError("Discord did not say where the file is: \(failure.words)", isTemporary: true)
        case .success(let message):
            let snapshots = (message["message_snapshots"]?.array ?? []).compactMap { $0["message"] }
            for row in ([message] + snapshots).flatMap({ $0["attachments"]?.array ?? [] })
            where row["id"]?.string == ref.attachment {
                if let url = row["url"]?.string { return url }
            }
            throw MediaError("the file is no longer in its message")
        }
    }
}
