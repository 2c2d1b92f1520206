internal import IPCHub
internal import Runtime

/// What a file is called, to people, networks and disks.
enum FileKind {
    private static let extensions: [(mime: String, name: String)] = [
        ("image/png", "png"), ("image/jpeg", "jpg"), ("image/gif", "gif"), ("image/webp", "webp"),
        ("image/svg+xml", "svg"), ("application/pdf", "pdf"), ("audio/ogg", "ogg"), ("audio/mpeg", "mp3"),
        ("audio/mp4", "m4a"), ("audio/wav", "wav"), ("audio/flac", "flac"), ("video/mp4", "mp4"),
        ("video/quicktime", "mov"), ("video/webm", "webm"), ("application/zip", "zip"), ("application/gzip", "gz"),
        ("text/plain", "txt"), ("text/markdown", "md"), ("text/csv", "csv"), ("text/html", "html"),
        ("application/json", "json"),
    ]

    /// The ending of a stored file's name: by its type, else as its sender called it, where that is harmless.
    static func fileExtension(mime: String, name: String) -> String {
        if let known = extensions.first(where: { $0.mime == mime }) { return known.name }
        let ending = name.split(separator: ".").dropFirst().last.map { $0.lowercased() } ?? ""
        let isHarmless =
            (1...8).contains(ending.utf8.count) && ending.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
        return isHarmless ? ending : "bin"
    }

    /// The type that a name's ending promises; nil for one that is not known.
    static func mime(ofName name: String) -> String? {
        guard let dot = name.lastIndex(of: ".") else { return nil }
        var ending = name[name.index(after: dot)...].lowercased()
        ending = ["jpeg": "jpg", "oga": "ogg", "opus": "ogg", "htm": "html"][ending] ?? ending
        return extensions.first { $0.name == ending }?.mime
    }

    /// A type as a sender wrote it, reduced to what a type may consist of; "" when nothing is left.
    static func plain(mime: String) -> String {
        let kept = mime.prefix { $0 != ";" }.lowercased().filter { character in
            character.isASCII && (character.isLetter || character.isNumber || "/.+-".contains(character))
        }
        return kept.contains("/") ? String(kept.prefix(80)) : ""
    }

    /// How networks present a file of this type.
    static func kind(mime: String) -> HubMedia.Kind {
        if MediaType.pictures.contains(mime) { return .image }
        if mime.hasPrefix("audio/") { return .audio }
        return mime.hasPrefix("video/") ? .video : .file
    }

    /// OpenClaw's mark of a file in a text.
    static func mark(_ kind: HubMedia.Kind) -> String {
        switch kind {
        case .image: "<media:image>"
        case .audio, .voice: "<media:audio>"
        case .video: "<media:video>"
        case .sticker: "<media:sticker>"
        case .file, .UNRECOGNIZED: "<media:document>"
        }
    }

    /// The mark of a message's files: `<media:image> (3 files)`.
    static func mark(_ media: [HubMedia]) -> String {
        guard let first = media.first else { return "" }
        return media.count == 1 ? mark(first.kind) : "\(mark(first.kind)) (\(media.count) files)"
    }
}
