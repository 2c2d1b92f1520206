internal import Config
internal import Failover
internal import IPCHub
internal import ModelUpstream
package import Runtime

/// Runs the worker `model:anthropic` to its end: that provider's key and connections, nothing on disk.
package func runAnthropicModel(_ start: WorkerStart) -> Never {
    runModel(start, network: true) { worker in
        let slice = try decodeSlice(AnthropicConfig.self, from: worker.start.config)
        var config = ProviderConfig()
        config.provider = "anthropic"
        config.baseURL = slice.baseURL
        config.headers = slice.headers
        config.connectMilliseconds = slice.connectMilliseconds
        config.headMilliseconds = slice.headMilliseconds
        config.firstContentMilliseconds = slice.firstContentMilliseconds
        config.idleMilliseconds = slice.idleMilliseconds
        config.totalMilliseconds = slice.totalMilliseconds
        let secrets = worker.start.secrets
        let value = [secrets["ANTHROPIC_API_KEY"], secrets["ANTHROPIC_OAUTH_TOKEN"]].compactMap { $0 }.first {
            !$0.isEmpty
        }
        let isKey = secrets["ANTHROPIC_API_KEY"]?.isEmpty == false
        let client = ProviderClient(group: worker.group, connectTimeout: CallTimes(config).connect)
        return OneKey(
            upstream: Upstream(client: client, dialect: AnthropicDialect(config), config: config, log: worker.log),
            key: value.map { ProviderKey(profile: "anthropic:default", kind: isKey ? .apiKey : .bearer, value: $0) }
        )
    }
}

/// One key, asked again at most twice where nothing of an answer has gone to the agent yet and waiting helps.
private struct OneKey: ModelProvider {
    let upstream: Upstream
    let key: ProviderKey?

    func answer(_ call: ModelCall, into answer: ModelAnswer) async throws {
        var failed = HubModelEvent.Failed()
        guard let key else {
            (failed.kind, failed.cause, failed.beforeContent) = (.auth, "there is no key for this provider", true)
            return try await answer.failed(failed)
        }
        for attempt in 0... {
            let report = await upstream.attempt(call, with: key, limit: upstream.times.total) {
                try await answer.write($0)
            }
            switch report.end {
            case .finished(let finished): return try await answer.finished(finished)
            case .clientGone: return
            case .failed(let failure):
                let pause = failure.retryAfter ?? .milliseconds(Int.random(in: 375...500) << attempt)
                let isWorthIt = [.overloaded, .transient, .cut, .rateLimit, .unreachable].contains(failure.kind)
                guard !report.isCommitted, attempt < 2, isWorthIt, pause <= .seconds(5) else {
                    (failed.kind, failed.cause, failed.beforeContent) = (
                        failure.kind, failure.cause, !report.isCommitted
                    )
                    let asked = failure.retryAfter.map { min($0.components.seconds, 1_000_000) * 1000 } ?? 0
                    failed.retryAfterMs = UInt32(clamping: asked)
                    return try await answer.failed(failed)
                }
                try await Task.sleep(for: pause)
            }
        }
    }

    func shed() async { await upstream.shed() }
}
