internal import IPCControl

/// The one line that `systemctl status` shows.
package enum ServiceStatus {
    /// So many workers are named; the others are counted.
    static let namedLimit = 5

    /// `serving on port 18789; 5 of 6 workers ready; quarantined: channel:discord:default`.
    ///
    /// Workers that are stopped do not count: they start on demand, or a person stopped them.
    package static func text(_ statuses: [WorkerStatus], port: UInt16) -> String {
        let meant = statuses.filter { $0.state != .stopped }
        let ready = meant.filter { $0.state == .ready }.count
        let gateway = statuses.first { $0.id.kind == .gateway }
        var parts: [String] = []
        switch gateway?.state {
        case .ready: parts.append("serving on port \(port)")
        case .stopped: parts.append("the gateway is stopped")
        case .starting, .draining, .backoff, .quarantined, .parked, nil:
            parts.append("port \(port) is open, the gateway is \(gateway?.state.rawValue ?? "not there")")
        }
        let all = ready == meant.count ? "\(ready)" : "\(ready) of \(meant.count)"
        parts.append("\(all) \(meant.count == 1 ? "worker" : "workers") ready")
        for state in [WorkerPhase.quarantined, .parked, .backoff] {
            let names = meant.filter { $0.state == state && $0.id.kind != .gateway }.map(\.id.rawValue)
            guard !names.isEmpty else { continue }
            let more = names.count > namedLimit ? " and \(names.count - namedLimit) more" : ""
            parts.append("\(state.rawValue): \(names.prefix(namedLimit).joined(separator: ", "))\(more)")
        }
        return parts.joined(separator: "; ")
    }
}
