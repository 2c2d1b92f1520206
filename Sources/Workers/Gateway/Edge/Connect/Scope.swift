/// What a client may do. Admin may do everything.
enum Scope: String, Sendable, CaseIterable {
    case read = "operator.read"
    case write = "operator.write"
    case admin = "operator.admin"
    case approvals = "operator.approvals"
    case pairing = "operator.pairing"
}

/// A client that got in.
struct Caller: Sendable, Equatable {
    var connectionID: String
    var client: ClientInfo
    var role: ConnectParams.Role
    /// As granted, unknown ones among them.
    var scopes: [String]
    /// Wants the events of tools (`caps` holds `tool-events`).
    var wantsToolEvents: Bool
    var protocolVersion: Int64
    /// Where it comes from, empty when it is local.
    var remoteAddress: String

    init(
        connectionID: String,
        client: ClientInfo,
        role: ConnectParams.Role,
        scopes: [String],
        wantsToolEvents: Bool = false,
        protocolVersion: Int64 = 3,
        remoteAddress: String = ""
    ) {
        self.connectionID = connectionID
        self.client = client
        self.role = role
        self.scopes = scopes
        self.wantsToolEvents = wantsToolEvents
        self.protocolVersion = protocolVersion
        self.remoteAddress = remoteAddress
    }

    /// Read is satisfied by write, everything by admin.
    func has(_ scope: Scope) -> Bool {
        guard role == .operator else { return false }
        if scopes.contains(Scope.admin.rawValue) || scopes.contains(scope.rawValue) { return true }
        return scope == .read && scopes.contains(Scope.write.rawValue)
    }
}
