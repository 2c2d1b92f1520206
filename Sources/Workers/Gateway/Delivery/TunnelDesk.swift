internal import Config
internal import IPCHub

/// What methods and metrics ask of the engine about tunnels.
package protocol TunnelDesk: Sendable {
    /// Every tunnel of the plan, as last told of.
    func tunnels() async -> [TunnelFacts]
}

/// A tunnel as the gateway knows it without asking its worker.
package struct TunnelFacts: Sendable, Equatable {
    /// `tunnel:ngrok`.
    package var worker: String
    package var provider: String
    /// Reachable from the internet, not from a tailnet alone.
    package var isPublic: Bool
    /// `starting`, `up`, `degraded`, `down`; `absent`: its worker does not run.
    package var state: String
    /// As last proven; empty: never.
    package var url: String
    /// Empty while it is up.
    package var error: String
    /// When `state` began, milliseconds since 1970.
    package var since: Int64
    /// Starts of the provider's program after the first.
    package var restarts: UInt64
    package var routes: [Route]

    package struct Route: Sendable, Equatable {
        package var path: String
        /// Who is told its address; empty: nobody.
        package var worker: String
    }

    init(_ tunnel: PublicURLBook.Tunnel) {
        worker = tunnel.entry.worker
        provider = tunnel.entry.provider
        isPublic = tunnel.entry.isPublic
        url = tunnel.url
        error = tunnel.trouble
        since = tunnel.status.sinceMs
        restarts = tunnel.status.restarts
        routes = tunnel.entry.routes.map { Route(path: $0.path, worker: $0.worker) }
        guard tunnel.isLinked else {
            state = "absent"
            return
        }
        state =
            switch tunnel.status.state {
            case .starting, .UNRECOGNIZED: "starting"
            case .up: "up"
            case .degraded: "degraded"
            case .down: "down"
            }
    }
}
