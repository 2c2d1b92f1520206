internal import IPCHub
internal import Runtime

/// How a turn gets at the files of its message.
protocol MediaDoor: Sendable {
    /// As `MediaFetch.open`.
    func open(
        _ media: HubMedia,
        limit: UInt64,
        within time: Duration,
        chunk: @escaping @Sendable ([UInt8]) async throws -> Void
    ) async throws -> MediaFile
}

/// The owner at the other end of a stream through the hub.
struct HubMediaDoor: MediaDoor {
    let worker: Worker

    func open(
        _ media: HubMedia,
        limit: UInt64,
        within time: Duration,
        chunk: @escaping @Sendable ([UInt8]) async throws -> Void
    ) async throws -> MediaFile {
        try await MediaFetch.open(worker, media, limit: limit, within: time, chunk: chunk)
    }
}
