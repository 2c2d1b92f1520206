package import IPCControl

/// Everything a worker is told before it starts: its half of the opening of the lifeline (`docs/ipc.md` section 1.1).
package struct WorkerStart: Sendable {
    package var id: WorkerID
    package var incarnation: UInt64
    package var build: String
    /// Hash of the worker's part of the configuration and of its secrets.
    package var revision: String
    package var stateDirectory: String
    /// The hub's socket; the gateway serves it, all others dial it.
    package var hubPath: String
    /// Proves this incarnation to the gateway.
    package var token: [UInt8]
    /// The gateway alone: what tokens are made with.
    package var hubKey: [UInt8]?
    /// Inherited listening sockets by name (`http`, `http6`, `hub`, `rpc`).
    package var listeners: [String: Int32]
    /// The worker's own configuration: JSON, decoded with the slice of its kind.
    package var config: [UInt8]
    /// Secrets by name. Never to be logged, stored or handed on.
    package var secrets: [String: String]
    package var killPoints: KillPoints
    /// The gateway alone: why it is to run in safe mode; nil when it is not.
    package var safeReason: String?

    package init(id: WorkerID, incarnation: UInt64, hubPath: String, token: [UInt8]) {
        self.id = id
        self.incarnation = incarnation
        self.hubPath = hubPath
        self.token = token
        build = Build.id
        revision = ""
        stateDirectory = ""
        hubKey = nil
        listeners = [:]
        config = []
        secrets = [:]
        killPoints = .none
    }

    /// The tag of this worker's log lines: the network of a channel, else the kind with what tells it apart.
    package var subsystem: String {
        switch id.kind {
        case .channel: id.parts.first ?? id.rawValue
        case .gateway: "gateway"
        case .agent: id.parts == ["main"] ? "agent" : "agent/" + id.parts.joined(separator: "/")
        case .model, .sidecar, .tool, .tunnel: id.kind.rawValue + "/" + id.parts.joined(separator: "/")
        }
    }
}
