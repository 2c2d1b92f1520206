internal import Config
internal import NIOCore
internal import Runtime

/// tailscale serve and funnel: the mounts live in tailscaled, so there is no child to watch; what it serves is put right at
/// the start and looked at every minute.
final class TailscaleProvider: TunnelProvider {
    /// The first certificate and public name of a machine can take minutes.
    let patience = Duration.seconds(600)
    /// A tailscaled that has just started, and a login.
    let addressWithin = Duration.seconds(120)
    private let config: TunnelConfig
    private let token: String
    private let command: TailscaleCommand
    private let lookEvery: Duration
    /// The supervisor waits ten seconds for a worker that is switched off.
    private let withdrawWithin: Duration

    init(
        config: TunnelConfig,
        token: String,
        loop: any EventLoop,
        lookEvery: Duration = .seconds(60),
        withdrawWithin: Duration = .seconds(5)
    ) {
        self.config = config
        self.token = token
        command = TailscaleCommand(program: config.program, socket: config.socket, loop: loop)
        self.lookEvery = lookEvery
        self.withdrawWithin = withdrawWithin
    }

    /// How it goes on after a step.
    private enum Outcome {
        case name(String)
        case end(ProviderEnd)
    }

    func run(port: Int, _ tell: @escaping @Sendable (ProviderNews) -> Void) async -> ProviderEnd {
        do {
            while true {
                let name: String
                switch try await connected() {
                case .name(let found): name = found
                case .end(let end): return end
                }
                if let end = try await reconcile(name: name, port: port) { return end }
                tell(.address("https://\(name)\(config.httpsPort == 443 ? "" : ":\(config.httpsPort)")"))
                try await Task.sleep(for: lookEvery)
            }
        } catch is CancellationError {
            return ProviderEnd(.retry, "stopped")
        } catch {
            return ProviderEnd.unstartable(error, config)
        }
    }

    /// At most `withdrawWithin`: the supervisor kills who does not end in time. Never logs in: what is not reachable stays.
    func withdraw(port: Int) async {
        do {
            try await TimeLimit.run(withdrawWithin, on: command.loop) { [self] in
                let answer = try await command.call(["status", "--json"])
                guard let name = TailscaleStatus(answer.output)?.name, !name.isEmpty else { return }
                let status = try await command.call(["serve", "status", "--json"])
                guard let served = ServeConfig(status.output) else { return }
                for step in ServePlan(removing: served, site: site(name), port: port).steps {
                    _ = try await carryOut(step, port)
                }
            }
        } catch {
            // It is the end of this worker; what stays leads to a port where nobody listens.
        }
    }

    // MARK: Being connected

    private func connected() async throws -> Outcome {
        var hasLoggedIn = false
        for _ in 0..<20 {
            try Task.checkCancellation()
            let answer = try await command.call(["status", "--json"], within: .seconds(5))
            guard let status = TailscaleStatus(answer.output) else {
                // tailscaled starts beside this worker, and may be a moment behind.
                if answer.output.contains("failed to connect to local tailscale") || answer.exit == nil {
                    try await Task.sleep(for: .seconds(1))
                    continue
                }
                return .end(ProviderEnd(.retry, "tailscale status says: \(Self.words(answer.output))"))
            }
            switch status.backend {
            case "Running" where !status.name.isEmpty: return .name(status.name)
            case "Running":
                return .end(
                    ProviderEnd(
                        .slow,
                        "this machine has no name in its tailnet: switch MagicDNS on (login.tailscale.com/admin/dns)"
                    )
                )
            case "NeedsLogin" where !token.isEmpty && !hasLoggedIn:
                hasLoggedIn = true
                if let end = try await login() { return .end(end) }
            case "NeedsLogin":
                let place = status.authURL.isEmpty ? "type  tailscale up" : "open \(status.authURL.prefix(300))"
                return .end(ProviderEnd(.slow, "Tailscale is logged out: \(place), or set TS_AUTHKEY"))
            case "NeedsMachineAuth":
                return .end(
                    ProviderEnd(
                        .slow,
                        "Tailscale waits for this machine to be approved: login.tailscale.com/admin/machines"
                    )
                )
            case "Stopped": return .end(ProviderEnd(.slow, "Tailscale is stopped: type  tailscale up"))
            default: try await Task.sleep(for: .seconds(1))
            }
        }
        return .end(
            ProviderEnd(.retry, "tailscaled does not answer: is it running (clawhold ps, systemctl status tailscaled)?")
        )
    }

