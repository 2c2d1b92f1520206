internal import Config
internal import Glibc
internal import IPCControl
package import Runtime

/// Runs the worker of one tunnel (`tunnel:<provider>`) to its end.
///
/// Its CONFIG is `TunnelConfig` of the module Config, the provider's token the secret `TUNNEL_TOKEN`. What it starts is
/// confined as it is itself: it reads the system's programs and nothing of the state directory.
package func runTunnel(_ start: WorkerStart) -> Never {
    let config: TunnelConfig
    do {
        config = try decodeSlice(TunnelConfig.self, from: start.config)
    } catch {
        complain("\(start.id): its configuration cannot be read: \(error)")
        exit(70)
    }
    var executable = ["/usr", "/bin", "/lib", "/lib64", "/opt"]
    if !config.program.isEmpty { executable.append(config.program) }
    // Programs open it for writing, and so does the spawn for what is to have no input.
    let sandbox = Sandbox(network: true, writable: ["/dev/null"], executable: executable)
    runWorker(start, sandbox: sandbox) { worker in
        try await TunnelWorker(worker: worker, config: config, token: worker.start.secrets["TUNNEL_TOKEN"] ?? "").run()
    }
}

private func complain(_ text: String) {
    var line = Array(text.utf8)
    line.append(UInt8(ascii: "\n"))
    _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
}
