internal import FoundationEssentials
internal import Logging
internal import NIOCore
internal import Runtime

/// The thin driver around `TunnelCore`: gives it events, carries out its effects. On one event loop.
final class TunnelLoop {
    /// What the driver needs of the world.
    struct Ports {
        var provider: any TunnelProvider
        /// What became of a probe of this address; nil: it came back.
        var probe: @Sendable (String) async -> String?
        var publish: @Sendable (TunnelReport) -> Void
        var park: @Sendable (String) -> Void
        /// Milliseconds since 1970.
        var now: @Sendable () -> Int64
        var log: Logger
    }

    private let loop: any EventLoop
    private let ports: Ports
    /// The door's, where the provider leads to.
    private let port: Int
    private(set) var core: TunnelCore
    private var timer: Scheduled<Void>?
    /// The provider's run; ends with the program.
    private var running: Task<Void, Never>?
    /// The probe under way; ends by its own limit.
    private var probing: Task<Void, Never>?
    private var isEnding = false

    init(loop: any EventLoop, port: Int, core: TunnelCore, ports: Ports) {
        self.loop = loop
        self.port = port
        self.core = core
        self.ports = ports
    }

    func apply(_ event: TunnelCore.Event) {
        guard !isEnding else { return }
        for effect in core.handle(event, now: ports.now()) { carryOut(effect) }
        schedule()
    }

    /// Ends the provider's program; returns the run to wait for.
    func end() -> Task<Void, Never>? {
        isEnding = true
        timer?.cancel()
        probing?.cancel()
        running?.cancel()
        return running
    }

    private func carryOut(_ effect: TunnelCore.Effect) {
        switch effect {
        case .run: run()
        case .stop: running?.cancel()
        case .probe(let url): probe(url)
        case .publish(let report): ports.publish(report)
        case .park(let reason): ports.park(reason)
        case .log(let line):
            switch line.level {
            case .info: ports.log.info("\(line.text)")
            case .warning: ports.log.warning("\(line.text)")
            case .error: ports.log.error("\(line.text)")
            }
        }
    }

    private func run() {
        let bound = NIOLoopBound(self, eventLoop: loop)
        let (provider, port, loop) = (ports.provider, port, loop)
        running = Task {
            let end = await provider.run(port: port) { news in
                loop.execute { bound.value.apply(.news(news)) }
            }
            loop.execute { bound.value.apply(.ended(end)) }
        }
    }

    private func probe(_ url: String) {
        let bound = NIOLoopBound(self, eventLoop: loop)
        let (probe, loop) = (ports.probe, loop)
        probing = Task {
            let failure = await probe(url)
            loop.execute { bound.value.apply(.probed(url, failure: failure)) }
        }
    }

    private func schedule() {
        timer?.cancel()
        timer = nil
        guard let due = core.due else { return }
        let bound = NIOLoopBound(self, eventLoop: loop)
        timer = loop.scheduleTask(in: .milliseconds(max(1, due - ports.now()))) { bound.value.apply(.due) }
    }
}
