internal import Config
internal import FoundationEssentials
internal import Glibc
internal import IPCHub
internal import Logging
internal import NIOCore
internal import Runtime

/// A tunnel from its start to its drain: the door, the provider's program behind it, and the link to the gateway.
final class TunnelWorker: Sendable {
    private let worker: Worker
    private let config: TunnelConfig
    private let token: String
    private let http: LocalHTTP
    private let door: Door
    private let provider: any TunnelProvider
    private let latest = Shared(TunnelReport())
    private let (changes, change) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    init(worker: Worker, config: TunnelConfig, token: String) {
        self.worker = worker
        self.config = config
        self.token = token
        http = LocalHTTP(group: worker.group)
        door = Door(routes: config.routes, http: http)
        provider =
            switch config.provider {
            case .ngrok: NgrokProvider(config: config, token: token, loop: worker.eventLoop, http: http)
            case .tailscale: TailscaleProvider(config: config, token: token, loop: worker.eventLoop)
            case .cloudflared: CloudflaredProvider(config: config, token: token, loop: worker.eventLoop, http: http)
            }
    }

    /// Serves until the supervisor drains this worker.
    func run() async throws {
        guard !config.program.isEmpty else { await worker.lifeline.fatal(ProviderEnd.missing(config).text) }
        let port = Shared(0)
        let questions = WorkerQuestions(who: "tunnel", loop: worker.eventLoop) { [latest, config, door] method, _ in
            guard method == "status" else { return nil }
            return TunnelStatusAnswer.json(
                latest.withLock { $0 },
                config,
                port: port.withLock { $0 },
                door.figures
            )
        }
        let link = Shared<HubLink?>(nil)
        let hub = HubLink(
            worker: worker,
            welcomed: { [latest] in
                _ = await link.withLock { $0 }?.send(.tunnelStatus(latest.withLock { $0 }.message))
            },
            receive: { message in
                guard case .request(let request) = message, let link = link.withLock({ $0 }) else { return }
                questions.answer(request, on: link)
            }
        )
        link.withLock { $0 = hub }
        // All three end with the process, or here.
        let serving = Task { await hub.run() }
        let telling = Task { [changes, latest] in
            for await _ in changes { _ = await hub.send(.tunnelStatus(latest.withLock { $0 }.message)) }
        }
        let tunnel = Task { try await self.hold(port) }
        worker.lifeline.ready()
        let drain = await worker.lifeline.drained()
        tunnel.cancel()
        // Nil: the port was never had, so nothing was started.
        if let engine = try? await tunnel.value { await finish(engine, drain, port: port.withLock { $0 }) }
        await http.shutdown()
        telling.cancel()
        serving.cancel()
    }

    /// Opens the door and starts the machine. A port that is taken is waited for.
    private func hold(_ port: Shared<Int>) async throws -> NIOLoopBound<TunnelLoop> {
        let channel = try await open()
        let bound = channel.localAddress?.port ?? 0
        port.withLock { $0 = bound }
        let probe = EdgeProbe(door: door)
        let lifeline = worker.lifeline
        let ports = TunnelLoop.Ports(
            provider: provider,
            probe: { await probe.failure(of: $0) },
            publish: { [weak self] in self?.publish($0) },
            // Ends the process once the supervisor knows why.
            park: { reason in Task { await lifeline.fatal(reason) } },
            now: { Int64(Date().timeIntervalSince1970 * 1000) },
            log: worker.log
        )
        let patience = provider.patience.components.seconds * 1000
        var times = TunnelTimes()
        times.address = provider.addressWithin.components.seconds * 1000
        let core = TunnelCore(patience: patience, times: times)
        let loop = worker.eventLoop
        return try await loop.submit {
            let engine = TunnelLoop(loop: loop, port: bound, core: core, ports: ports)
            engine.apply(.begin)
            return NIOLoopBound(engine, eventLoop: loop)
        }.get()
    }

    private func open() async throws -> any Channel {
        while true {
            do {
                return try await door.bind(port: config.port, group: worker.group)
            } catch {
                var report = TunnelReport()
                report.state = .down
                report.since = Door.now()
                let place = "127.0.0.1:\(config.port)"
                report.error =
                    (error as? IOError)?.errnoCode == EADDRINUSE
                    ? "the port \(place) is in use: ss -ltnp 'sport = :\(config.port)' shows by whom; stop that program or set "
                        + "another clawhold.json: tunnel.port" : "cannot listen on \(place): \(error)"
                if latest.withLock({ $0.error }) != report.error { worker.log.error("\(report.error)") }
                publish(report)
                try await Task.sleep(for: .seconds(5))
            }
        }
    }

    private func publish(_ report: TunnelReport) {
        latest.withLock { $0 = report }
        worker.lifeline.status(report.line)
        change.yield()
    }

    /// The program gets its two seconds. What tailscaled keeps stays when we come back, and goes when we do not.
    private func finish(_ engine: NIOLoopBound<TunnelLoop>, _ drain: Drain, port: Int) async {
        let running = try? await worker.eventLoop.submit { engine.value.end() }.get()  // the loop lives
        await running?.value
        if drain.reason == "stop" { await provider.withdraw(port: port) }
    }
}
