/// One Discord account that can run.
package struct DiscordAccount: Sendable, Equatable {
    package var access: ChannelAccess
    package var config: DiscordConfig
    /// Secret.
    package var token: String
}

extension LoadedConfig {
    /// The Discord accounts that have a token and are not switched off. What keeps an account from running is reported.
    package mutating func discordAccounts() -> [DiscordAccount] {
        let base: ConfigPath = ["channels", "discord"]
        let block = Self.find(base, in: root)
        var names = (block?["accounts"]?.object?.members ?? []).map(\.key)
        let top = isSound(base, except: ["accounts"]) ? block : nil
        let hasToken = top?["token"] != nil || environment["DISCORD_BOT_TOKEN"] != nil
        if !names.contains("default"), hasToken || (names.isEmpty && block != nil) { names.insert("default", at: 0) }
        // A wrong value that all accounts inherit; reported by the check, with its line.
        guard block == nil || top != nil, top?["enabled"]?.bool != false else { return [] }
        var accounts: [DiscordAccount] = []
        for (index, name) in names.enumerated() {
            guard index < Self.accountLimit else {
                report(.init(path: "\(base).accounts", line: 0, text: "more than \(Self.accountLimit) accounts"))
                break
            }
            guard let account = discordAccount(name, top: top) else { continue }
            if let twin = accounts.first(where: { $0.token == account.token }) {
                let text =
                    "has the same bot token as the account \(twin.access.account); every message would come twice"
                report(
                    .init(
                        path: "\(base).accounts.\(name)",
                        line: account.access.line,
                        text: text,
                        disables: account.access.worker
                    )
                )
                continue
            }
            accounts.append(account)
        }
        return accounts
    }

    private mutating func discordAccount(_ name: String, top: ConfigValue?) -> DiscordAccount? {
        let path: ConfigPath = ["channels", "discord", "accounts", name]
        guard isSound(path) else { return nil }
        let own = Self.find(path, in: root)
        guard own?["enabled"]?.bool != false else { return nil }
        let id = Self.agentID(name)
        let keys = AccountKeys(channel: "discord", name: name, own: own, top: top)
        let line = Int((own ?? top)?.position.line ?? 0)
        func problem(_ text: String) -> ConfigProblem {
            ConfigProblem(
                path: keys.base.joined(separator: "."),
                line: line,
                text: text,
                disables: "channel:discord:\(id)"
            )
        }
        guard let token = discordToken(name, own: own, top: top) else {
            let variable = name == "default" ? " or DISCORD_BOT_TOKEN for default" : ""
            report(
                problem(
                    "Discord bot token missing for account \"\(name)\" (set channels.discord.accounts.\(name).token\(variable))."
                )
            )
            return nil
        }
        guard Self.isDiscordToken(token) else {
            report(
                problem("the bot token has an impossible form; the Developer Portal shows it under Bot → Reset Token")
            )
            return nil
        }
        let rootPath: ConfigPath = ["channels", "discord", "apiRoot"]
        guard isOwnSound(rootPath),
            let apiRoot = HTTPAddress.normalized(ownValue(rootPath)?.string ?? "https://discord.com")
        else {
            report(problem("apiRoot in clawhold.json must be an http:// or https:// address"))
            return nil
        }
        guard Self.discordEntries(keys) <= Self.entryLimit else {
            report(problem("its lists have more than \(Self.entryLimit) entries"))
            return nil
        }
        let access = discordAccess(keys, id: id, line: line)
        var config = DiscordConfig()
        config.account = id
        config.apiRoot = apiRoot
        config.textChunkLimit = access.textChunkLimit
        config.replyToMode = keys["replyToMode"]?.string ?? "off"
        config.mediaMaxMegabytes = min(max(keys["mediaMaxMb"]?.integer ?? 8, 1), 500)
        config.presenceIntent = keys["intents"]?["presence"]?.bool ?? false
        config.guildMembersIntent = keys["intents"]?["guildMembers"]?.bool ?? false
        config.watchedChannels = Self.roomIDs(access)
        config.commands = nativeCommands(keys)
        return DiscordAccount(access: access, config: config, token: token)
    }