    /// The key comes through a pipe: on the command line everybody could read it.
    private func login() async throws -> ProviderEnd? {
        var arguments = ["up", "--auth-key=file:/dev/fd/3", "--timeout=30s"]
        if !config.hostName.isEmpty { arguments.append("--hostname=\(config.hostName)") }
        let answer = try await command.call(arguments, secret: token, within: .seconds(40))
        guard !answer.isGood else { return nil }
        let words = Self.words(answer.output)
        if words.contains("invalid key") || words.contains("not valid") || words.contains("expired") {
            return ProviderEnd(
                .fatal,
                "Tailscale refuses the auth key: make a new one (login.tailscale.com/admin/settings/keys) and set TS_AUTHKEY"
            )
        }
        return ProviderEnd(.slow, "tailscale up failed: \(words)")
    }

    // MARK: Serving

    private func site(_ name: String) -> String { "\(name):\(config.httpsPort)" }

    private func reconcile(name: String, port: Int) async throws -> ProviderEnd? {
        let paths = config.routes.map(\.path)
        // Every change is looked at again: serve on a port switches its funnel off.
        for round in 0..<3 {
            let status = try await command.call(["serve", "status", "--json"])
            guard let served = ServeConfig(status.output) else {
                return ProviderEnd(.retry, "tailscale serve status says: \(Self.words(status.output))")
            }
            let plan = ServePlan(served, site: site(name), port: port, paths: paths, isPublic: config.isPublic)
            if let conflict = plan.conflict { return ProviderEnd(.slow, conflict) }
            if plan.steps.isEmpty { return nil }
            guard round < 2 else { break }
            for step in plan.steps {
                if let end = try await carryOut(step, port) { return end }
            }
        }
        return ProviderEnd(.retry, "tailscaled does not keep what it is told to serve: another program changes it too")
    }

    private func carryOut(_ step: ServePlan.Step, _ port: Int) async throws -> ProviderEnd? {
        let verb = config.isPublic ? "funnel" : "serve"
        let arguments: [String] =
            switch step {
            case .mount(let path):
                [
                    verb, "--bg", "--yes", "--https=\(config.httpsPort)", "--set-path", path,
                    ServePlan.target(path, port),
                ]
            case .unmount(let path, let site):
                [verb, "--https=\(site.split(separator: ":").last ?? "")", "--set-path", path, "off"]
            }
        let answer = try await command.call(arguments)
        return answer.isGood ? nil : Self.failure(answer, verb: verb)
    }

    static func failure(_ answer: TailscaleCommand.Answer, verb: String) -> ProviderEnd {
        if let url = TailscaleOutput.consent(answer.output) {
            return ProviderEnd(.slow, "Tailscale wants \(verb) to be allowed for this machine: open \(url)")
        }
        let words = words(answer.output)
        if words.contains("Access denied") || words.contains("access denied") || words.contains("permission denied") {
            return ProviderEnd(
                .slow,
                "this worker may not change what Tailscale serves: type  tailscale set --operator=<the user of the state "
                    + "directory>"
            )
        }
        if answer.exit == nil { return ProviderEnd(.slow, "tailscale \(verb) did not end within 15 s: \(words)") }
        return ProviderEnd(.slow, "tailscale \(verb) failed: \(words)")
    }

    /// The last words of an output, on one line.
    static func words(_ output: String) -> String {
        let lines = output.split(whereSeparator: \.isNewline).suffix(4).joined(separator: " ")
        return lines.isEmpty ? "nothing" : String(lines.prefix(300))
    }
}
