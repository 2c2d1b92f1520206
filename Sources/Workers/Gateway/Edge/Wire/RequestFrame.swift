/// A request as a client sent it: `{"type":"req","id":…,"method":…,"params"?:…}`, a closed object.
struct RequestFrame: Sendable, Equatable {
    var id: String
    var method: String
    /// `{}` where the client sent none.
    var params: WireValue

    /// Why a value is not a request frame.
    struct Invalid: Error, Sendable, Equatable {
        /// The id to answer to, if there is one.
        var id: String?
        /// In the words of the schema checker that clients know.
        var detail: String
    }

    init(_ value: WireValue) throws(Invalid) {
        guard case .object(let members) = value else { throw Invalid(id: nil, detail: "must be object") }
        let id = value["id"]?.text
        var details: [String] = []
        for name in ["type", "id", "method"] where value[name] == nil {
            details.append("must have required property '\(name)'")
        }
        for member in members where !["type", "id", "method", "params"].contains(member.name) {
            details.append("at root: unexpected property '\(member.name.prefix(64))'")
        }
        if let type = value["type"], type != "req" { details.append("at /type: must be equal to constant") }
        for name in ["id", "method"] {
            guard let given = value[name] else { continue }
            guard let text = given.text else {
                details.append("at /\(name): must be string")
                continue
            }
            if text.isEmpty { details.append("at /\(name): must NOT have fewer than 1 characters") }
        }
        guard details.isEmpty, let id, let method = value["method"]?.text else {
            throw Invalid(id: id, detail: details.prefix(8).joined(separator: "; "))
        }
        self.id = id
        self.method = method
        params = value["params"] ?? .object([])
    }
}
