internal import IPCHub

/// A file of the message that a turn answers, as the model is told of it.
struct InboundFile: Equatable, Sendable {
    enum Outcome: Equatable, Sendable {
        case stored(path: String)
        /// Why it cannot be had, in words.
        case missing(String)
    }

    var kind: HubMedia.Kind
    /// As the sender called it, made harmless; "" when it has no name.
    var name: String
    /// By its bytes when they say it, else as the sender said; "" when nobody knows.
    var mime: String
    var outcome: Outcome
    var speech: Speech?

    /// What became of the speech in it.
    enum Speech: Equatable, Sendable {
        case heard(String)
        /// Why nobody understood it, in words.
        case unheard(String)
    }

    var transcript: String? { if case .heard(let text)? = speech { text } else { nil } }

    var path: String? { if case .stored(let path) = outcome { path } else { nil } }

    /// OpenClaw's words for what was said: `[Audio]`, the caption, the transcript. Nil when nothing was understood.
    static func said(_ files: [InboundFile], caption: String) -> String? {
        let texts = files.compactMap(\.transcript)
        guard !texts.isEmpty else { return nil }
        var lines: [String] = []
        for (index, text) in texts.enumerated() {
            lines.append(texts.count > 1 ? "[Audio \(index + 1)/\(texts.count)]" : "[Audio]")
            if index == 0, !caption.trimmed().isEmpty { lines += ["User text:", caption] }
            lines += ["Transcript:", text]
        }
        return lines.joined(separator: "\n")
    }

    /// OpenClaw's lines: `[media attached: /…/a.png (image/png)]`, with a heading when there are several.
    static func note(_ files: [InboundFile]) -> String {
        let stored = files.filter { $0.path != nil }
        var lines: [String] = []
        if stored.count > 1 { lines.append("[media attached: \(stored.count) files]") }
        for (index, file) in stored.enumerated() {
            let number = stored.count > 1 ? " \(index + 1)/\(stored.count)" : ""
            let mime = file.mime.isEmpty ? "" : " (\(file.mime))"
            let name = file.name.isEmpty ? "" : " | \(file.name)"
            lines.append("[media attached\(number): \(file.path ?? "")\(mime)\(name)]")
        }
        for file in files {
            guard case .missing(let why) = file.outcome else { continue }
            let what = file.name.isEmpty ? FileKind.mark(file.kind) : file.name
            lines.append("[media not available: \(what): \(why)]")
        }
        for file in files {
            guard case .unheard(let why)? = file.speech else { continue }
            lines.append(
                "[\(file.kind == .voice ? "voice" : "audio") not understood: \(ForeignText.label(why, limit: 300)). Tell its sender.]"
            )
        }
        return lines.joined(separator: "\n")
    }
}
