internal import NIOHTTP1
internal import Runtime

/// One request to Discord's REST API.
struct DiscordCall: Sendable {
    var method: HTTPMethod
    /// After `/api/v10`, with its query. Every id in it was checked to be digits.
    var path: String
    /// What counts as one place for rate limits: the method, the path without the parameters that share a limit, and those
    /// that do not (channel, guild, webhook).
    var route: String
    var body: Body = .none
    var timeout: Duration = .seconds(20)
    /// Interaction answers are not bound by the limit of 50 requests a second.
    var isFree = false

    enum Body: Sendable {
        case none
        case json(JSON)
        /// A form whose files come from elsewhere.
        case form(MultipartForm)
    }

    static let me = DiscordCall(method: .GET, path: "/users/@me", route: "GET /users/@me")
    static let application = DiscordCall(
        method: .GET,
        path: "/oauth2/applications/@me",
        route: "GET /oauth2/applications/@me"
    )
    static let gatewayBot = DiscordCall(method: .GET, path: "/gateway/bot", route: "GET /gateway/bot")

    static func channel(_ id: String) -> DiscordCall {
        DiscordCall(method: .GET, path: "/channels/\(id)", route: "GET /channels/\(id)", timeout: .seconds(5))
    }

    static func guild(_ id: String) -> DiscordCall {
        DiscordCall(method: .GET, path: "/guilds/\(id)", route: "GET /guilds/\(id)", timeout: .seconds(5))
    }

    static func member(_ user: String, of guild: String) -> DiscordCall {
        DiscordCall(
            method: .GET,
            path: "/guilds/\(guild)/members/\(user)",
            route: "GET /guilds/\(guild)/members",
            timeout: .seconds(5)
        )
    }

    static func message(_ id: String, in channel: String) -> DiscordCall {
        DiscordCall(
            method: .GET,
            path: "/channels/\(channel)/messages/\(id)",
            route: "GET /channels/\(channel)/messages/id",
            timeout: .seconds(10)
        )
    }

    /// The oldest messages of a channel after `after`, newest first; 100 at most.
    static func messages(in channel: String, after: String, limit: Int = 50) -> DiscordCall {
        DiscordCall(
            method: .GET,
            path: "/channels/\(channel)/messages?after=\(after)&limit=\(limit)",
            route: "GET /channels/\(channel)/messages"
        )
    }

    static func openDirect(with user: String) -> DiscordCall {
        DiscordCall(
            method: .POST,
            path: "/users/@me/channels",
            route: "POST /users/@me/channels",
            body: .json(["recipient_id": .string(user)])
        )
    }

    static func typing(in channel: String) -> DiscordCall {
        DiscordCall(
            method: .POST,
            path: "/channels/\(channel)/typing",
            route: "POST /channels/\(channel)/typing",
            timeout: .seconds(5)
        )
    }

    static func registerCommands(_ commands: JSON, application: String) -> DiscordCall {
        DiscordCall(
            method: .PUT,
            path: "/applications/\(application)/commands",
            route: "PUT /applications/\(application)/commands",
            body: .json(commands)
        )
    }
}
