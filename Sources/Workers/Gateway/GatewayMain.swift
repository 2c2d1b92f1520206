internal import Config
internal import FoundationEssentials
internal import Glibc
internal import IPCControl
internal import Logging
internal import NIOCore
package import Runtime

/// The worker `gateway`, from its opening to its end. Never returns.
///
/// It makes no socket but Unix ones, it only accepts; it writes beneath the state directory alone.
package func runGateway(_ start: WorkerStart) -> Never {
    runWorker(start, sandbox: Sandbox(network: false, writable: [start.stateDirectory])) { worker in
        let config = try GatewayConfig(of: start)
        let engine = try await makeDelivery(worker: worker, config: config)
        try await serve(worker, config: config, engine: engine)
    }
}

/// Serves hub and clients until the supervisor says DRAIN, then takes leave of the clients.
private func serve(_ worker: Worker, config: GatewayConfig, engine: DeliveryEngine) async throws {
    let lifeline = worker.lifeline
    let edge = try await EdgeServer.start(
        EdgeServer.Parts(
            config: config,
            secret: worker.start.secrets[config.auth.mode == .token ? "GATEWAY_TOKEN" : "GATEWAY_PASSWORD"],
            listeners: EdgeListener.among(worker.start.listeners),
            owner: owner(of: worker.start.stateDirectory),
            host: hostName(),
            conversations: engine,
            restartWorker: { lifeline.send(Block("COMMAND", ["CMD": "RESTART", "ID": $0])) },
            log: worker.log,
            eventLoop: worker.eventLoop
        )
    )
    if !config.auth.usable {
        worker.log.error("no client can connect: no usable token or password (set OPENCLAW_GATEWAY_TOKEN)")
    }
    lifeline.ready()

    // Ends with the drain; when the engine fails first, with the process.
    Task {
        _ = await lifeline.drained()
        await edge.stopAccepting()
    }
    // Ends when everything that was on its way is journaled, or throws when the hub cannot be served.
    try await engine.run()
    await farewell(worker, edge)
}

/// `shutdown` event and close 1012. The clients get what is left of the drain's time, at most 400 ms: they have
/// nothing to finish, and whoever reads too slowly for that is closed by the kernel.
private func farewell(_ worker: Worker, _ edge: EdgeServer) async {
    let drain = await worker.lifeline.drained()
    let isRestart = drain.reason == "restart" || drain.reason == "soft"
    await edge.shutdown(
        reason: isRestart ? "gateway restarting" : "gateway stopping",
        restartExpectedMilliseconds: isRestart ? 1500 : nil,
        patience: .milliseconds(400)
    )
}

/// Owner of the state directory; when it cannot be asked, ourselves.
private func owner(of directory: String) -> UInt32 {
    var status = stat()
    return stat(directory, &status) == 0 ? status.st_uid : geteuid()
}

private func hostName() -> String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

extension GatewayConfig {
    /// The slice that the plan wrote for this worker.
    fileprivate init(of start: WorkerStart) throws {
        self = try JSONDecoder().decode(GatewayConfig.self, from: Data(start.config))
        if stateDirectory.isEmpty { stateDirectory = start.stateDirectory }
    }
}

package func stubGateway() -> String { "" }
