internal import Runtime

/// One message of the gateway, cut but not parsed: `{op, s, t, d}`.
struct GatewayPayload {
    var op: Int
    var seq: Int64?
    /// `MESSAGE_CREATE` and the like; "" when it is no dispatch.
    var type: String
    var data: RawJSON?

    init(_ bytes: [UInt8]) throws(RawJSON.Failure) {
        let members = try RawJSON(bytes).members(["op", "s", "t", "d"])
        guard let op = members["op"]?.integer, (0...255).contains(op) else { throw .malformed(at: 0) }
        self.op = Int(op)
        seq = members["s"]?.integer.flatMap { $0 >= 0 && $0 < Int64.max ? $0 : nil }
        type = members["t"]?.text(limit: 64) ?? ""
        data = members["d"]
    }
}

extension RawJSON {
    /// The value parsed whole; nil when it is not JSON.
    var parsed: JSON? { try? JSON(parsing: slice) }
}
