internal import Runtime

/// What `why` prints.
enum WhyPage {
    static func text(_ answer: JSON, of channel: String?, now: Int64, style: Style, width: Int?) -> String {
        let items = answer["items"]?.array ?? []
        guard !items.isEmpty else {
            let place = channel.map { " from \(Words.plain($0))" } ?? ""
            let lines =
                ["No message\(place) that arrived was left unanswered without being in the queue."]
                + conditions(answer, width)
                + ["Is one missing that never arrived?  clawhold channels status --probe"]
            return lines.joined(separator: "\n")
        }
        var lines: [String] = []
        for item in items {
            if !lines.isEmpty { lines.append("") }
            lines += entry(item, now, style, width)
        }
        return lines.joined(separator: "\n")
    }

    /// What each account admits, where nobody was turned away yet.
    private static func conditions(_ answer: JSON, _ width: Int?) -> [String] {
        (answer["channels"]?.array ?? []).flatMap { channel in
            let name = ChannelName(channel: channel["channel"]?.string ?? "", account: channel["accountId"]?.string)
            let error = channel["error"]?.string ?? ""
            let warnings = (channel["warnings"]?.array ?? []).compactMap(\.string)
            let policies = (channel["policies"]?.array ?? []).compactMap(\.string)
            let state = channel["connected"]?.bool == true ? "connected" : error.isEmpty ? "not connected" : error
            return ["\(Words.plain(name.short)): \(Words.plain(state))"]
                + (warnings + policies).flatMap { Words.wrapped(Words.plain($0), width: width ?? .max, indent: 2) }
        }
    }

    private static func entry(_ item: JSON, _ now: Int64, _ style: Style, _ width: Int?) -> [String] {
        func text(_ name: String) -> String { Words.plain(item[name]?.string ?? "") }
        let account = ChannelName(channel: text("channel"), account: item["accountId"]?.string).short
        let count = item["count"]?.integer ?? 1
        let who = named(text("senderName"), text("sender"))
        let place = text("chatType") == "direct" ? "" : " in \(named(text("conversationName"), text("conversation")))"
        let head =
            "\(Age.short(item["at"], now: now)) ago  \(Words.plain(account))  \(who)\(place)"
            + (count > 1 ? "  (\(count) times)" : "")
        var lines = Words.wrapped(head, width: width ?? .max, indent: 0).map(style.bold)
        lines += Words.wrapped(text("reason"), width: width ?? .max, indent: 2)
        let admit = text("admit")
        // Never wrapped: it is there to be copied.
        if !admit.isEmpty { lines += ["  to admit:  \(style.good(admit))"] }
        if !text("where").isEmpty { lines += Words.wrapped("in \(text("where"))", width: width ?? .max, indent: 13) }
        if !text("command").isEmpty { lines += ["  or type:   \(text("command"))"] }
        return lines
    }

    /// `Alice (123)`.
    private static func named(_ name: String, _ id: String) -> String {
        name.isEmpty || name == id ? (id.isEmpty ? "somebody" : id) : "\(name) (\(id))"
    }
}
