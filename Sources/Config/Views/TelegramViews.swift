internal import IPCControl

/// One Telegram account that can run.
package struct TelegramAccount: Sendable, Equatable {
    package var access: ChannelAccess
    package var config: TelegramConfig
    /// Secret.
    package var token: String
    /// Secret; "" without one.
    package var webhookSecret: String
}

extension LoadedConfig {
    /// Entries of an account's access lists; one with more is off, since a shortened list would be a wrong one.
    package static var entryLimit: Int { 10_000 }

    /// Accounts beyond this are left out, with a problem.
    package static var accountLimit: Int { 32 }

    /// The Telegram accounts that have a token and are not switched off. What keeps an account from running is reported.
    package mutating func telegramAccounts(files: some FileReading) -> [TelegramAccount] {
        let base: ConfigPath = ["channels", "telegram"]
        let block = Self.find(base, in: root)
        let members = block?["accounts"]?.object?.members ?? []
        var names = members.map(\.key)
        let top = isSound(base, except: ["accounts"]) ? block : nil
        let hasTopToken = top?["botToken"] != nil || top?["tokenFile"] != nil
        let envToken = environment["TELEGRAM_BOT_TOKEN"]
        if !names.contains("default"), names.isEmpty ? block != nil || envToken != nil : hasTopToken || envToken != nil
        {
            names.insert("default", at: 0)
        }
        // A wrong value that all accounts inherit; reported by the check, with its line.
        guard block == nil || top != nil, top?["enabled"]?.bool != false else { return [] }
        var accounts: [TelegramAccount] = []
        for (index, name) in names.enumerated() {
            guard index < Self.accountLimit else {
                report(
                    ConfigProblem(path: "\(base).accounts", line: 0, text: "more than \(Self.accountLimit) accounts")
                )
                break
            }
            guard let account = telegramAccount(name, top: top, files: files) else { continue }
            if let twin = accounts.first(where: { $0.token == account.token }) {
                let text =
                    "has the same bot token as the account \(twin.access.account); Telegram allows one reader per bot"
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

    private mutating func telegramAccount(
        _ name: String,
        top: ConfigValue?,
        files: some FileReading
    ) -> TelegramAccount? {
        let path: ConfigPath = ["channels", "telegram", "accounts", name]
        guard isSound(path) else { return nil }
        let own = Self.find(path, in: root)
        guard own?["enabled"]?.bool != false else { return nil }
        let id = Self.agentID(name)
        let place = Int((own ?? top)?.position.line ?? 0)
        func problem(_ text: String) -> ConfigProblem {
            ConfigProblem(
                path: own == nil ? "channels.telegram" : "\(path)",
                line: place,
                text: text,
                disables: "channel:telegram:\(id)"
            )
        }
        var token: String?
        switch telegramToken(name, own: own, top: top, files: files) {
        case .found(let text): token = text
        case .problem(let text): report(problem(text))
        }
        guard let token else { return nil }
        let keys = AccountKeys(channel: "telegram", name: name, own: own, top: top)
        guard
            let apiRoot = HTTPAddress.normalized(
                ownValue(["channels", "telegram", "apiRoot"])?.string ?? keys["apiRoot"]?.string
                    ?? "https://api.telegram.org"
            ), isOwnSound(["channels", "telegram", "apiRoot"])
        else {
            report(problem("apiRoot must be an http:// or https:// address"))
            return nil
        }
        guard Self.entries(own, top) <= Self.entryLimit else {
            report(problem("its lists have more than \(Self.entryLimit) entries"))
            return nil
        }
        var access = ChannelAccess(channel: "telegram", account: id)
        access.line = place
        readCommon(&access, keys)
        access.inherited = keys.inherited(["allowFrom", "dmPolicy", "groupAllowFrom", "groupPolicy", "groups"])
        access.dmPolicy = keys["dmPolicy"]?.string.flatMap(ChannelAccess.DMPolicy.init) ?? .pairing
        access.allowFrom = keys["allowFrom"]?.array?.compactMap(\.identifier) ?? []
        access.groupAllowFrom = keys["groupAllowFrom"]?.array?.compactMap(\.identifier)
        access.groups = Self.groups(keys["groups"])
        access.textChunkLimit = min(keys["textChunkLimit"]?.integer ?? 4000, 4096)
        var config = TelegramConfig()
        config.account = id
        config.apiRoot = apiRoot
        config.textChunkLimit = access.textChunkLimit
        config.linkPreview = keys["linkPreview"]?.bool ?? true
        config.replyToMode = keys["replyToMode"]?.string ?? "first"
        // Telegram takes 50 MB from a bot at the most.
        config.mediaMaxMegabytes = Int(min(max(keys["mediaMaxMb"]?.number?.rounded(.up) ?? 5, 1), 50))
        config.webhookURL = keys["webhookUrl"]?.string ?? ""
        config.usesTunnel = isExposed(telegram: id)
        // A tunnel comes from this machine.
        config.webhookHost = keys["webhookHost"]?.string ?? (config.usesTunnel ? "127.0.0.1" : config.webhookHost)
        config.webhookPort = keys["webhookPort"]?.integer ?? config.webhookPort
        config.webhookPath = keys["webhookPath"]?.string ?? config.webhookPath
        config.commands = nativeCommands(keys)
        config.needsAllMessages = needsAllMessages(access)
        config.groups = access.groups.keys.compactMap(Int64.init).filter { $0 < 0 }.sorted()
        config.pacing = ownValue(["channels", "telegram", "pacing"])?.bool
        var secret = Environment.trimmed(keys["webhookSecret"]?.string ?? "")
        // Nobody else can know it, and it is the same after every start.
        if secret.isEmpty, config.usesTunnel {
            secret = Hex.encode(SHA256.hmac(key: Array(token.utf8), message: "clawhold telegram webhook".utf8))
        }
        return TelegramAccount(access: access, config: config, token: token, webhookSecret: secret)
    }

    /// A group without a mention gate, or patterns that count as a mention.
    private func needsAllMessages(_ access: ChannelAccess) -> Bool {
        guard access.groupPolicy != .disabled else { return false }
        func isOpen(_ group: GroupAccess) -> Bool {
            group.enabled && (group.requireMention == false || group.topics.values.contains(where: isOpen))
        }
        if access.groups.values.contains(where: isOpen) { return true }
        let lists =
            [value(["messages", "groupChat", "mentionPatterns"])?.array ?? []]
            + (value(["agents", "list"])?.array ?? []).map { $0["groupChat"]?["mentionPatterns"]?.array ?? [] }
        return !access.groups.isEmpty && lists.contains { !$0.isEmpty }
    }

    private enum Token {
        case found(String)
        case problem(String)
    }

    /// tokenFile before botToken, the account's own before the channel's, the environment last and for `default` alone.
    private func telegramToken(
        _ name: String,
        own: ConfigValue?,
        top: ConfigValue?,
        files: some FileReading
    ) -> Token {
        for source in name == "default" ? [own, top] : [own] {
            if let path = source?["tokenFile"]?.string {
                let file = absolute(path)
                guard case .bytes(let bytes) = files.read(file, limit: 4096) else {
                    return .problem("tokenFile \(file) cannot be read; the environment's token is not used instead")
                }
                return Self.checked(String(decoding: bytes, as: UTF8.self))
            }
            if let token = source?["botToken"]?.string { return Self.checked(token) }
        }
        if name == "default", let token = environment["TELEGRAM_BOT_TOKEN"] { return Self.checked(token) }
        let variable = name == "default" ? " or TELEGRAM_BOT_TOKEN" : ""
        return .problem(
            "Telegram bot token missing for account \"\(name)\" (set channels.telegram.accounts.\(name).botToken/tokenFile\(variable))."
        )
    }

    /// A token becomes part of an address, so its characters are checked here.
    private static func checked(_ text: String) -> Token {
        let token = Environment.trimmed(text)
        let isGood = token.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: ":"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard !token.isEmpty, isGood, token.utf8.count <= 256 else {
            return .problem("the bot token is not of the form 123456:ABC…; copy it again from @BotFather")
        }
        return .found(token)
    }

    /// Entries of all the lists that say who may talk, as deep as they go.
    private static func entries(_ own: ConfigValue?, _ top: ConfigValue?) -> Int {
        func count(_ value: ConfigValue?) -> Int {
            switch value?.kind {
            case .array(let elements): elements.reduce(1) { $0 + count($1) }
            case .object(let object): object.members.reduce(1) { $0 + count($1.value) }
            case nil, .null, .bool, .number, .string, .broken: 1
            }
        }
        return ["allowFrom", "groupAllowFrom", "groups"].reduce(0) { $0 + count(own?[$1] ?? top?[$1]) }
    }

    private static func groups(_ value: ConfigValue?) -> [String: GroupAccess] {
        var groups: [String: GroupAccess] = [:]
        for member in value?.object?.members ?? [] {
            var group = GroupAccess()
            group.enabled = member.value["enabled"]?.bool ?? true
            group.requireMention = member.value["requireMention"]?.bool
            group.allowFrom = member.value["allowFrom"]?.array?.compactMap(\.identifier)
            group.groupPolicy = member.value["groupPolicy"]?.string.flatMap(ChannelAccess.GroupPolicy.init)
            group.systemPrompt = member.value["systemPrompt"]?.string ?? ""
            group.topics = Self.groups(member.value["topics"])
            groups[member.key] = group
        }
        return groups
    }
}