    private func discordAccess(_ keys: AccountKeys, id: String, line: Int) -> ChannelAccess {
        var access = ChannelAccess(channel: "discord", account: id)
        access.line = line
        readCommon(&access, keys, historyLimit: 20)
        access.inherited = keys.inherited(["groupPolicy", "guilds", "allowBots"])
        let dm = keys["dm"]
        access.dmEnabled = dm?["enabled"]?.bool ?? true
        let policy = keys.own?["dmPolicy"] ?? dm?["policy"] ?? keys["dmPolicy"]
        access.dmPolicy = policy?.string.flatMap(ChannelAccess.DMPolicy.init) ?? .pairing
        access.allowFrom = (dm?["allowFrom"] ?? keys["allowFrom"])?.array?.compactMap(\.identifier) ?? []
        if keys.own != nil, keys.own?["dm"] == nil, keys.top?["dm"] != nil {
            let place = ["channels", "discord", "dm"]
            for (key, last) in [
                ("dmPolicy", "policy"), ("allowFrom", "allowFrom"), ("dmEnabled", "enabled"),
                ("groupDMs", "groupEnabled"), ("groupDMChannels", "groupChannels"),
            ] { access.inherited[key] = place + [last] }
        }
        access.groupDMs = dm?["groupEnabled"]?.bool ?? false
        access.groupDMChannels = dm?["groupChannels"]?.array?.compactMap(\.identifier) ?? []
        access.guilds = Self.guilds(keys["guilds"])
        // `mentions` (bots that name this one) is what the mention gate asks for anyway.
        access.allowBots = keys["allowBots"]?.bool ?? (keys["allowBots"]?.string == "mentions")
        access.textChunkLimit = min(keys["textChunkLimit"]?.integer ?? 2000, 2000)
        access.maxLines = min(max(keys["maxLinesPerMessage"]?.integer ?? 17, 0), 2000)
        return access
    }

    /// The account's own, then for `default` the channel's and the environment's. People copy the header's `Bot ` along.
    private func discordToken(_ name: String, own: ConfigValue?, top: ConfigValue?) -> String? {
        var text = own?["token"]?.string
        if name == "default" { text = text ?? top?["token"]?.string ?? environment["DISCORD_BOT_TOKEN"] }
        guard let text else { return nil }
        let token = Environment.trimmed(text)
        return token.hasPrefix("Bot ") ? Environment.trimmed(String(token.dropFirst(4))) : token
    }

    /// A token becomes part of a header.
    private static func isDiscordToken(_ token: String) -> Bool {
        (1...256).contains(token.utf8.count) && token.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    private static func guilds(_ value: ConfigValue?) -> [String: GuildAccess]? {
        guard let members = value?.object?.members else { return nil }
        var guilds: [String: GuildAccess] = [:]
        for member in members {
            var guild = GuildAccess()
            guild.slug = member.value["slug"]?.string ?? ""
            guild.requireMention = member.value["requireMention"]?.bool
            guild.ignoreOtherMentions = member.value["ignoreOtherMentions"]?.bool ?? false
            guild.users = member.value["users"]?.array?.compactMap(\.identifier)
            guild.roles = member.value["roles"]?.array?.compactMap(\.identifier)
            guild.reactionNotifications = member.value["reactionNotifications"]?.string
            guild.channels = rooms(member.value["channels"])
            guilds[member.key] = guild
        }
        return guilds
    }

    private static func rooms(_ value: ConfigValue?) -> [String: RoomAccess]? {
        guard let members = value?.object?.members else { return nil }
        var rooms: [String: RoomAccess] = [:]
        for member in members {
            var room = RoomAccess()
            room.isAllowed = member.value["allow"]?.bool ?? true
            room.isEnabled = member.value["enabled"]?.bool ?? true
            room.requireMention = member.value["requireMention"]?.bool
            room.ignoreOtherMentions = member.value["ignoreOtherMentions"]?.bool
            room.users = member.value["users"]?.array?.compactMap(\.identifier)
            room.roles = member.value["roles"]?.array?.compactMap(\.identifier)
            room.systemPrompt = member.value["systemPrompt"]?.string ?? ""
            room.autoThread = member.value["autoThread"]?.bool ?? false
            rooms[member.key] = room
        }
        return rooms
    }

    /// Rooms that the access lists name by id: what is asked again after a lost session.
    private static func roomIDs(_ access: ChannelAccess) -> [String] {
        var ids: Set<String> = []
        for guild in (access.guilds ?? [:]).values {
            for (key, room) in guild.channels ?? [:] where room.isAllowed && room.isEnabled {
                let isID = (15...20).contains(key.utf8.count) && key.utf8.allSatisfy { (0x30...0x39).contains($0) }
                if isID { ids.insert(key) }
            }
        }
        return Array(ids.sorted().prefix(100))
    }

    /// Entries of all the lists that say who may talk, as deep as they go.
    private static func discordEntries(_ keys: AccountKeys) -> Int {
        func count(_ value: ConfigValue?) -> Int {
            switch value?.kind {
            case .array(let elements): elements.reduce(1) { $0 + count($1) }
            case .object(let object): object.members.reduce(1) { $0 + count($1.value) }
            case nil, .null, .bool, .number, .string, .broken: 1
            }
        }
        return ["allowFrom", "groupAllowFrom", "dm", "guilds"].reduce(0) { $0 + count(keys[$1]) }
    }
}
