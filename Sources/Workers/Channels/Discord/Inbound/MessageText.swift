internal import Runtime

/// What a message says, as people read it: mentions by name, custom emoji by theirs, and what stands beside the words.
struct MessageText {
    /// Names that Discord or the envelope told, by id.
    var users: [String: String] = [:]
    var roles: [String: String] = [:]
    var channels: [String: String] = [:]

    /// Messages have 4,000 characters at most; embeds and passed-on messages come on top.
    static let limit = 64 << 10

    /// `<@id>`, `<@!id>` → `@name`; `<@&id>` → `@role`; `<#id>` → `#name`; `<:name:id>`, `<a:name:id>` → `:name:`;
    /// `</name:id>` → `/name`. What is not known stays as it is.
    func readable(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "<")) else { return text }
        var result = ""
        var rest = text[...]
        // A short mention may stand for a long name, a thousand times.
        while result.utf8.count <= Self.limit, let open = rest.firstIndex(of: "<") {
            result += rest[..<open]
            rest = rest[open...]
            // The longest is `<a:` with a name of 32 and an id of 20 characters.
            guard let close = rest.prefix(80).firstIndex(of: ">"),
                let words = meaning(rest[rest.index(after: open)..<close])
            else {
                result.append("<")
                rest = rest.dropFirst()
                continue
            }
            result += words
            rest = rest[rest.index(after: close)...]
        }
        return result + rest
    }

    private func meaning(_ inside: Substring) -> String? {
        func named(_ id: Substring, _ names: [String: String], _ sign: String) -> String? {
            names[String(id)].map { sign + $0 }
        }
        if inside.hasPrefix("@&") { return named(inside.dropFirst(2), roles, "@") }
        if inside.hasPrefix("@!") { return named(inside.dropFirst(2), users, "@") }
        if inside.hasPrefix("@") { return named(inside.dropFirst(), users, "@") }
        if inside.hasPrefix("#") { return named(inside.dropFirst(), channels, "#") }
        let parts = inside.split(separator: ":", omittingEmptySubsequences: false)
        if parts.count == 3, parts[0].isEmpty || parts[0] == "a", !parts[1].isEmpty, Snowflake.isValid(parts[2]) {
            return ":\(parts[1]):"
        }
        if parts.count == 2, parts[0].hasPrefix("/"), parts[0].count > 1, Snowflake.isValid(parts[1]) {
            return String(parts[0])
        }
        return nil
    }

    /// All that a message says: its words, its embeds, stickers, poll, and what it passes on.
    func all(of message: JSON) -> String {
        var parts: [String] = []
        func add(_ text: String?) {
            if let text, text.contains(where: { !$0.isWhitespace }) { parts.append(Self.cut(readable(text))) }
        }
        add(message["content"]?.string)
        for embed in (message["embeds"]?.array ?? []).prefix(10) { add(Self.text(of: embed)) }
        for sticker in (message["sticker_items"]?.array ?? []).prefix(3) {
            add(sticker["name"]?.string.map { "[sticker: \($0.prefix(64))]" })
        }
        if let question = message["poll"]?["question"]?["text"]?.string {
            let answers = (message["poll"]?["answers"]?.array ?? []).prefix(10).compactMap {
                $0["poll_media"]?["text"]?.string
            }
            add("[poll: \(question)\(answers.isEmpty ? "" : " – ")\(answers.joined(separator: " / "))]")
        }
        for snapshot in (message["message_snapshots"]?.array ?? []).prefix(3) {
            if let inner = snapshot["message"] { add("[forwarded] " + all(of: inner)) }
        }
        return Self.cut(parts.joined(separator: "\n"))
    }

    /// Links bring embeds with what stands behind them; those are not the sender's words, so only what bots and webhooks
    /// write (`rich`) counts.
    private static func text(of embed: JSON) -> String? {
        guard embed["type"]?.string ?? "rich" == "rich" else { return nil }
        var lines = [embed["title"]?.string, embed["description"]?.string].compactMap { $0 }
        for field in (embed["fields"]?.array ?? []).prefix(25) {
            lines.append("\(field["name"]?.string ?? ""): \(field["value"]?.string ?? "")")
        }
        return lines.isEmpty ? nil : lines.joined(separator: "\n")
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > limit else { return text }
        // At a character's end.
        var size = 0
        let end = text.indices.first { index in
            size += text[index].utf8.count
            return size > limit
        }
        return String(text[..<(end ?? text.endIndex)]) + "…"
    }
}
