package import Config
package import Failover
internal import IPCHub
package import ModelUpstream
package import Runtime

/// Anthropic's Messages API (platform.claude.com/docs/en/api/messages), versions 2023-06-01 and 2026-10-21, and the hosts that
/// speak it too.
package struct AnthropicDialect: Dialect {
    /// The first version takes a key as `x-api-key`, the second as Bearer, refuses sampling parameters (we send none) and
    /// is known by Anthropic itself alone.
    package static let first = "2023-06-01"
    package static let second = "2026-10-21"

    package let version: String
    /// Whose blocks are given back.
    package let owner: String
    let modelLimits: [String: Int]
    let isVendor: Bool

    package init(_ config: ProviderConfig) {
        isVendor = HostName.of(config.baseURL) == "api.anthropic.com"
        version = config.apiVersion.isEmpty ? (isVendor ? Self.second : Self.first) : config.apiVersion
        owner = OpaqueBlock.name(
            dialect: "anthropic",
            isVendor: config.provider == "anthropic",
            provider: config.provider
        )
        modelLimits = config.models.reduce(into: [:]) { $0[$1.id] = $1.maxTokens }
    }

    package func request(_ call: ModelCall, key: ProviderKey) throws(CallFailure) -> WireRequest {
        guard !call.request.hasTranscription else {
            throw CallFailure(.modelNotFound, "this provider turns no speech into text")
        }
        let body = MessagesRequest(dialect: self).body(call)
        return WireRequest(path: "/v1/messages", headers: [("anthropic-version", version)], body: .bytes(body))
    }

    package func reader(_ call: ModelCall) -> any AnswerReader { MessageStream(call, owner: owner) }

    package func relays(_ format: RelayFormat) -> Bool { format == .messages }

    package func relayPath(_ format: RelayFormat) -> String { "/v1/messages" }

    /// The client's own version counts: the body was written for it.
    package func relayHeaders(_ headers: [(name: String, value: String)]) -> [(name: String, value: String)] {
        func first(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }
        let beta = first("anthropic-beta").map { [(name: "anthropic-beta", value: $0)] } ?? []
        return [("anthropic-version", first("anthropic-version") ?? version)] + beta
    }

    package func authentication(_ key: ProviderKey) -> [(name: String, value: String)] {
        if key.value.hasPrefix("sk-ant-oat") {
            return [("authorization", "Bearer \(key.value)"), ("anthropic-beta", "oauth-2025-04-20")]
        }
        switch key.kind {
        case .none: return []
        case .bearer: return Self.bearer(key)
        case .apiKey: return version == Self.first ? [("x-api-key", key.value)] : Self.bearer(key)
        }
    }
}
