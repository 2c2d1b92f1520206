/// Prometheus' text format, version 0.0.4.
enum MetricsText {
    static func render(_ state: HTTPRoutes.State) -> String {
        var text = ""
        func family(_ name: String, _ type: String, _ help: String, _ samples: [(labels: String, value: Int64)]) {
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
            for sample in samples { text += "\(name)\(sample.labels) \(sample.value)\n" }
        }
        let workers = state.workers.sorted { $0.id < $1.id }
        func perWorker(_ value: (WorkerRow) -> Int64) -> [(labels: String, value: Int64)] {
            workers.map { (labels: "{worker=\"\(escaped($0.id))\"}", value: value($0)) }
        }
        family(
            "clawhold_worker_memory_bytes",
            "gauge",
            "Anonymous and kernel memory.",
            perWorker { bytes($0.memoryKB) }
        )
        family("clawhold_worker_memory_peak_bytes", "gauge", "Most memory seen.", perWorker { bytes($0.peakKB) })
        family("clawhold_worker_memory_soft_bytes", "gauge", "Budget: drained beyond.", perWorker { bytes($0.softKB) })
        family("clawhold_worker_memory_hard_bytes", "gauge", "Budget: killed beyond.", perWorker { bytes($0.hardKB) })
        family("clawhold_worker_restarts_total", "counter", "Restarts.", perWorker { Int64($0.restarts) })
        family("clawhold_worker_ready", "gauge", "1 when ready.", perWorker { $0.state == "ready" ? 1 : 0 })
        family(
            "clawhold_worker_state",
            "gauge",
            "1 for the state the worker is in.",
            workers.map { (labels: "{worker=\"\(escaped($0.id))\",state=\"\(escaped($0.state))\"}", value: 1) }
        )
        family(
            "clawhold_worker_last_death_timestamp_seconds",
            "gauge",
            "When the worker died last, and of what; workers that never died are not listed.",
            workers.filter { $0.diedMilliseconds > 0 }.map {
                (
                    labels: "{worker=\"\(escaped($0.id))\",cause=\"\(escaped($0.cause))\"}",
                    value: $0.diedMilliseconds / 1000
                )
            }
        )
        family(
            "clawhold_tunnel_up",
            "gauge",
            "1 while the tunnel's public address answers end to end.",
            state.tunnels.map { (labels: "{tunnel=\"\(escaped($0.worker))\"}", value: $0.state == "up" ? 1 : 0) }
        )
        family(
            "clawhold_tunnel_restarts_total",
            "counter",
            "Starts of the tunnel's program after the first, of its worker's present life.",
            state.tunnels.map {
                (labels: "{tunnel=\"\(escaped($0.worker))\"}", value: Int64(clamping: $0.restarts))
            }
        )
        let delivery = state.delivery
        family("clawhold_inbox_pending", "gauge", "Messages waiting for a turn.", [("", Int64(delivery.inboxPending))])
        family("clawhold_turns_running", "gauge", "Turns under way.", [("", Int64(delivery.turnsRunning))])
        family("clawhold_outbox_pending", "gauge", "Chunks waiting to be sent.", [("", Int64(delivery.outboxPending))])
        family("clawhold_outbox_inflight", "gauge", "Chunks being sent.", [("", Int64(delivery.outboxInflight))])
        family("clawhold_dead_letters", "gauge", "Messages given up on.", [("", Int64(delivery.deadLetters))])
        family(
            "clawhold_intake_stopped",
            "gauge",
            "1 while nothing is taken in.",
            [("", delivery.intakeStopped.isEmpty ? 0 : 1)]
        )
        family(
            "clawhold_safe_mode",
            "gauge",
            "1 while nothing is dispatched because the gateway kept dying.",
            [("", delivery.safeMode.isEmpty ? 0 : 1)]
        )
        let counts = state.connections
        family("clawhold_connections", "gauge", "Open connections.", [("", Int64(counts.open))])
        family(
            "clawhold_connections_admitted",
            "gauge",
            "WebSocket clients that got in.",
            [("", Int64(counts.admitted))]
        )
        family(
            "clawhold_connections_total",
            "counter",
            "Connections accepted.",
            [("", Int64(clamping: counts.accepted))]
        )
        family(
            "clawhold_auth_failures_total",
            "counter",
            "Wrong secrets.",
            [("", Int64(clamping: counts.authFailures))]
        )
        family("clawhold_unsent_bytes", "gauge", "Waiting for slow clients.", [("", Int64(counts.unsentBytes))])
        family(
            "clawhold_uptime_milliseconds",
            "counter",
            "Since this gateway started.",
            [("", state.uptimeMilliseconds)]
        )
        return text
    }

    private static func bytes(_ kibibytes: Int64) -> Int64 {
        let (bytes, overflow) = kibibytes.multipliedReportingOverflow(by: 1024)
        return overflow ? .max : bytes
    }

    private static func escaped(_ label: String) -> String {
        var text = ""
        for character in label.unicodeScalars {
            switch character {
            case "\\": text += #"\\"#
            case "\"": text += #"\""#
            case "\n": text += #"\n"#
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }
}

/// How many clients there are.
struct ConnectionCounts: Sendable, Equatable {
    var open = 0
    var admitted = 0
    var accepted: UInt64 = 0
    var authFailures: UInt64 = 0
    /// Written and not yet taken by the kernel, of all WebSocket clients.
    var unsentBytes = 0

    init() {}
}
