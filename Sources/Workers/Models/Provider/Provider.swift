package import Config
package import Failover
internal import FoundationEssentials
internal import OAuth
package import Runtime

/// Runs any worker `model:<provider>` to its end: that provider's keys, connections and cooldowns, nothing on disk.
///
/// - Parameter wire: makes the provider's wire; which dialect it speaks is in its configuration.
package func runProvider(
    _ start: WorkerStart,
    wire: @escaping @Sendable (ProviderConfig, Worker) throws -> any ProviderAttempts
) -> Never {
    runModel(start, network: true) { worker, records in
        let config = try decodeSlice(ProviderConfig.self, from: worker.start.config)
        let keys = ProviderKeys(config: config, secrets: worker.start.secrets)
        let provider = ProviderModel(
            config: config,
            keys: keys,
            attempts: try wire(config, worker),
            tokens: HTTPTokenEndpoint(group: worker.group),
            records: records,
            log: worker.log,
            now: { WallTime(milliseconds: Int64(clamping: Int(Date().timeIntervalSince1970 * 1000))) }
        )
        provider.keep()
        return provider
    }
}
