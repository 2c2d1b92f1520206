internal import IPCHub

/// How a file is sent. Each kind has one to fall back on; a document is taken whatever it is.
enum FileMethod: String, Equatable, Sendable {
    case sendPhoto
    case sendVideo
    case sendAnimation
    case sendAudio
    case sendVoice
    case sendDocument

    /// Largest photo that Telegram takes as one.
    static let photoBytes: UInt64 = 10 << 20
    /// Largest file that a bot may send.
    static let uploadBytes: UInt64 = 50 << 20

    /// The name of the form's field with the file.
    var field: String {
        switch self {
        case .sendPhoto: "photo"
        case .sendVideo: "video"
        case .sendAnimation: "animation"
        case .sendAudio: "audio"
        case .sendVoice: "voice"
        case .sendDocument: "document"
        }
    }

    /// What is tried when Telegram refuses the file as this.
    var fallback: FileMethod? {
        switch self {
        case .sendVoice: .sendAudio
        case .sendPhoto, .sendVideo, .sendAnimation, .sendAudio: .sendDocument
        case .sendDocument: nil
        }
    }

    /// The best way for a file, by what its owner says about it.
    init(_ media: HubMedia, asVoice: Bool) {
        let mime = media.mime.lowercased()
        let name = media.name.lowercased()
        switch media.kind {
        case .voice: self = .sendVoice
        case _ where asVoice && (media.kind == .audio || mime.hasPrefix("audio/")): self = .sendVoice
        case .image where mime == "image/gif" || name.hasSuffix(".gif"): self = .sendAnimation
        case .image where mime == "image/svg+xml" || media.size > Self.photoBytes: self = .sendDocument
        case .image: self = .sendPhoto
        case .audio: self = .sendAudio
        case .video: self = .sendVideo
        case .file, .sticker, .UNRECOGNIZED: self = .sendDocument
        }
    }
}
