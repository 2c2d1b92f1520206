internal import FoundationEssentials
internal import Runtime

/// How this worker finds a file that it named: small JSON, opaque to everybody else.
struct MediaRef: Equatable, Sendable {
    var channel = ""
    var message = ""
    var attachment = ""
    /// Signed, good for about a day; a new one comes with the message.
    var url = ""

    init(channel: String = "", message: String = "", attachment: String = "", url: String) {
        self.channel = channel
        self.message = message
        self.attachment = attachment
        self.url = url
    }

    init?(decoding bytes: [UInt8]) {
        guard bytes.count <= MediaBounds.refBytes, let json = try? JSON(parsing: bytes) else { return nil }
        func id(_ key: String) -> String {
            json[key]?.string.flatMap { Snowflake.isValid($0) ? $0 : nil } ?? ""
        }
        channel = id("c")
        message = id("m")
        attachment = id("a")
        url = json["u"]?.string ?? ""
        guard !url.isEmpty || !attachment.isEmpty else { return nil }
    }

    func encoded() -> Data {
        var object = JSONObject()
        if !attachment.isEmpty {
            object["c"] = .string(channel)
            object["m"] = .string(message)
            object["a"] = .string(attachment)
        }
        // One that is too long is had again from the message.
        if url.utf8.count <= 3000 { object["u"] = .string(url) }
        return Data(JSON.object(object).encoded())
    }

    /// Whether `url` may be fetched: Discord's own file servers, and the server that stands in for Discord. What a message
    /// claims to be an attachment must not lead this worker into its own network.
    static func isAllowed(_ url: String, apiHost: String, apiIsSecure: Bool) -> Bool {
        guard url.utf8.count <= 3000, url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else {
            return false
        }
        let isSecure = url.hasPrefix("https://")
        guard isSecure || url.hasPrefix("http://") else { return false }
        let rest = url.dropFirst(isSecure ? 8 : 7)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }.lowercased()
        if isSecure, ["cdn.discordapp.com", "media.discordapp.net"].contains(authority) { return true }
        return authority == apiHost && isSecure == apiIsSecure && apiHost != "discord.com"
    }
}
