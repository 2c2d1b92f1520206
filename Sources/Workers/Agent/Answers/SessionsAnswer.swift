internal import Runtime

/// The answer to `sessions`: this agent's sessions as `sessions.list` shows them, newest first.
struct SessionsAnswer {
    /// What the caller asked for; what is absent or of a wrong type is not asked for.
    struct Question: Equatable {
        var limit: Int
        var activeMinutes: Int64?
        var search: String
        var label: String
        var spawnedBy: String
        var includeGlobal: Bool
        var includeUnknown: Bool
        var includeDerivedTitles: Bool
        var includeLastMessage: Bool

        init(_ params: JSON) {
            limit = params["limit"]?.integer.map { Int(clamping: min(max($0, 1), 1000)) } ?? 1000
            activeMinutes = params["activeMinutes"]?.integer.map { min(max($0, 1), 10_000_000) }
            search = params["search"]?.string?.trimmed().lowercased() ?? ""
            label = params["label"]?.string?.trimmed() ?? ""
            spawnedBy = params["spawnedBy"]?.string ?? ""
            includeGlobal = params["includeGlobal"]?.bool ?? false
            includeUnknown = params["includeUnknown"]?.bool ?? false
            includeDerivedTitles = params["includeDerivedTitles"]?.bool ?? false
            includeLastMessage = params["includeLastMessage"]?.bool ?? false
        }
    }

    var store: SessionStore
    var model: String
    var contextTokens: Int

    /// Fields of the entry that a row shows as they are.
    private static let shown = [
        "label", "displayName", "channel", "subject", "groupChannel", "space", "chatType", "origin", "sessionId",
        "systemSent", "abortedLastRun", "thinkingLevel", "verboseLevel", "reasoningLevel", "elevatedLevel",
        "sendPolicy", "inputTokens", "outputTokens", "totalTokens", "responseUsage", "modelProvider", "model",
        "contextTokens", "deliveryContext", "lastChannel", "lastTo", "lastAccountId",
    ]
    /// Bytes read at either end of a transcript for a title or a preview.
    private static let peekLimit = 64 * 1024

    func answer(_ params: JSON, now: Int64) async throws(DiskError) -> JSON {
        let question = Question(params)
        let all = try await store.entries()
        var rows: [(updatedAt: Int64, key: SessionKey, entry: JSONObject)] = []
        for member in all.members {
            guard let entry = member.value.object else { continue }
            let key = SessionKey(member.key, agent: store.agent)
            let updatedAt = entry["updatedAt"]?.integer ?? 0
            guard Self.matches(question, key, entry, updatedAt: updatedAt, now: now) else { continue }
            rows.append((updatedAt, key, entry))
        }
        rows.sort { ($1.updatedAt, $0.key.canonical) < ($0.updatedAt, $1.key.canonical) }
        let sessions = rows.prefix(question.limit).map { row($0.key, $0.entry, question) }
        let name = ModelName(model)
        return [
            "ts": .integer(now), "path": .string(store.path), "count": .integer(Int64(sessions.count)),
            "defaults": [
                "modelProvider": name.provider.isEmpty ? .null : .string(name.provider),
                "model": name.model.isEmpty ? .null : .string(name.model),
                "contextTokens": .integer(Int64(contextTokens)),
            ],
            "sessions": .array(Array(sessions)),
        ]
    }

    private static func matches(
        _ question: Question,
        _ key: SessionKey,
        _ entry: JSONObject,
        updatedAt: Int64,
        now: Int64
    ) -> Bool {
        switch key.kind {
        case .global: guard question.includeGlobal else { return false }
        case .unknown: guard question.includeUnknown else { return false }
        case .direct, .group: break
        }
        if let minutes = question.activeMinutes, updatedAt < now - minutes * 60_000 { return false }
        if !question.label.isEmpty, entry["label"]?.string != question.label { return false }
        if !question.spawnedBy.isEmpty, entry["spawnedBy"]?.string != question.spawnedBy { return false }
        guard !question.search.isEmpty else { return true }
        let texts = ["displayName", "label", "subject", "sessionId"].compactMap { entry[$0]?.string } + [key.canonical]
        return texts.contains { $0.lowercased().contains(question.search) }
    }

    private func row(_ key: SessionKey, _ entry: JSONObject, _ question: Question) -> JSON {
        var row = JSONObject(members: [
            .init(key: "key", value: .string(key.canonical)),
            .init(key: "kind", value: .string(key.kind.rawValue)),
            .init(key: "updatedAt", value: entry["updatedAt"]?.integer.map { .integer($0) } ?? .null),
        ])
        for field in Self.shown {
            if let value = entry[field], value != .null { row[field] = value }
        }
        guard let transcript = store.transcript(entry) else { return .object(row) }
        if question.includeDerivedTitles { row["derivedTitle"] = .string(title(entry, transcript)) }
        if question.includeLastMessage, let preview = Self.lastMessage(transcript) {
            row["lastMessagePreview"] = .string(preview)
        }
        return .object(row)
    }

    private func title(_ entry: JSONObject, _ transcript: Transcript) -> String {
        for field in ["displayName", "subject"] {
            if let text = entry[field]?.string, !text.isEmpty { return text }
        }
        // What cannot be read has no title of its own; the list is shown all the same.
        if let head = try? Disk.head(transcript.path, limit: Self.peekLimit) {
            let entries = Transcript.parse(Disk.Slice(bytes: head.bytes, offset: 0, size: head.size)).entries
            let isMessage = { (position: Int) in
                let next = entries.index(after: position)
                return entries[position].role == "user" && !(next < entries.count && entries[next].isCommandReply)
            }
            if let first = entries.indices.first(where: isMessage).map({ entries[$0] }) {
                let title = Self.short(first.shownText, limit: 60)
                if !title.isEmpty { return title }
            }
        }
        return "\(transcript.sessionID.prefix(8)) (\(Timestamp.day(entry["updatedAt"]?.integer ?? 0)))"
    }

    private static func lastMessage(_ transcript: Transcript) -> String? {
        guard let tail = try? transcript.read(limit: peekLimit) else { return nil }
        let last = tail.entries.last { ($0.role == "user" || $0.role == "assistant") && !$0.text.isEmpty }
        return last.map { short($0.shownText, limit: 120) }
    }

    /// White space collapsed, cut at a word's end.
    static func short(_ text: String, limit: Int) -> String {
        let words = text.prefix(limit * 8).split { $0.isWhitespace }
        let whole = words.joined(separator: " ")
        guard whole.count > limit else { return whole }
        let cut = whole.prefix(limit - 1)
        let end = cut.lastIndex(of: " ") ?? cut.endIndex
        return (cut.distance(from: cut.startIndex, to: end) > limit / 2 ? String(cut[..<end]) : String(cut)) + "…"
    }
}
