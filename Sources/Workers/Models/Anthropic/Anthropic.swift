internal import AsyncHTTPClient
internal import Config
internal import NIOCore
package import Runtime

/// Runs the worker `model:anthropic` to its end: that provider's key and connections, nothing on disk.
package func runAnthropicModel(_ start: WorkerStart) -> Never {
    runModel(start, network: true) { worker in
        let config = try decodeSlice(AnthropicConfig.self, from: worker.start.config)
        guard let credential = Credential(secrets: worker.start.secrets) else { return NoCredential() }
        let times = CallTimes(config)
        return AnthropicModel(
            upstream: Upstream(
                client: makeClient(worker.group, connectTimeout: times.connect),
                baseURL: config.baseURL,
                extraHeaders: config.headers,
                credential: credential,
                times: times
            ),
            log: worker.log
        )
    }
}

/// Plain HTTP/1.1: one connection per stream, so that one that hangs holds up no other.
func makeClient(_ group: any EventLoopGroup, connectTimeout: Duration) -> ProviderClient {
    var configuration = HTTPClient.Configuration()
    configuration.httpVersion = .http1Only
    configuration.redirectConfiguration = .disallow
    configuration.decompression = .disabled
    configuration.timeout = .init(connect: .init(connectTimeout), read: nil)
    configuration.connectionPool.idleTimeout = .seconds(30)
    // Whether and when to try again is decided in one place, and it is not there.
    configuration.connectionPool.retryConnectionEstablishment = false
    let settings = configuration
    return ProviderClient { HTTPClient(eventLoopGroup: group, configuration: settings) }
}

extension CallTimes {
    /// Milliseconds of the configuration; 0 means the default.
    init(_ config: AnthropicConfig) {
        self.init()
        func set(_ field: inout Duration, _ milliseconds: Int) {
            if milliseconds > 0 { field = .milliseconds(min(milliseconds, 86_400_000)) }
        }
        set(&connect, config.connectMilliseconds)
        set(&head, config.headMilliseconds)
        set(&firstContent, config.firstContentMilliseconds)
        set(&idle, config.idleMilliseconds)
        set(&total, config.totalMilliseconds)
    }
}
