/// A text with Telegram's entities, whose offsets count UTF-16 units and come from outside: none is trusted.
struct EntityText {
    private let units: [UInt16]
    private let entities: [Bot.Entity]

    /// Entities that are looked at; Telegram's messages have some hundred at the most.
    private static let entityLimit = 512
    /// Longest name or command that is read; Telegram's have 32 characters, a command with its bot 66.
    private static let nameUnits = 128

    init(_ text: String, _ entities: [Bot.Entity]?) {
        units = Array(text.utf16)
        self.entities = Array((entities ?? []).prefix(Self.entityLimit))
    }

    /// The text with the address of every link that is hidden behind words: `[words](address)`.
    var expanded: String {
        var result = units
        var limit = units.count
        let links = entities.filter { $0.type == "text_link" }.sorted { $0.offset > $1.offset }
        for link in links {
            guard let range = range(of: link), range.upperBound <= limit, let url = link.url, !url.isEmpty else {
                continue
            }
            let words = Array(units[range])
            guard Array(url.utf16) != words else { continue }
            result.replaceSubrange(range, with: Array("[".utf16) + words + Array("](\(url))".utf16))
            limit = range.lowerBound
        }
        return String(decoding: result, as: UTF16.self)
    }

    /// True when the text names the bot: `@name`, a command `/x@name`, or a mention of its id.
    func mentions(_ bot: Bot.User) -> Bool {
        let handle = "@" + (bot.username ?? "").lowercased()
        return entities.contains { entity in
            switch entity.type {
            case "text_mention": entity.user?.id == bot.id
            case "mention": handle.utf8.count > 1 && words(of: entity).lowercased() == handle
            case "bot_command": handle.utf8.count > 1 && words(of: entity).lowercased().hasSuffix(handle)
            default: false
            }
        }
    }

    /// True when the text names a person or another bot.
    var mentionsSomebody: Bool {
        entities.contains { ["mention", "text_mention"].contains($0.type) || isForeignCommand($0) }
    }

    private func isForeignCommand(_ entity: Bot.Entity) -> Bool {
        entity.type == "bot_command" && words(of: entity).contains("@")
    }

    /// The text as a command of this bot, without the bot's name behind the command: `/status@my_bot x` is `/status x`.
    ///
    /// Nil unless it begins with a command that names this bot, or one of `known` that names nobody.
    func command(of bot: Bot.User, known: Set<String>) -> String? {
        guard let entity = entities.first(where: { $0.type == "bot_command" && $0.offset == 0 }),
            let range = range(of: entity)
        else { return nil }
        let parts = words(of: entity).split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = parts.first, name.hasPrefix("/"), name.count > 1 else { return nil }
        if parts.count > 1 {
            guard let handle = bot.username, parts[1].lowercased() == handle.lowercased() else { return nil }
        } else {
            guard known.contains(name.dropFirst().lowercased()) else { return nil }
        }
        return String(name) + String(decoding: units[range.upperBound...], as: UTF16.self)
    }

    private func words(of entity: Bot.Entity) -> String {
        guard entity.length <= Self.nameUnits else { return "" }
        return range(of: entity).map { String(decoding: units[$0], as: UTF16.self) } ?? ""
    }

    /// Nil when the entity reaches outside the text or cuts a character in two.
    private func range(of entity: Bot.Entity) -> Range<Int>? {
        guard entity.offset >= 0, entity.length > 0, entity.offset < units.count,
            entity.length <= units.count - entity.offset
        else { return nil }
        let range = entity.offset..<(entity.offset + entity.length)
        guard !isInsideCharacter(range.lowerBound), !isInsideCharacter(range.upperBound) else { return nil }
        return range
    }

    private func isInsideCharacter(_ index: Int) -> Bool {
        index < units.count && UTF16.isTrailSurrogate(units[index])
    }
}
