import FoundationEssentials
import IPCHub
import Runtime
import Synchronization

@testable import Agent

/// Owners of files, by the first byte of a ref.
final class FakeMedia: MediaDoor {
    enum Answer: Sendable {
        case bytes([UInt8], mime: String)
        case fails(MediaError)
        case hangs
    }

    private let answers: Mutex<[UInt8: [Answer]]>
    private let asked = Mutex<[UInt64]>([])

    /// The last answer of a ref is given for ever.
    init(_ answers: [UInt8: [Answer]]) { self.answers = Mutex(answers) }

    /// The limits that were asked with.
    var limits: [UInt64] { asked.withLock { $0 } }

    func open(
        _ media: HubMedia,
        limit: UInt64,
        within time: Duration,
        chunk: @escaping @Sendable ([UInt8]) async throws -> Void
    ) async throws -> MediaFile {
        asked.withLock { $0.append(limit) }
        let answer = answers.withLock { answers -> Answer? in
            let key = media.ref.first ?? 0
            let first = answers[key]?.first
            if (answers[key]?.count ?? 0) > 1 { answers[key]?.removeFirst() }
            return first
        }
        switch answer {
        case .bytes(let bytes, let mime)?:
            guard UInt64(bytes.count) <= limit else { throw MediaError("too large") }
            for start in stride(from: 0, to: bytes.count, by: 100_000) {
                try await chunk(Array(bytes[start..<min(start + 100_000, bytes.count)]))
            }
            return MediaFile(mime: mime, name: "", size: UInt64(bytes.count))
        case .fails(let error)?:
            try await chunk([1, 2, 3])  // a beginning that counts for nothing
            throw error
        case .hangs?:
            try await Task.sleep(for: .seconds(60))
            throw MediaError("late")
        case nil: throw MediaError("there is no such file")
        }
    }

    static func media(_ ref: UInt8, kind: HubMedia.Kind = .image, name: String = "") -> HubMedia {
        var media = HubMedia()
        media.owner = "channel:telegram:default"
        media.ref = Data([ref])
        media.kind = kind
        media.name = name
        return media
    }

    static func png(_ count: Int) -> [UInt8] {
        [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + (0..<max(0, count - 8)).map { UInt8(truncatingIfNeeded: $0) }
    }
}
