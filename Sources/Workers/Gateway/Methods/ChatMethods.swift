internal import Config

/// chat.send, chat.history, chat.abort (spec/gateway-protocol.md 2.5).
enum ChatMethods {
    static let all = [
        Method("chat.send", .write, send),
        Method("chat.history", .read, history),
        Method("chat.abort", .write, abort),
    ]

    /// Longest message, in bytes. A turn's first frame must hold it, and frames are 1 MiB.
    static let longestMessage = 512 * 1024
    /// Words that stop instead of being answered, whole message, any case.
    static let stopWords: Set<String> = ["/stop", "stop", "esc", "abort", "wait", "exit", "interrupt"]

    private static func send(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        var reader = ParamReader(params)
        reader.allow([
            "sessionKey", "message", "thinking", "deliver", "attachments", "timeoutMs", "idempotencyKey",
        ])
        let sessionKey = reader.string("sessionKey", required: true)
        let text = reader.string("message", required: true, allowEmpty: true, longest: longestMessage)
        let key = reader.string("idempotencyKey", required: true, longest: 256)
        // A level for this message alone. The Python SDK sends words of its own, which are no level and count for nothing.
        let thinking = reader.string("thinking", allowEmpty: true) ?? ""
        _ = reader.bool("deliver")
        _ = reader.integer("timeoutMs", in: 0...Int64.max)
        let attachments = reader.any("attachments")
        if let attachments, attachments.items == nil { reader.complain("attachments", "must be array") }
        guard reader.isValid, let sessionKey, let text, let key else { throw reader.error(method: "chat.send") }
        let pictures = try ChatAttachments(attachments?.items ?? [])
        guard !text.trimmingSpace.isEmpty || !pictures.pictures.isEmpty else {
            throw .invalid("message or attachment required")
        }
        if stopWords.contains(text.trimmingSpace.lowercased()) {
            return try await stop(context, sessionKey: sessionKey, runID: nil, reason: "stop")
        }

        context.hold(key)
        var message = ChatSend(
            sessionKey: sessionKey,
            text: text,
            idempotencyKey: key,
            timestampMilliseconds: context.clock.wall()
        )
        message.thinking = String(thinking.prefix(32))
        let stored = try pictures.store(key: key, stateDirectory: context.config.stateDirectory)
        message.files = stored.files
        switch await context.conversations.send(message) {
        case .started: return accepted(key, "started")
        case .inFlight: return accepted(key, "in_flight")
        case .finished: return accepted(key, "ok")
        case .failed(let sentence):
            return RPCAnswer(
                payload: ["runId": .string(key), "status": "error", "summary": .string(sentence)],
                error: .unavailable(sentence)
            )
        case .refused(let sentence):
            ChatAttachments.remove(stored.written)
            throw RPCError(.unavailable, sentence, retryable: true, retryAfterMilliseconds: 2000)
        }
    }

    private static func accepted(_ runID: String, _ status: String) -> RPCAnswer {
        .success(["runId": .string(runID), "status": .string(status)])
    }

    private static func history(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        var reader = ParamReader(params)
        reader.allow(["sessionKey", "limit"])
        let sessionKey = reader.string("sessionKey", required: true)
        let limit = reader.integer("limit", in: 1...1000) ?? 200
        guard reader.isValid, let sessionKey else { throw reader.error(method: "chat.history") }
        return .success(
            .raw(
                try await context.ask { () throws(ConversationError) in
                    try await context.conversations.history(sessionKey: sessionKey, limit: Int(limit))
                }
            )
        )
    }

    private static func abort(
        _ context: MethodContext,
        _ caller: Caller,
        _ params: WireValue
    ) async throws(RPCError) -> RPCAnswer {
        var reader = ParamReader(params)
        reader.allow(["sessionKey", "runId"])
        let sessionKey = reader.string("sessionKey", required: true)
        let runID = reader.string("runId")
        guard reader.isValid, let sessionKey else { throw reader.error(method: "chat.abort") }
        return try await stop(context, sessionKey: sessionKey, runID: runID, reason: "rpc")
    }

    private static func stop(
        _ context: MethodContext,
        sessionKey: String,
        runID: String?,
        reason: String
    ) async throws(RPCError) -> RPCAnswer {
        let runs = try await context.ask { () throws(ConversationError) in
            try await context.conversations.abort(sessionKey: sessionKey, runID: runID, reason: reason)
        }
        return .success([
            "ok": true, "aborted": .bool(!runs.isEmpty), "runIds": .array(runs.map(WireValue.string)),
        ])
    }
}
