internal import IPCHub
internal import Runtime

/// The changes that a turn makes to its entry of `sessions.json`. What they do not name stays.
enum SessionEntry {
    /// The turn begins: there is a session, and it is known where its messages come from.
    static func begin(_ entry: inout JSONObject, turn: HubTurn, isReset: Bool, now: Int64) {
        let derived = EntryID.session(turn: turn.turnID)
        if isReset, entry["sessionId"]?.string != derived {
            reset(&entry, sessionID: derived)
        } else if !SessionStore.isFileName(entry["sessionId"]?.string ?? "") {
            entry["sessionId"] = .string(derived)
            entry["sessionFile"] = nil
        }
        entry["updatedAt"] = .integer(now)
        entry["chatType"] = .string(chatType(turn.message.chatType))
        guard !turn.channel.isEmpty, turn.channel != "webchat" else { return }
        route(&entry, turn)
    }

    /// A new session under the same key; what a person has set for the conversation stays.
    static func reset(_ entry: inout JSONObject, sessionID: String) {
        entry["sessionId"] = .string(sessionID)
        for key in ["sessionFile", "lastHeartbeatText", "lastHeartbeatSentAt", "memoryFlushAt", "cliSessionIds"] {
            entry[key] = nil
        }
        for key in ["inputTokens", "outputTokens", "totalTokens", "compactionCount"] { entry[key] = 0 }
        entry["systemSent"] = false
        entry["abortedLastRun"] = false
    }

    /// The turn has ended.
    static func finish(
        _ entry: inout JSONObject,
        sessionID: String,
        model: String,
        contextTokens: Int,
        usage: TokenUsage,
        lastCall: TokenUsage,
        isAborted: Bool,
        now: Int64
    ) {
        // Reset meanwhile: these tokens are another session's.
        guard entry["sessionId"]?.string == sessionID else { return }
        entry["updatedAt"] = .integer(now)
        entry["systemSent"] = true
        entry["abortedLastRun"] = .bool(isAborted)
        guard usage.total > 0 else { return }
        let name = ModelName(model)
        entry["inputTokens"] = TokenUsage.number(usage.input)
        entry["outputTokens"] = TokenUsage.number(usage.output)
        entry["totalTokens"] = TokenUsage.number(lastCall.context)
        entry["modelProvider"] = .string(name.provider)
        entry["model"] = .string(name.model)
        entry["contextTokens"] = .integer(Int64(contextTokens))
    }

    private static func route(_ entry: inout JSONObject, _ turn: HubTurn) {
        let message = turn.message
        let target = "\(turn.channel):\(message.conversation)".prefix(bytes: 300)
        let label = (message.conversationLabel.isEmpty ? message.senderName : message.conversationLabel)
            .prefix(bytes: 200)
        if message.chatType != .direct {
            entry["channel"] = .string(turn.channel)
            entry["groupId"] = .string(message.conversation.prefix(bytes: 200))
            if !label.isEmpty { entry["subject"] = .string(label) }
        }
        if !label.isEmpty { entry["displayName"] = .string(label) }
        var origin = entry["origin"]?.object ?? JSONObject()
        if !label.isEmpty { origin["label"] = .string(label) }
        origin["provider"] = .string(turn.channel)
        origin["surface"] = .string(turn.channel)
        origin["chatType"] = .string(chatType(message.chatType))
        origin["from"] = .string(target)
        origin["to"] = .string(target)
        origin["accountId"] = .string(turn.account)
        if !message.thread.isEmpty { origin["threadId"] = .string(message.thread.prefix(bytes: 100)) }
        entry["origin"] = .object(origin)
        var context = entry["deliveryContext"]?.object ?? JSONObject()
        context["channel"] = .string(turn.channel)
        context["to"] = .string(target)
        context["accountId"] = .string(turn.account)
        entry["deliveryContext"] = .object(context)
        entry["lastChannel"] = .string(turn.channel)
        entry["lastTo"] = .string(target)
        entry["lastAccountId"] = .string(turn.account)
    }

    private static func chatType(_ type: HubChatMessage.ChatType) -> String {
        switch type {
        case .direct, .UNRECOGNIZED: "direct"
        case .group: "group"
        case .channel: "channel"
        }
    }
}
