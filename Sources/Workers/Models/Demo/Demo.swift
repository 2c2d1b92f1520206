internal import Config
package import Runtime

/// Runs the demonstration model's worker to its end. It has no network and no secret.
package func runDemoModel(_ start: WorkerStart) -> Never {
    runModel(start, network: false) { worker in
        let config = try decodeSlice(DemoConfig.self, from: worker.start.config)
        return DemoModel(charactersPerSecond: config.charactersPerSecond) { try await Task.sleep(for: $0) }
    }
}
