/// Whether everything that should always run does, and in words what does not.
struct Readiness: Sendable, Equatable {
    /// Empty when ready. At most twenty.
    var reasons: [String]
    /// What is out of order and keeps nobody from being answered: a tunnel. At most twenty.
    var degraded: [String]

    var isReady: Bool { reasons.isEmpty }

    /// Agents and models start on demand, a sidecar may have done its work: for them it is enough not to be broken.
    private static let onDemand: Set<String> = ["agent", "model", "tool", "plan", "sidecar"]
    /// Its own line says more than its worker's state, and a tunnel that fails for ever never makes the gateway unready.
    private static let apart: Set<String> = ["gateway", "tunnel"]
    private static let broken: Set<String> = ["backoff", "quarantined", "parked"]

    init(workers: [WorkerRow], delivery: DeliveryStatus, tunnels: [TunnelFacts] = [], isDraining: Bool) {
        var reasons: [String] = []
        if isDraining { reasons.append("shutting down") }
        if !delivery.safeMode.isEmpty { reasons.append("safe mode, nothing is answered: \(delivery.safeMode)") }
        if !delivery.intakeStopped.isEmpty { reasons.append("no messages are taken in: \(delivery.intakeStopped)") }
        for worker in workers.sorted(by: { $0.id < $1.id }) where !Self.apart.contains(worker.kind) {
            let isMissing =
                Self.onDemand.contains(worker.kind) ? Self.broken.contains(worker.state) : worker.state != "ready"
            guard isMissing else { continue }
            reasons.append("\(worker.id) is \(worker.state)" + (worker.reason.isEmpty ? "" : ": \(worker.reason)"))
        }
        self.reasons = Array(reasons.prefix(20))
        degraded = tunnels.filter { $0.state != "up" }.prefix(20).map { "\($0.worker) is \($0.state): \($0.error)" }
    }
}
