internal import FoundationEssentials
internal import Runtime

/// Where an answer goes: made when a message is parsed, kept by the gateway, given back with every chunk. Small JSON; the
/// words `channel:<id>`, `user:<id>` and a bare channel id are understood too, for messages that answer nothing.
struct ReplyTarget: Equatable, Sendable {
    var channel: String?
    /// Somebody whose direct channel is to be opened.
    var user: String?
    /// The message that is answered.
    var message: String?
    var interaction: Interaction?

    /// A slash command or button whose answer may still take the place of "is thinking…".
    struct Interaction: Equatable, Sendable {
        var application: String
        var token: String
        /// Milliseconds since 1970; its token lives for fifteen minutes.
        var made: Int64
        /// It shows "is thinking…".
        var isDeferred: Bool
    }

    init(channel: String, message: String? = nil, interaction: Interaction? = nil) {
        self.channel = channel
        self.message = message
        self.interaction = interaction
    }

    init?(decoding bytes: some Sequence<UInt8>) {
        let bytes = Array(bytes)
        guard bytes.count <= 4096 else { return nil }
        guard let json = try? JSON(parsing: bytes), json.object != nil else {
            guard let target = Self.words(String(decoding: bytes, as: UTF8.self)) else { return nil }
            self = target
            return
        }
        func id(_ key: String) -> String? { json[key]?.string.flatMap { Snowflake.isValid($0) ? $0 : nil } }
        channel = id("c")
        user = id("u")
        message = id("m")
        if let own = json["i"], let token = own["t"]?.string, Interactions.isToken(token),
            let application = own["a"]?.string, Snowflake.isValid(application)
        {
            interaction = Interaction(
                application: application,
                token: token,
                made: max(0, min(own["at"]?.integer ?? 0, 1 << 52)),
                isDeferred: own["d"]?.bool ?? false
            )
        }
        guard channel != nil || user != nil else { return nil }
    }

    private static func words(_ text: String) -> ReplyTarget? {
        var id = text[...]
        var isUser = false
        for (prefix, means) in [("discord:", false), ("channel:", false), ("user:", true)] where id.hasPrefix(prefix) {
            id = id.dropFirst(prefix.count)
            isUser = means
        }
        guard Snowflake.isValid(id) else { return nil }
        var target = ReplyTarget(channel: String(id))
        if isUser { (target.channel, target.user) = (nil, String(id)) }
        return target
    }

    func encoded() -> Data {
        var object = JSONObject()
        object["c"] = channel.map { .string($0) }
        object["u"] = user.map { .string($0) }
        object["m"] = message.map { .string($0) }
        if let interaction {
            object["i"] = [
                "a": .string(interaction.application), "t": .string(interaction.token),
                "at": .integer(interaction.made), "d": .bool(interaction.isDeferred),
            ]
        }
        return Data(JSON.object(object).encoded())
    }
}
