/// What a close code of Discord's gateway asks for.
/// Source: Discord's documentation, "Gateway Close Event Codes".
enum CloseMeaning: Equatable {
    /// Connect again and go on where it ended.
    case resume
    /// The session is gone: identify anew.
    case identify
    /// No retry mends it; the reason says what to click.
    case fatal(String)

    static let portal = "https://discord.com/developers/applications"

    /// - Parameter intents: the privileged ones that were asked for, by the names of their switches.
    init(code: Int?, reason: String, intents: [String]) {
        let said = reason.isEmpty ? "" : " \(reason)"
        switch code {
        case 4004?:
            self = .fatal(
                "Discord refused the bot token (4004\(said)): check DISCORD_BOT_TOKEN or channels.discord.token; "
                    + "\(Self.portal) → the application → Bot → Reset Token shows a new one"
            )
        case 4010?: self = .fatal("Discord refused the shard (4010\(said)): this is a defect, please report it")
        case 4011?:
            self = .fatal(
                "Discord wants this bot to be sharded (4011\(said)): it is in more guilds than one connection may serve "
                    + "(2,500); remove it from some"
            )
        case 4012?: self = .fatal("Discord does not know gateway v10 (4012\(said)): this version is too old, update it")
        case 4013?:
            self = .fatal("Discord refused the intents as malformed (4013\(said)): check channels.discord.intents")
        case 4014?:
            self = .fatal(
                "Discord refused intents that are switched off for this bot (4014\(said)): switch on "
                    + "\(intents.joined(separator: " and ")) at \(Self.portal) → the application → Bot → "
                    + "Privileged Gateway Intents, then restart this channel"
            )
        case 4007?, 4009?: self = .identify
        default: self = .resume
        }
    }
}
