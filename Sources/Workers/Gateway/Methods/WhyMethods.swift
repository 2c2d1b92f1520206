internal import Journal

/// channels.why: whom nobody answered, and what would change that (`docs/rpc.md`).
enum WhyMethods {
    static let all = [Method("channels.why", .read, why)]

    private static func why(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        var reader = ParamReader(params)
        reader.allow(["channel", "accountId", "account", "limit"])
        let channel = reader.string("channel", longest: 64)?.lowercased()
        let account = (reader.string("accountId", longest: 64) ?? reader.string("account", longest: 64))?.lowercased()
        let limit = reader.integer("limit", in: 1...500) ?? 50
        guard reader.isValid else { throw reader.error(method: "channels.why") }
        let report = try await context.ask { () throws(ConversationError) in
            try await context.conversations.why(channel: channel, account: account, limit: Int(limit))
        }
        let counts = report.counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        return .success([
            "ts": .integer(context.clock.wall()),
            "items": .array(report.items.map(item)),
            "counts": WireValue(members: counts.map { ($0.key, .number($0.value)) }),
            "channels": .array(report.channels.map(row)),
        ])
    }

    private static func item(_ item: IgnoredItem) -> WireValue {
        let parts = item.channel.split(separator: ":", maxSplits: 2).map(String.init)
        let note = item.note
        return [
            "at": .integer(item.at),
            "channel": .string(parts.count > 1 ? parts[1] : item.channel),
            "accountId": parts.count > 2 ? .string(parts[2]) : nil,
            "chatType": .nonEmpty(note.chatType),
            "conversation": .nonEmpty(note.conversation),
            "conversationName": .nonEmpty(note.label),
            "sender": .nonEmpty(note.sender),
            "senderName": .nonEmpty(note.senderName),
            "messageId": .nonEmpty(note.messageID),
            "code": .string(note.code),
            "reason": .string(note.reason),
            "admit": .nonEmpty(note.admit),
            "where": .nonEmpty(note.place),
            "command": .nonEmpty(note.command),
            "count": .number(item.count),
        ]
    }

    private static func row(_ channel: WhyChannel) -> WireValue {
        [
            "channel": .string(channel.channel),
            "accountId": .string(channel.account),
            "connected": .bool(channel.isConnected),
            "error": .nonEmpty(channel.error),
            "warnings": channel.warnings.isEmpty ? nil : .array(channel.warnings.map(WireValue.string)),
            "policies": .array(channel.policies.map(WireValue.string)),
        ]
    }
}
