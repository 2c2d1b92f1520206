internal import Config
internal import IPCControl

/// What follows from the facts. Every entry of the deployment guide's troubleshooting is here, or cannot happen
/// (docs/deploy-fly.md says which).
enum DoctorChecks {
    /// Most important first.
    static func all(_ facts: DoctorFacts) -> [Finding] {
        let found =
            start(facts) + address(facts) + state(facts) + config(facts) + memory(facts) + workers(facts)
            + neighbours(facts) + leftOvers(facts)
        let order: [Finding.Level] = [.problem, .warning, .note]
        return order.flatMap { level in found.filter { $0.level == level } }
    }

    // MARK: Does it run, and would it start?

    static func start(_ facts: DoctorFacts) -> [Finding] {
        if let running = facts.running {
            var found: [Finding] = []
            if !running.isHealthy {
                found.append(
                    .problem(
                        "gateway-silent",
                        "The supervisor runs (PID \(running.pid)), and its gateway does not answer /healthz.",
                        "clawhold logs gateway",
                        "clawhold restart gateway"
                    )
                )
            }
            if !running.version.isEmpty, running.version != Build.version {
                found.append(
                    .warning(
                        "other-version",
                        "Version \(running.version) runs, the executable on disk is \(Build.version).",
                        "clawhold upgrade"
                    )
                )
            }
            return found
        }
        guard facts.unanswered.isEmpty else {
            return [.problem("unanswered", facts.unanswered, "sudo clawhold doctor")]
        }
        var found = [notRunning(facts)]
        if !facts.config.hasSecret {
            let cure =
                switch facts.surroundings {
                case .fly: "fly secrets set OPENCLAW_GATEWAY_TOKEN=$(openssl rand -hex 32)"
                case .container: "docker run -e OPENCLAW_GATEWAY_TOKEN=$(openssl rand -hex 32) …"
                case .machine where facts.hasUnit:
                    "echo OPENCLAW_GATEWAY_TOKEN=$(openssl rand -hex 32) >> /etc/clawhold.env"
                case .machine: "export OPENCLAW_GATEWAY_TOKEN=$(openssl rand -hex 32)"
                }
            found.append(
                .problem(
                    "no-token",
                    "No gateway token is set in this environment or in \(facts.configPath); without one no start is possible, "
                        + "on any address.",
                    cure
                )
            )
        }
        if facts.config.state != .missing, facts.config.mode != "local" {
            found.append(
                .warning(
                    "no-mode",
                    "\(facts.configPath) does not say gateway.mode = \"local\": a start without --allow-unconfigured is refused.",
                    "clawhold gateway --allow-unconfigured"
                )
            )
        }
        return found
    }

    private static func notRunning(_ facts: DoctorFacts) -> Finding {
        let text = "No gateway runs for \(facts.stateDirectory)."
        switch facts.surroundings {
        case .fly(let app):
            return .problem("not-running", text, "fly logs -a \(app) --no-tail", "fly machine list -a \(app)")
        case .machine where facts.hasUnit:
            return .problem("not-running", text, "journalctl -u clawhold -n 50", "systemctl start clawhold")
        case .container, .machine:
            return .problem("not-running", text, "clawhold gateway --allow-unconfigured")
        }
    }

    // MARK: Can it be reached?

    static func address(_ facts: DoctorFacts) -> [Finding] {
        var found: [Finding] = []
        if let running = facts.running, facts.surroundings.forgets, running.bind == "loopback" {
            let isFly = if case .fly = facts.surroundings { true } else { false }
            found.append(
                .problem(
                    "loopback-in-container",
                    isFly
                        ? "The gateway listens on 127.0.0.1, where Fly's proxy cannot reach it (\"App is not listening on the "
                            + "expected address\"): add --bind lan to the process line in fly.toml."
                        : "The gateway listens on 127.0.0.1 inside this container, where a published port does not lead: add "
                            + "--bind lan to its command.",
                    isFly ? "fly deploy" : "docker run … clawhold gateway --allow-unconfigured --bind lan"
                )
            )
        }
        if let running = facts.running, running.bind == "lan", !running.listening.isEmpty,
            !running.listening.contains("::")
        {
            found.append(
                .warning(
                    "no-ipv6",
                    "The port is open on IPv4 only (\(running.listening.joined(separator: ", "))): `fly proxy` and WireGuard "
                        + "come over IPv6. This kernel has none, or a socket unit opened the port.",
                    "cat /proc/sys/net/ipv6/conf/all/disable_ipv6"
                )
            )
        }
        for origin in facts.config.allowedOrigins where !isOrigin(origin) {
            found.append(
                .warning(
                    "origin",
                    "gateway.controlUi.allowedOrigins has \"\(origin)\", which no browser sends: it is scheme://host[:port] "
                        + "without a slash at the end.",
                    "clawhold config file"
                )
            )
        }
        return found
    }

    static func isOrigin(_ text: String) -> Bool {
        if text == "*" { return true }
        for scheme in ["https://", "http://"] where text.lowercased().hasPrefix(scheme) {
            let rest = text.dropFirst(scheme.count)
            return !rest.isEmpty && !rest.contains("/") && !rest.contains(" ")
        }
        return false
    }

    // MARK: What died, what is parked, what is refused by a network

    static func workers(_ facts: DoctorFacts) -> [Finding] {
        guard let running = facts.running else { return [] }
        var found: [Finding] = []
        for worker in running.workers {
            let name = worker.shortName
            if worker.isTrouble {
                found.append(
                    .problem(
                        worker.isSafeMode ? "safe-mode" : "worker-\(worker.state)",
                        "\(worker.id) is \(worker.isSafeMode ? "in safe mode" : worker.state)"
                            + (worker.text.isEmpty
                                ? (worker.death.isEmpty ? "." : ": \(worker.death).") : ": \(worker.text)."),
                        "clawhold logs \(name)",
                        worker.state == "parked" ? "clawhold reload" : "clawhold reset \(name)"
                    )
                )
            } else if ["oom-own", "allocation"].contains(worker.cause) {
                found.append(
                    .warning(
                        "worker-oom",
                        "\(worker.id) died \(worker.death), and runs again. If that comes back, give it more in clawhold.json: "
                            + "memory.workers.\"\(worker.id)\".hard.",
                        "clawhold events \(name)"
                    )
                )
            }
            // The gateway says so a minute after its start, until a probe comes.
            if worker.kind == "gateway", worker.text.contains("internal_port") {
                found.append(
                    .problem("no-probe", "Fly's health check does not reach the gateway: \(worker.text).", "fly deploy")
                )
            }
        }
        for channel in running.channels {
            let isPolled = channel.text.contains("409")
            found.append(
                isPolled
                    ? .problem(
                        "polled-elsewhere",
                        "\(channel.name): another process uses the same bot: \(channel.text).",
                        "ps -ef | grep -i openclaw",
                        "clawhold restart \(channel.name)"
                    )
                    : .warning("channel", "\(channel.name): \(channel.text).", "clawhold channels \(channel.name)")
            )
        }
        return found
    }
}
