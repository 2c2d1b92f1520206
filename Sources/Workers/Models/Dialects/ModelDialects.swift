package import Config
package import Logging
internal import ModelAnthropic
internal import ModelGoogle
internal import ModelOpenAI
package import ModelUpstream
package import NIOCore

/// The wire of a provider, in the dialect that its configuration names.
package func makeUpstream(_ config: ProviderConfig, group: any EventLoopGroup, log: Logger) -> Upstream {
    let dialect: any Dialect =
        switch config.dialect {
        case .anthropic: AnthropicDialect(config)
        case .chatCompletions: ChatDialect(config)
        case .responses: ResponsesDialect(config)
        case .google: GoogleDialect(config)
        }
    let times = CallTimes(config)
    return Upstream(
        client: ProviderClient(group: group, connectTimeout: times.connect),
        connections: ProviderConnections(baseURL: config.baseURL, connectTimeout: times.connect, on: group.any()),
        dialect: dialect,
        config: config,
        times: times,
        log: log
    )
}
