internal import Config

/// A request about telephone calls, read and carried out: the same for clients and for agents.
enum VoiceRequest {
    /// What an agent may ask; the rest is for clients alone.
    static let forAgents: Set<String> = [
        "voicecall.initiate", "voicecall.continue", "voicecall.speak", "voicecall.end", "voicecall.status",
    ]

    /// Carries it out. Throws what the one who asked did wrong, or why it cannot be done.
    static func run(
        _ method: String,
        _ params: WireValue,
        _ calls: VoiceCalls
    ) async throws(RPCError) -> WireValue {
        var reader = ParamReader(params)
        switch method {
        case "voicecall.initiate", "voicecall.start":
            let order = order(&reader, needsMessage: method == "voicecall.initiate")
            try check(reader, method)
            return try await ask { () async throws(ConversationError) in try await calls.initiate(order) }
        case "voicecall.continue":
            let (id, message) = words(&reader)
            try check(reader, method)
            return try await ask { () async throws(ConversationError) in try await calls.converse(id, message) }
        case "voicecall.continue.start":
            let (id, message) = words(&reader)
            try check(reader, method)
            return try await begin(id, message, calls)
        case "voicecall.continue.result":
            reader.allow(["operationId"])
            let operation = reader.string("operationId", required: true, longest: 512) ?? ""
            try check(reader, method)
            return try await result(operation, calls)
        case "voicecall.speak":
            let (id, message) = words(&reader)
            try check(reader, method)
            return try await ask { () async throws(ConversationError) in try await calls.speak(id, message) }
        case "voicecall.end":
            reader.allow(["callId"])
            let id = callID(&reader)
            try check(reader, method)
            return try await ask { () async throws(ConversationError) in try await calls.end(id) }
        case "voicecall.status":
            reader.allow(["callId", "sid"])
            let id = reader.string("callId", longest: 128) ?? reader.string("sid", longest: 128)
            try check(reader, method)
            guard let id else { throw .invalid("callId required") }
            return try await ask { () async throws(ConversationError) in try await calls.status(id) }
        case "voicecall.list":
            reader.allow(["limit", "after"])
            let limit = Int(reader.integer("limit", in: 1...100) ?? 20)
            let after = reader.integer("after", in: 0...Int64.max)
            try check(reader, method)
            return try await ask { () async throws(ConversationError) in
                try await calls.list(after: after, limit: limit)
            }
        case "voicecall.dtmf":
            throw .invalid("dtmf is not supported: this version presses no keys in a call")
        default: throw .invalid("unknown method: \(method.prefix(128))")
        }
    }

    // MARK: In two steps

    /// `{operationId, status, pollTimeoutMs}`.
    private static func begin(
        _ id: String,
        _ message: String,
        _ calls: VoiceCalls
    ) async throws(RPCError) -> WireValue {
        let waiting = try await ask { () async throws(ConversationError) in try await calls.say(id, message) }
        let name = String(decoding: waiting.encoded(), as: UTF8.self)
        return [
            "operationId": .string("\(id)#\(name)"), "status": "pending",
            "pollTimeoutMs": .integer(Int64(clamping: calls.config.voice?.transcriptTimeoutMilliseconds ?? 0)),
        ]
    }

    /// `{operationId, status, result? | error?}`. The operation's name holds all that is needed, so any gateway can answer.
    private static func result(_ operation: String, _ calls: VoiceCalls) async throws(RPCError) -> WireValue {
        let halves = operation.split(separator: "#", maxSplits: 1)
        guard halves.count == 2, let waiting = try? WireParser.parse(Array(halves[1].utf8)) else {
            throw .invalid("there is no operation \(Shown.text(operation))")
        }
        do throws(ConversationError) {
            guard let heard = try await calls.heard(String(halves[0]), waiting) else {
                return ["operationId": .string(operation), "status": "pending"]
            }
            return [
                "operationId": .string(operation), "status": "completed",
                "result": ["success": true, "transcript": .string(heard)],
            ]
        } catch {
            return [
                "operationId": .string(operation), "status": "failed", "error": .string(RPCError(error).message),
            ]
        }
    }

    // MARK: Parameters

    private static func order(_ reader: inout ParamReader, needsMessage: Bool) -> VoiceCalls.Order {
        reader.allow(["to", "message", "mode", "idempotencyKey"])
        var order = VoiceCalls.Order()
        order.to = reader.string("to", longest: 64)
        order.message =
            reader.string(
                "message",
                required: needsMessage,
                allowEmpty: !needsMessage,
                longest: VoiceCalls.messageBytes
            )
            ?? ""
        order.mode = reader.string("mode", longest: 32)
        if let mode = order.mode, !["notify", "conversation"].contains(mode) {
            reader.complain("mode", "must be equal to one of the allowed values")
        }
        order.idempotencyKey = reader.string("idempotencyKey", longest: 512)
        return order
    }

    private static func words(_ reader: inout ParamReader) -> (String, String) {
        reader.allow(["callId", "message"])
        let id = callID(&reader)
        return (id, reader.string("message", required: true, longest: VoiceCalls.messageBytes) ?? "")
    }

    private static func callID(_ reader: inout ParamReader) -> String {
        reader.string("callId", required: true, longest: 128) ?? ""
    }

    private static func check(_ reader: ParamReader, _ method: String) throws(RPCError) {
        guard reader.isValid else { throw reader.error(method: method) }
    }

    private static func ask<Answer>(
        _ question: () async throws(ConversationError) -> Answer
    ) async throws(RPCError) -> Answer {
        do throws(ConversationError) {
            return try await question()
        } catch {
            throw RPCError(error)
        }
    }
}
