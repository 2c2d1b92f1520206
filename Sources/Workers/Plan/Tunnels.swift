internal import Config
internal import IPCControl

/// The tunnels of the plan: their programs looked for, and tailscaled beside the worker that uses it where it is ours.
struct Tunnels {
    private(set) var configs: [PlannedTunnel] = []
    private(set) var daemons: [WorkerDraft] = []
    private(set) var notices: [Notice] = []

    init(
        _ config: inout LoadedConfig,
        gatewayPort: Int,
        telegram: [TunnelRoute],
        voice: PlannedVoice?,
        files: some FileReading
    ) {
        for var tunnel in config.tunnels(gatewayPort: gatewayPort, telegram: telegram, voice: voice) {
            // One that is not installed is planned all the same: the worker parks itself and says what to install.
            tunnel.config.program = ProgramPath.find(tunnel.command, config, files) ?? ""
            if tunnel.runsDaemon, !tunnel.config.program.isEmpty {
                if let daemon = Self.daemon(config, files) {
                    tunnel.config.socket = Self.socket(config)
                    daemons.append(daemon)
                } else {
                    tunnel.runsDaemon = false
                }
            }
            if !tunnel.config.isPublic, tunnel.config.routes.contains(where: { !$0.worker.isEmpty }) {
                notices.append(
                    Notice(
                        level: "warn",
                        text: "\(tunnel.place): tailscale serve is seen from your tailnet alone; Twilio, Telnyx and "
                            + "Telegram cannot call it: set tunnel.provider to tailscale-funnel"
                    )
                )
            }
            configs.append(tunnel)
        }
    }

    /// Where tailscaled keeps its keys; only its own user may look.
    private static func directory(_ config: LoadedConfig) -> String { config.paths.stateDirectory + "/tailscale" }
    private static func socket(_ config: LoadedConfig) -> String { directory(config) + "/tailscaled.sock" }

    /// tailscaled without a network device: what a container without privileges can run. Nil: not installed, or the operator
    /// runs one as a sidecar of that name.
    ///
    /// Its user is the owner of the state directory, where it keeps its keys. The login key is the tunnel's, not its.
    private static func daemon(_ config: LoadedConfig, _ files: some FileReading) -> WorkerDraft? {
        guard config.anyOwnValue(["sidecars", "tailscaled"]) == nil,
            let program = ProgramPath.find("tailscaled", config, files), let id = WorkerID("sidecar:tailscaled")
        else { return nil }
        var draft = WorkerDraft(id: id, budget: .of(id, config: config))
        draft.arguments = [
            program, "--tun=userspace-networking", "--statedir=\(directory(config))", "--socket=\(socket(config))",
        ]
        draft.environment = ["HOME=\(directory(config))", "PATH=\(ProgramPath.variable(config))"]
        draft.uid = "owner"
        return draft
    }
}
