internal import IPCHub

extension DeliveryCore {
    mutating func tunnelStatus(_ status: HubTunnelStatus, _ link: LinkState, _ now: Int64) {
        guard urls.told(link.worker, status, now: now) else { return }
        tellListeners(of: link.worker, now)
    }

    /// After WELCOME: what a worker with a route has to know, also when it is that there is nothing yet.
    mutating func tellURLs(_ worker: String, _ link: Int, _ now: Int64) {
        for frame in urls.frames(for: worker, now: now) { send(link, .publicURL(frame)) }
    }

    mutating func tunnelUnlinked(_ worker: String) {
        guard worker.hasPrefix("tunnel:"), urls.unlinked(worker) else { return }
        tellListeners(of: worker, clock ?? 0)
    }

    /// The supervisor's word about a tunnel that does not run.
    mutating func tunnelRow(_ row: WorkerRow, _ now: Int64) {
        guard row.kind == "tunnel", row.state != "ready", row.state != "starting" else { return }
        let why = row.reason.isEmpty ? "it is \(row.state)" : "\(row.state), \(row.reason)"
        if urls.absent(row.id, why) { tellListeners(of: row.id, now) }
    }

    private mutating func tellListeners(of tunnel: String, _ now: Int64) {
        for worker in urls.listeners(of: tunnel) {
            guard let link = links[worker], link.isReady else { continue }
            for frame in urls.frames(for: worker, now: now) where frame.tunnel == tunnel {
                send(link.id, .publicURL(frame))
            }
        }
        publish(.workersChanged)
    }
}
