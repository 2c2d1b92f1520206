internal import Runtime

/// What `queue` prints.
enum QueuePage {
    /// The list, and what to type about it.
    static func list(_ answer: JSON, now: Int64, style: Style, width: Int?) -> String {
        let items = answer["items"]?.array ?? []
        let counts = counts(answer["counts"])
        guard !items.isEmpty else {
            return counts.isEmpty
                ? "Nothing waits and nothing was given up." : "Nothing to show. In the journal: \(counts)."
        }
        let rows = items.map { row($0, now, style, width) }
        var lines = TextTable.lines(
            ["STATE", "AGE", "CHANNEL", "FROM", "ID"],
            limits: [8, 5, 20, 16, nil],
            rows,
            style: style,
            width: width
        )
        lines.append("")
        if !counts.isEmpty { lines.append("In the journal: \(counts).") }
        if items.contains(where: { isGivenUp(state($0)) }) {
            lines.append("Try one again:  clawhold queue retry ID     Give it up:  clawhold queue drop ID")
        }
        return lines.joined(separator: "\n")
    }

    private static func row(_ item: JSON, _ now: Int64, _ style: Style, _ width: Int?) -> TextTable.Row {
        let state = state(item)
        let age = Age.short(item["at"], now: now)
        let sender = text(item["sender"]).isEmpty ? text(item["conversation"]) : text(item["sender"])
        let paint: (String) -> String =
            switch state {
            case "dead", "rejected", "expired": style.bad
            case "running": style.good
            default: { $0 }
            }
        var below: [String] = []
        let reason = text(item["reason"])
        if !reason.isEmpty { below += Words.wrapped(reason, width: width ?? .max, indent: 2) }
        let words = text(item["text"])
        if !words.isEmpty {
            let line = "  \"\(words)\""
            below.append(style.dim(width.map { TextTable.cut(line, $0) } ?? line))
        }
        return TextTable.Row(
            cells: [
                .init(text: state, paint: paint), .init(text: age, isNumber: true),
                .init(text: channel(text(item["channel"]))), .init(text: sender.isEmpty ? "-" : sender),
                .init(text: text(item["id"])),
            ],
            below: below
        )
    }

    /// One item with all that is known.
    static func item(_ answer: JSON, now: Int64, style: Style, width: Int?) -> String {
        let item = answer["item"] ?? [:]
        let detail = answer["detail"] ?? [:]
        var lines = [style.bold(text(item["id"])), ""]
        func fact(_ name: String, _ value: String) {
            guard !value.isEmpty else { return }
            let wrapped = Words.wrapped(value, width: width ?? .max, indent: 15)
            lines += wrapped.enumerated().map { index, line in
                index == 0 ? "  " + Words.padded(name, 13) + line.dropFirst(15) : line
            }
        }
        func time(_ value: JSON?) -> String { Age.long(value, now: now) }
        fact("State", state(item))
        fact("Reason", text(item["reason"]))
        fact(
            "Kind",
            ["inbox": "a message, not parsed yet", "turn": "a message", "outbox": "a part of an answer"][
                text(item["kind"])
            ] ?? text(item["kind"])
        )
        fact("Channel", text(item["channel"]))
        fact("Agent", text(item["agent"]))
        fact("Conversation", text(item["conversation"]))
        fact("From", text(item["sender"]))
        fact("Since", time(item["at"]))
        fact("Given up", time(item["settledAt"]))
        fact("Next try", time(detail["nextAttemptAt"]))
        fact("Attempts", item["attempts"]?.integer.map(String.init) ?? "")
        fact("Own deaths", positive(detail["ownDeaths"]))
        fact("Other deaths", positive(detail["unknownDeaths"]))
        if detail["inDoubt"]?.bool == true { fact("In doubt", "nobody knows yet whether it was delivered") }
        if detail["possibleDuplicate"]?.bool == true { fact("Duplicate", "it may have been delivered twice") }
        fact("Session", text(detail["sessionKey"]))
        fact("Run", text(detail["runId"]))
        fact("Event", text(detail["eventKey"]))
        fact("Message", text(detail["messageId"]))
        fact("Merged", (detail["merged"]?.array ?? []).map { text($0) }.joined(separator: " "))
        let words = detail["text"]?.string ?? item["text"]?.string ?? ""
        if !words.isEmpty {
            lines.append("")
            for line in words.split(separator: "\n", omittingEmptySubsequences: false) {
                lines += line.isEmpty ? [""] : Words.wrapped(Words.plain(String(line)), width: width ?? .max, indent: 2)
            }
        }
        let id = text(item["id"])
        if isGivenUp(state(item)) {
            lines += ["", "Try it again:  clawhold queue retry \(id)     Give it up:  clawhold queue drop \(id)"]
        } else if state(item) == "waiting" {
            lines += ["", "Give it up:  clawhold queue drop \(id)"]
        }
        return lines.joined(separator: "\n")
    }

    private static func counts(_ counts: JSON?) -> String {
        (counts?.object?.members ?? []).filter { ($0.value.integer ?? 0) > 0 }
            .map { "\($0.value.integer ?? 0) \(Words.plain($0.key))" }.joined(separator: ", ")
    }

    private static func state(_ item: JSON) -> String { text(item["state"]) }

    private static func isGivenUp(_ state: String) -> Bool { ["dead", "expired", "rejected"].contains(state) }

    private static func positive(_ value: JSON?) -> String {
        value?.integer.flatMap { $0 > 0 ? String($0) : nil } ?? ""
    }

    private static func text(_ value: JSON?) -> String { Words.plain(value?.string ?? "") }

    /// `telegram:work` of `channel:telegram:work`, `telegram` of `channel:telegram:default`.
    static func channel(_ worker: String) -> String {
        var name = worker.hasPrefix("channel:") ? String(worker.dropFirst(8)) : worker
        if name.hasSuffix(":default") { name = String(name.dropLast(8)) }
        return name
    }
}
