internal import Config
internal import IPCHub

/// What the outside calls us, through each tunnel, and who is to be told (`docs/ipc.md` section 2.4). Pure.
struct PublicURLBook {
    /// How long an address that was replaced still counts: a call that began under it ends under it.
    static let formerFor: Int64 = 600_000
    static let formerLimit = 5

    /// One tunnel as it was last told of.
    struct Tunnel: Sendable, Equatable {
        var entry: TunnelEntry
        var status = HubTunnelStatus()
        /// Its worker has a link.
        var isLinked = false
        /// Why it has none, as far as the supervisor knows.
        var absence = ""
        /// "https://…", as last proven; outlives the worker.
        var url = ""
        /// Newest first.
        var former: [HubFormerURL] = []

        var isUp: Bool { isLinked && status.state == .up }

        /// What is wrong, for a person; "" while nothing is.
        var trouble: String {
            guard !isUp else { return "" }
            if isLinked { return status.error.isEmpty ? "\(entry.worker) has no proven address yet" : status.error }
            return "\(entry.worker) does not run\(absence.isEmpty ? "" : ": \(absence)")"
        }
    }

    private(set) var tunnels: [Tunnel]

    init(_ entries: [TunnelEntry]) { tunnels = entries.map { Tunnel(entry: $0) } }

    /// A tunnel's own word. Whether anything changed for those who are told.
    mutating func told(_ worker: String, _ status: HubTunnelStatus, now: Int64) -> Bool {
        change(worker) { tunnel in
            tunnel.isLinked = true
            tunnel.absence = ""
            tunnel.status = status
            tunnel.status.url = Shown.text(status.url, limit: 300)
            tunnel.status.error = Shown.text(status.error, limit: 1000)
            let url = tunnel.status.url
            guard !url.isEmpty, url != tunnel.url else { return }
            tunnel.former.removeAll { $0.untilMs <= now || $0.url == url }
            if !tunnel.url.isEmpty {
                var old = HubFormerURL()
                old.url = tunnel.url
                old.untilMs = now + Self.formerFor
                tunnel.former.insert(old, at: 0)
            }
            tunnel.former = Array(tunnel.former.prefix(Self.formerLimit))
            tunnel.url = url
        }
    }

    /// The tunnel's link is gone. Its address stays: a fixed one comes back.
    mutating func unlinked(_ worker: String) -> Bool { change(worker) { $0.isLinked = false } }

    /// What the supervisor says of a worker that does not run.
    mutating func absent(_ worker: String, _ why: String) -> Bool {
        change(worker) { tunnel in
            if !tunnel.isLinked { tunnel.absence = Shown.text(why, limit: 500) }
        }
    }

    /// Who has a route through this tunnel.
    func listeners(of worker: String) -> [String] {
        let routes = tunnels.first { $0.entry.worker == worker }?.entry.routes ?? []
        return Set(routes.map(\.worker)).subtracting([""]).sorted()
    }

    /// What a worker is told: one frame for each of its routes.
    func frames(for worker: String, now: Int64) -> [HubPublicURL] {
        tunnels.flatMap { tunnel in
            tunnel.entry.routes.filter { $0.worker == worker }.map { route in
                var frame = HubPublicURL()
                frame.path = route.path
                frame.url = tunnel.url.isEmpty ? "" : tunnel.url + route.path
                frame.up = tunnel.isUp
                frame.error = tunnel.trouble
                frame.tunnel = tunnel.entry.worker
                frame.former = tunnel.former.filter { $0.untilMs > now }.map { former in
                    var former = former
                    former.url += route.path
                    return former
                }
                return frame
            }
        }
    }

    private mutating func change(_ worker: String, _ body: (inout Tunnel) -> Void) -> Bool {
        guard let index = tunnels.firstIndex(where: { $0.entry.worker == worker }) else { return false }
        let before = tunnels[index]
        body(&tunnels[index])
        return tunnels[index] != before
    }
}
