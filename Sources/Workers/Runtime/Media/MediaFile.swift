/// What is known of a file once its bytes have travelled.
package struct MediaFile: Sendable, Equatable {
    /// What its owner found it to be; "" when the owner cannot tell.
    package var mime: String
    package var name: String
    /// Bytes that came or went.
    package var size: UInt64

    package init(mime: String = "", name: String = "", size: UInt64 = 0) {
        self.mime = mime
        self.name = name
        self.size = size
    }
}

/// Why a file cannot be had, in words for people.
package struct MediaError: Error, Sendable, Equatable, CustomStringConvertible {
    package var description: String
    /// Asking again later may help.
    package var isTemporary: Bool

    package init(_ description: String, isTemporary: Bool = false) {
        self.description = description
        self.isTemporary = isTemporary
    }

    static func tooLarge(_ limit: UInt64) -> MediaError {
        MediaError("the file is larger than the \(MediaBounds.text(limit)) that are taken")
    }
}

/// The bounds of files that travel through the hub.
package enum MediaBounds {
    /// Longest name that an owner may give a file (`Media.ref`).
    package static let refBytes = 4096
    /// Most bytes of one MEDIA_CHUNK.
    package static let chunkBytes = 256 * 1024
    /// Files that one owner serves at the same time; more are told to ask again.
    package static let servedAtOnce = 4
    /// Streams that an owner answers at all at the same time, those told to ask again included.
    static let streams = 32
    /// For one stream, from STREAM_OPEN to its end.
    static let serving = Duration.seconds(120)

    /// `5 MB`, `300 bytes`: as people say it.
    package static func text(_ bytes: UInt64) -> String {
        switch bytes {
        case ..<10_000: "\(bytes) bytes"
        case ..<1_000_000: "\(bytes / 1000) kB"
        default: "\(bytes / 1_000_000) MB"
        }
    }
}
