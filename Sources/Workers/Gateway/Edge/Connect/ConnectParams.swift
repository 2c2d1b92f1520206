/// The params of `connect`, checked against the closed schema of spec/gateway-protocol.md 1.4.
struct ConnectParams: Sendable, Equatable {
    enum Role: String, Sendable {
        case `operator`, node
    }

    var minProtocol: Int64
    var maxProtocol: Int64
    var client: ClientInfo
    /// As sent; which roles exist is checked after the protocol.
    var role: String
    var scopes: [String]
    var caps: [String]
    var token: String?
    var password: String?

    /// What is wrong, in the words of the schema checker, joined with `; `.
    struct Invalid: Error, Sendable, Equatable {
        var detail: String
    }

    init(_ params: WireValue) throws(Invalid) {
        var reader = ParamReader(params)
        reader.allow([
            "minProtocol", "maxProtocol", "client", "role", "scopes", "caps", "commands", "permissions", "pathEnv",
            "device", "auth", "locale", "userAgent",
        ])
        let lowest = reader.integer("minProtocol", required: true, in: 1...Int64.max)
        let highest = reader.integer("maxProtocol", required: true, in: 1...Int64.max)
        role = reader.string("role") ?? "operator"
        scopes = reader.strings("scopes", most: 64) ?? []
        caps = reader.strings("caps", most: 256) ?? []
        _ = reader.strings("commands", most: 1024)
        reader.object("permissions")
        _ = reader.string("pathEnv", allowEmpty: true)
        _ = reader.string("locale", allowEmpty: true)
        _ = reader.string("userAgent", allowEmpty: true)
        // A device is accepted and not used: the shared secret decides (docs/decisions/0050).
        reader.object("device")

        var auth = reader.nested("auth")
        auth?.allow(["token", "password", "deviceToken", "bootstrapToken"])
        token = auth?.string("token", allowEmpty: true)
        password = auth?.string("password", allowEmpty: true)
        _ = auth?.string("deviceToken", allowEmpty: true)
        _ = auth?.string("bootstrapToken", allowEmpty: true)
        reader.adopt(auth)

        var client = reader.nested("client", required: true)
        client?.allow([
            "id", "displayName", "version", "platform", "deviceFamily", "modelIdentifier", "mode", "instanceId",
        ])
        let id = client?.string("id", required: true)
        if let id, !ClientInfo.isKnown(id: id) {
            client?.complain("id", "must be equal to one of the allowed values")
        }
        let modeText = client?.string("mode", required: true)
        let mode = modeText.flatMap(ClientInfo.Mode.init(rawValue:))
        if modeText != nil, mode == nil { client?.complain("mode", "must be equal to one of the allowed values") }
        let version = client?.string("version", required: true)
        let platform = client?.string("platform", required: true)
        let displayName = client?.string("displayName")
        let deviceFamily = client?.string("deviceFamily")
        let modelIdentifier = client?.string("modelIdentifier")
        let instanceID = client?.string("instanceId")
        reader.adopt(client)

        guard reader.isValid, let lowest, let highest, let id, let mode, let version, let platform else {
            throw Invalid(detail: reader.detail)
        }
        minProtocol = lowest
        maxProtocol = highest
        self.client = ClientInfo(
            id: id,
            mode: mode,
            version: version,
            platform: platform,
            displayName: displayName,
            deviceFamily: deviceFamily,
            modelIdentifier: modelIdentifier,
            instanceID: instanceID
        )
    }
}
