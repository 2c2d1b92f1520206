/// pairing.list, pairing.approve: ours (`docs/rpc.md`). OpenClaw's clients have no method for it, its CLI changes the files.
enum PairingMethods {
    static let all = [
        Method("pairing.list", .pairing, list),
        Method("pairing.approve", .pairing, approve),
    ]

    private static func list(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        var reader = ParamReader(params)
        reader.allow(["channel"])
        let channel = reader.string("channel", longest: 64)?.lowercased()
        guard reader.isValid else { throw reader.error(method: "pairing.list") }
        let waiting = try await context.ask { () throws(ConversationError) in
            try await context.conversations.pairingRequests(channel: channel)
        }
        return .success([
            "ts": .integer(context.clock.wall()),
            "requests": .array(waiting.map(row)),
        ])
    }

    private static func row(_ pending: PendingPairing) -> WireValue {
        let request = pending.request
        let meta = request.shownMeta.sorted { $0.key < $1.key }
        return [
            "channel": .string(pending.channel),
            "id": .string(request.id),
            "code": .string(request.code),
            "createdAt": .string(PairingJSON.text(request.createdAt)),
            "lastSeenAt": .string(PairingJSON.text(request.lastSeenAt)),
            "expiresAt": .string(PairingJSON.text(request.expiresAt)),
            "meta": WireValue(members: meta.map { ($0.key, .string($0.value)) }),
        ]
    }

    private static func approve(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        var reader = ParamReader(params)
        reader.allow(["channel", "code", "notify"])
        let channel = reader.string("channel", required: true, longest: 64)?.lowercased()
        let code = reader.string("code", required: true, longest: 64)
        let notify = reader.bool("notify") ?? false
        guard reader.isValid, let channel, let code else { throw reader.error(method: "pairing.approve") }
        let approval = try await context.ask { () throws(ConversationError) in
            try await context.conversations.approvePairing(channel: channel, code: code, notify: notify)
        }
        guard let approval else {
            throw .invalid("No pending pairing request found for code: \(Shown.text(code))")
        }
        return .success([
            "ok": true, "channel": .string(channel), "id": .string(approval.id), "notified": .bool(approval.isNotified),
        ])
    }
}
