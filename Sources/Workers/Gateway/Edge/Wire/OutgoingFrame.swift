/// What the gateway says to a client. Optional members are left out, never `null`: the mere presence of `error`
/// counts as a failure for the Python SDK.
enum OutgoingFrame {
    /// The answer to a request. Failures of runs carry a payload beside the error.
    static func response(id: String, _ answer: RPCAnswer) -> [UInt8] {
        let frame: WireValue = [
            "type": "res",
            "id": .string(id),
            "ok": .bool(answer.error == nil),
            "payload": answer.payload,
            "error": answer.error?.wire,
        ]
        return frame.encoded()
    }

    /// An event. `payload` is encoded once for all receivers; only `sequence` differs between them.
    static func event(
        _ name: String,
        payload: [UInt8],
        sequence: UInt64?,
        stateVersion: StateVersion? = nil
    ) -> [UInt8] {
        let frame: WireValue = [
            "type": "event",
            "event": .string(name),
            "payload": .raw(payload),
            "seq": sequence.map { .number($0) },
            "stateVersion": stateVersion?.wire,
        ]
        return frame.encoded()
    }
}

/// What a method answers with.
struct RPCAnswer: Sendable, Equatable {
    var payload: WireValue?
    var error: RPCError?

    init(payload: WireValue?, error: RPCError? = nil) {
        self.payload = payload
        self.error = error
    }

    static func success(_ payload: WireValue) -> RPCAnswer { RPCAnswer(payload: payload) }

    static func failure(_ error: RPCError) -> RPCAnswer { RPCAnswer(payload: nil, error: error) }
}

/// Versions of the two states that clients mirror. Both start at 1 and only grow.
struct StateVersion: Sendable, Equatable {
    var presence: UInt64 = 1
    var health: UInt64 = 1

    init() {}

    var wire: WireValue { ["presence": .number(presence), "health": .number(health)] }
}
