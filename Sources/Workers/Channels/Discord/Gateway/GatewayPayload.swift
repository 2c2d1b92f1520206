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
    /// The value as a whole number; a string of digits counts, as Discord writes ids and permissions.
    var integer: Int64? {
        guard (1...20).contains(digits.count) else { return nil }
        return Int64(String(decoding: digits, as: UTF8.self))
    }

    /// An id, as a string or as a number.
    var id: String? {
        guard digits.count <= 20 else { return nil }
        let text = String(decoding: digits, as: UTF8.self)
        return Snowflake.isValid(text) ? text : nil
    }

    /// The value's bytes without quotes.
    private var digits: ArraySlice<UInt8> {
        guard slice.count >= 2, slice.first == UInt8(ascii: "\""), slice.last == UInt8(ascii: "\"") else {
            return slice
        }
        return slice.dropFirst().dropLast()
    }
}
