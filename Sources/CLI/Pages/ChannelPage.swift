internal import Runtime

/// What `channels status` and `channels list` print.
enum ChannelPage {
    static func status(_ accounts: [ChannelAccount], now: Int64, style: Style, width: Int?) -> String {
        guard !accounts.isEmpty else {
            return "No channel is configured. WebChat is on the gateway's own page:  clawhold status"
        }
        let rows = accounts.map { account in
            let state = account.state
            return TextTable.Row(
                cells: [
                    .init(text: Words.plain(account.name.short)),
                    .init(text: state, paint: { paint(state, $0, style) }),
                    .init(text: account.text("mode").isEmpty ? "-" : account.text("mode")),
                    .init(text: Age.short(account.json["lastInboundAt"], now: now), isNumber: true),
                    .init(text: Age.short(account.json["lastOutboundAt"], now: now), isNumber: true),
                    .init(text: "\(account.number("ignored", "today"))", isNumber: true),
                    .init(text: account.shownName.isEmpty ? "-" : account.shownName),
                ],
                below: remarks(account, now, style, width)
            )
        }
        return TextTable.lines(
            ["CHANNEL", "STATE", "MODE", "IN", "OUT", "IGN", "NAME"],
            limits: [20, 11, 9, 5, 5, 5, nil],
            rows,
            style: style,
            width: width
        ).joined(separator: "\n")
    }

    private static func remarks(_ account: ChannelAccount, _ now: Int64, _ style: Style, _ width: Int?) -> [String] {
        func wrapped(_ text: String, _ paint: (String) -> String) -> [String] {
            Words.wrapped(Words.plain(text), width: width ?? .max, indent: 2).map(paint)
        }
        let short = account.name.short
        var lines: [String] = []
        let error = account.text("lastError")
        if !error.isEmpty, error != "disabled" { lines += wrapped(error, style.bad) }
        for warning in account.json["warnings"]?.array ?? [] { lines += wrapped(warning.string ?? "", style.careful) }
        if let probe = account.json["probe"], probe.object != nil { lines += wrapped(self.probe(probe), { $0 }) }
        let worker = account.json["worker"]
        if let next = worker?["nextTryMs"]?.integer, next > now {
            lines += wrapped("next try in \(Words.short(milliseconds: next - now))", style.dim)
        }
        var waiting: [String] = []
        func count(_ number: Int64, _ words: String) { if number > 0 { waiting.append("\(number) \(words)") } }
        count(account.number("worker", "journalPending"), "to be answered")
        count(account.number("worker", "outboxPending"), "to be sent")
        count(account.number("worker", "deadLetters"), "given up (clawhold queue list \(short))")
        if !waiting.isEmpty { lines += wrapped(waiting.joined(separator: ", "), { $0 }) }
        let ignored = account.number("ignored", "today")
        if ignored > 0 {
            let last = account.json["ignored"]?["lastReason"]?.string.map { ", last: \($0)" } ?? ""
            lines += wrapped("\(ignored) ignored today\(last). See:  clawhold why \(short)", { $0 })
        }
        let pairing = account.number("pairing")
        if pairing > 0 {
            lines += wrapped(
                "\(pairing) wait to be let in. See:  clawhold pairing list \(account.channel)",
                style.careful
            )
        }
        return lines
    }

    /// A probe in one line.
    static func probe(_ probe: JSON) -> String {
        let time = probe["elapsedMs"]?.integer.map { " in \(Words.took(milliseconds: $0))" } ?? ""
        if probe["ok"]?.bool == true { return "probe: works\(time)" }
        let status = probe["status"]?.integer.map { " (HTTP \($0))" } ?? ""
        return "probe failed\(time): \(probe["error"]?.string ?? "no reason given")\(status)"
    }

    static func paint(_ state: String, _ text: String, _ style: Style) -> String {
        switch state {
        case "connected", "running": style.good(text)
        case "connecting": style.careful(text)
        default: style.state(state, text)
        }
    }

    // MARK: list

    /// OpenClaw's line form: `- Telegram default: enabled, configured, running, bot:@x, token:env`.
    static func list(_ accounts: [ChannelAccount]) -> String {
        guard !accounts.isEmpty else { return "No channel is configured." }
        return accounts.map { account in
            var words = [
                account.json["enabled"]?.bool == false ? "disabled" : "enabled",
                account.json["configured"]?.bool == false ? "not configured" : "configured",
                account.json["running"]?.bool == true ? "running" : "stopped",
            ]
            if !account.shownName.isEmpty { words.append("bot:\(account.shownName)") }
            let source = account.text("tokenSource")
            if !source.isEmpty, source != "none" { words.append("token:\(source)") }
            return "- \(account.label) \(Words.plain(account.account)): \(words.joined(separator: ", "))"
        }.joined(separator: "\n")
    }

    /// `{chat: {telegram: ["default"]}, auth: []}`.
    static func listJSON(_ accounts: [ChannelAccount]) -> String {
        var chat = JSONObject()
        for account in accounts {
            chat[account.channel] = .array((chat[account.channel]?.array ?? []) + [.string(account.account)])
        }
        return JSON.object(
            JSONObject(members: [.init(key: "chat", value: .object(chat)), .init(key: "auth", value: [])])
        ).text
    }

    /// A line each, for the overview: `telegram  connected as @x; 3 ignored today`.
    static func brief(_ accounts: [ChannelAccount], style: Style, width: Int?) -> [String] {
        let nameWidth = max(6, accounts.map { min(20, $0.name.short.count) }.max() ?? 0)
        return accounts.map { account in
            let state = account.state
            var words = account.shownName.isEmpty || state != "connected" ? state : "connected as \(account.shownName)"
            let error = account.text("lastError")
            if !error.isEmpty, state != "connected", state != "disabled" { words += ": \(error)" }
            var more: [String] = []
            let warnings = account.json["warnings"]?.array?.count ?? 0
            if warnings > 0 { more.append("\(warnings) warning\(warnings == 1 ? "" : "s")") }
            if account.number("ignored", "today") > 0 {
                more.append("\(account.number("ignored", "today")) ignored today")
            }
            if account.number("pairing") > 0 { more.append("\(account.number("pairing")) to be let in") }
            if account.number("worker", "deadLetters") > 0 {
                more.append("\(account.number("worker", "deadLetters")) given up")
            }
            let name = TextTable.cut(Words.plain(account.name.short), 20)
            let rest = ([words] + more).joined(separator: "; ")
            let room = width.map { max(20, $0 - nameWidth - 2) }
            let shown = room.map { TextTable.cut(rest, $0) } ?? rest
            return Words.padded(name, nameWidth) + "  " + paint(state, shown, style)
        }
    }
}
