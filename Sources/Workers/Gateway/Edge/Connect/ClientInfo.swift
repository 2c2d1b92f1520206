/// What a client says it is. Nothing of it is proven.
struct ClientInfo: Sendable, Equatable {
    enum Mode: String, Sendable, CaseIterable {
        case webchat, cli, ui, backend, node, probe, test
    }

    var id: String
    var mode: Mode
    var version: String
    var platform: String
    var displayName: String?
    var deviceFamily: String?
    var modelIdentifier: String?
    var instanceID: String?

    init(
        id: String,
        mode: Mode,
        version: String,
        platform: String,
        displayName: String? = nil,
        deviceFamily: String? = nil,
        modelIdentifier: String? = nil,
        instanceID: String? = nil
    ) {
        self.id = id
        self.mode = mode
        self.version = version
        self.platform = platform
        self.displayName = displayName
        self.deviceFamily = deviceFamily
        self.modelIdentifier = modelIdentifier
        self.instanceID = instanceID
    }

    /// Ids without a brand.
    static let plainIDs: Set<String> = [
        "webchat-ui", "webchat", "cli", "gateway-client", "node-host", "test", "fingerprint",
    ]
    /// Ids that follow one of the names this software had.
    static let brandedIDs: Set<String> = [
        "control-ui", "macos", "ios", "android", "watchos", "linux", "tui", "probe",
    ]
    static let brands = ["openclaw", "moltbot", "clawdbot"]

    /// True for the ids of spec/gateway-protocol.md 1.11.
    static func isKnown(id: String) -> Bool {
        if plainIDs.contains(id) { return true }
        for brand in brands where id.hasPrefix("\(brand)-") {
            return brandedIDs.contains(String(id.dropFirst(brand.count + 1)))
        }
        return false
    }

    /// A page in a browser: its origin is checked, and it is sent to the Control UI's own settings.
    var isBrowser: Bool {
        mode == .webchat || id.hasPrefix("webchat") || id.hasSuffix("-control-ui")
    }
}
