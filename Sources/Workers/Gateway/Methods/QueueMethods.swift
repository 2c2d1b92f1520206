internal import Journal

/// queue.list, queue.show, queue.retry, queue.drop: ours (`docs/rpc.md`).
enum QueueMethods {
    static let all = [
        Method("queue.list", .read, list),
        Method("queue.show", .read, show),
        Method("queue.retry", .admin, retry),
        Method("queue.drop", .admin, drop),
    ]

    private static func list(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        var reader = ParamReader(params)
        reader.allow(["channel", "state", "limit"])
        let channel = reader.string("channel", longest: 256)
        let state = reader.string("state", longest: 32)
        let limit = reader.integer("limit", in: 1...500)
        guard reader.isValid else { throw reader.error(method: "queue.list") }
        var filter = QueueFilter()
        filter.channel = channel.map(Self.channel) ?? ""
        if let state { filter.states = try states(state) }
        if let limit { filter.limit = Int(limit) }
        let wanted = filter
        let found = try await context.ask { () throws(ConversationError) in
            try await context.conversations.queue(wanted)
        }
        let counts = QueueState.allCases.filter(QueueState.open.contains).map { state in
            (state.rawValue, WireValue.number(found.counts[state] ?? 0))
        }
        return .success([
            "ts": .integer(context.clock.wall()),
            "counts": WireValue(members: counts),
            "items": .array(found.items.map(wire)),
        ])
    }

    private static func show(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        let id = try id(params, method: "queue.show")
        let detail = try await context.ask { () throws(ConversationError) in
            try await context.conversations.queueDetail(id)
        }
        return .success([
            "item": wire(detail.item),
            "detail": [
                "text": .nonEmpty(detail.text),
                "eventKey": .nonEmpty(detail.eventKey),
                "runId": .nonEmpty(detail.runID),
                "sessionKey": .nonEmpty(detail.sessionKey),
                "merged": detail.merged.isEmpty ? nil : .array(detail.merged.map { .string($0.description) }),
                "messageId": .nonEmpty(detail.messageID),
                "possibleDuplicate": detail.isPossibleDuplicate ? true : nil,
                "inDoubt": detail.isInDoubt ? true : nil,
                "ownDeaths": detail.ownDeaths > 0 ? .number(detail.ownDeaths) : nil,
                "unknownDeaths": detail.unknownDeaths > 0 ? .number(detail.unknownDeaths) : nil,
                "nextAttemptAt": detail.nextAttemptAt > 0 ? .integer(detail.nextAttemptAt) : nil,
            ],
        ])
    }

    private static func retry(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        try await order(.retry, context, id(params, method: "queue.retry"))
    }

    private static func drop(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        let name = caller.client.displayName ?? caller.client.id
        let place = caller.remoteAddress.isEmpty ? "" : " from \(caller.remoteAddress)"
        let who = String((name.prefix(64) + place).map { $0.isNewline ? " " : $0 })
        return try await order(.drop(by: who), context, id(params, method: "queue.drop"))
    }

    private static func order(
        _ order: QueueOrder,
        _ context: MethodContext,
        _ id: QueueID
    ) async throws(RPCError) -> RPCAnswer {
        let item = try await context.ask { () throws(ConversationError) in
            try await context.conversations.order(order, id)
        }
        return .success(["ok": true, "item": wire(item)])
    }

    // MARK: Words

    private static func id(_ params: WireValue, method: String) throws(RPCError) -> QueueID {
        var reader = ParamReader(params)
        reader.allow(["id"])
        let text = reader.string("id", required: true, longest: 256)
        guard reader.isValid, let text else { throw reader.error(method: method) }
        guard let id = QueueID(text) else {
            throw .invalid(
                "\"\(text)\" is no id of the queue: they look like inbox:12, turn:3f0c, outbox:34 (queue.list has them)"
            )
        }
        return id
    }

    private static func states(_ name: String) throws(RPCError) -> Set<QueueState> {
        switch name {
        case "open": return QueueState.open
        case "all": return Set(QueueState.allCases)
        default:
            guard let state = QueueState(rawValue: name) else {
                let names = QueueState.allCases.map(\.rawValue).joined(separator: ", ")
                throw .invalid("no state \"\(name)\": open, all, \(names)")
            }
            return [state]
        }
    }

    /// `telegram` is all of its accounts, `telegram:work` one.
    static func channel(_ name: String) -> String {
        if name == NewTurn.webchat { return name }
        let parts = (name.hasPrefix("channel:") ? String(name.dropFirst(8)) : name).split(separator: ":", maxSplits: 1)
        guard let network = parts.first else { return name }
        return parts.count > 1 ? "channel:\(network):\(parts[1])" : "channel:\(network):"
    }

    private static func wire(_ item: QueueItem) -> WireValue {
        let kind =
            switch item.id {
            case .inbox: "inbox"
            case .turn: "turn"
            case .outbox: "outbox"
            }
        return [
            "id": .string(item.id.description),
            "kind": .string(kind),
            "state": .string(item.state.rawValue),
            "channel": .string(item.channel),
            "agent": .nonEmpty(item.agent),
            "conversation": .nonEmpty(item.conversation),
            "sender": .nonEmpty(item.sender),
            "at": .integer(item.at),
            "settledAt": item.settledAt > 0 ? .integer(item.settledAt) : nil,
            "attempts": .number(item.attempts),
            "reason": .nonEmpty(item.reason),
            "text": .nonEmpty(item.text),
        ]
    }
}
