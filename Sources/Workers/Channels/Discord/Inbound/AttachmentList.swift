internal import FoundationEssentials
internal import IPCHub
internal import Runtime

/// The files of a message, as the agent may ask for them.
struct AttachmentList {
    /// This worker: `channel:discord:default`.
    var owner: String

    /// Discord's own limit is ten; passed-on messages bring theirs.
    static let limit = 20

    /// - Parameter message: with `attachments` and `sticker_items`; `channel` and `id` are where it stands.
    func media(of message: JSON, channel: String, id: String) -> [HubMedia] {
        var list: [HubMedia] = []
        let isVoice = (message["flags"]?.integer ?? 0) & (1 << 13) != 0
        for file in message["attachments"]?.array ?? [] { list += media(file, channel, id, isVoice: isVoice) }
        for sticker in message["sticker_items"]?.array ?? [] { list += self.sticker(sticker) }
        for snapshot in message["message_snapshots"]?.array ?? [] {
            if let inner = snapshot["message"] { list += media(of: inner, channel: channel, id: id) }
        }
        return Array(list.prefix(Self.limit))
    }

    private func media(_ file: JSON, _ channel: String, _ message: String, isVoice: Bool) -> [HubMedia] {
        guard let id = file["id"]?.string, Snowflake.isValid(id) else { return [] }
        var media = HubMedia()
        let mime = (file["content_type"]?.string ?? "").split(separator: ";").first.map(String.init) ?? ""
        media.mime = String(mime.prefix(127)).lowercased()
        media.kind =
            switch media.mime.split(separator: "/").first {
            case "image"?: .image
            case "audio"?: isVoice || file["waveform"] != nil ? .voice : .audio
            case "video"?: .video
            default: .file
            }
        media.owner = owner
        media.name = String((file["filename"]?.string ?? "").prefix(255))
        media.size = UInt64(clamping: max(0, file["size"]?.integer ?? 0))
        media.ref = MediaRef(
            channel: channel,
            message: message,
            attachment: id,
            url: file["url"]?.string ?? ""
        ).encoded()
        return [media]
    }

    private func sticker(_ sticker: JSON) -> [HubMedia] {
        guard let id = sticker["id"]?.string, Snowflake.isValid(id) else { return [] }
        // 1 and 2: PNG, 4: GIF. 3 is an animation that is no picture.
        let isGIF = sticker["format_type"]?.integer == 4
        guard sticker["format_type"]?.integer != 3 else { return [] }
        var media = HubMedia()
        media.kind = .sticker
        media.owner = owner
        media.mime = isGIF ? "image/gif" : "image/png"
        media.name = String((sticker["name"]?.string ?? "sticker").prefix(64)) + (isGIF ? ".gif" : ".png")
        let host = isGIF ? "media.discordapp.net" : "cdn.discordapp.com"
        media.ref = MediaRef(url: "https://\(host)/stickers/\(id)\(isGIF ? ".gif" : ".png")").encoded()
        return [media]
    }
}
