internal import Config
internal import Glibc
internal import IPCControl
internal import Logging
internal import NIOCore
package import Runtime

/// Runs the gateway to its end: the delivery engine, and the edge in front of it on the inherited listeners.
///
/// It makes no connection of its own and writes only beneath the state directory.
package func runGateway(_ start: WorkerStart) -> Never {
    let sandbox = Sandbox(network: false, writable: [start.stateDirectory])
    runWorker(start, sandbox: sandbox) { worker in
        let config = try decodeSlice(GatewayConfig.self, from: worker.start.config)
        if let reason = worker.start.safeReason { return try await runSafeMode(worker, config, reason: reason) }
        let delivery = try await makeDelivery(worker: worker, config: config)
        var parts = edgeParts(worker, config, delivery)
        parts.relays = delivery
        let edge = try await EdgeServer.start(parts)
        // Ends with the drain, or the gateway with it.
        let engine = Task {
            do {
                try await delivery.run()
            } catch {
                worker.log.error("stops: \(error)")
                exit(1)
            }
        }
        worker.lifeline.ready()
        let drain = await worker.lifeline.drained()
        await edge.stopAccepting()
        await engine.value
        let isShutdown = drain.reason == "shutdown"
        await edge.shutdown(
            reason: isShutdown ? "gateway stopping" : "gateway restarting",
            restartExpectedMilliseconds: isShutdown ? nil : 1500,
            patience: .milliseconds(200)
        )
    }
}

/// Health, page and worker table alone (`docs/decisions/0043`): neither the journal nor a frame of a worker is read.
private func runSafeMode(_ worker: Worker, _ config: GatewayConfig, reason: String) async throws {
    let table = SafeConversations(reason: reason)
    worker.log.error(
        """
        safe mode: \(reason). No message is taken in or answered; channels keep what comes. See what killed it with \
        clawhold logs gateway, then try again with clawhold restart gateway
        """
    )
    let edge = try await EdgeServer.start(edgeParts(worker, config, table))
    worker.lifeline.receive { table.take($0) }
    worker.lifeline.status("safe mode, nothing is answered: see its log, then: clawhold restart gateway")
    worker.lifeline.ready()
    _ = await worker.lifeline.drained()
    await edge.stopAccepting()
    await edge.shutdown(
        reason: "gateway restarting",
        restartExpectedMilliseconds: 1500,
        patience: .milliseconds(200)
    )
}

private func edgeParts(_ worker: Worker, _ config: GatewayConfig, _ engine: any Conversations) -> EdgeServer.Parts {
    let secrets = worker.start.secrets
    let lifeline = worker.lifeline
    return EdgeServer.Parts(
        config: config,
        secret: config.auth.mode == .token ? secrets["GATEWAY_TOKEN"] : secrets["GATEWAY_PASSWORD"],
        listeners: EdgeListener.among(worker.start.listeners),
        owner: getuid(),
        host: hostName(),
        conversations: engine,
        safeReason: worker.start.safeReason,
        command: { order, id in lifeline.send(Block("COMMAND", ["CMD": order.rawValue, "ID": id])) },
        remark: { lifeline.status($0) },
        limits: EdgeLimits(config.endpoint),
        log: worker.log,
        eventLoop: worker.eventLoop
    )
}

private func hostName() -> String {
    var bytes = [CChar](repeating: 0, count: 256)
    guard gethostname(&bytes, bytes.count - 1) == 0 else { return "gateway" }
    return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
