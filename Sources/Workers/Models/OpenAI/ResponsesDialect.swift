package import Config
package import Failover
internal import IPCHub
package import ModelUpstream
package import Runtime

/// OpenAI's Responses API (platform.openai.com/docs/api-reference/responses), without anything kept at OpenAI: what a model thought
/// comes encrypted and is given back.
package struct ResponsesDialect: Dialect {
    let owner: String
    let isVendor: Bool
    /// The address that serves ChatGPT's subscriptions: it takes no limit, and wants to be told who it is.
    let isSubscription: Bool
    private let reasoningModels: Set<String>

    package init(_ config: ProviderConfig) {
        isSubscription = HostName.of(config.baseURL) == "chatgpt.com"
        isVendor = isSubscription || config.provider == "openai" || HostName.of(config.baseURL) == "api.openai.com"
        owner = OpaqueBlock.name(dialect: "openai-responses", isVendor: isVendor, provider: config.provider)
        reasoningModels = Set(config.models.filter(\.isReasoning).map(\.id))
    }

    func reasons(_ model: String) -> Bool { reasoningModels.contains(model) || OpenAIModel.reasons(model) }

    package func request(_ call: ModelCall, key: ProviderKey) throws(CallFailure) -> WireRequest {
        if call.request.hasTranscription { return try TranscriptionRequest.request(call) }
        return WireRequest(path: "/responses", headers: [], body: .bytes(ResponsesRequest(dialect: self).body(call)))
    }

    package func reader(_ call: ModelCall) -> any AnswerReader {
        call.request.hasTranscription ? TranscriptionReader(call) : ResponsesStream(call, owner: owner)
    }

    /// OpenAI itself takes chat completions at the same address.
    package func relays(_ format: RelayFormat) -> Bool {
        format == .responses || (format == .chat && isVendor && !isSubscription)
    }

    package func relayPath(_ format: RelayFormat) -> String {
        format == .responses ? "/responses" : "/chat/completions"
    }

    package var relayAsksForUsage: Bool { true }

    package func relayReader(_ format: RelayFormat, model: String) -> any AnswerReader {
        let call = Self.relayed(model)
        return format == .responses ? ResponsesStream(call, owner: owner) : ChatStream(call, owner: owner)
    }

    package func authentication(_ key: ProviderKey) -> [(name: String, value: String)] {
        let account = key.account.isEmpty ? [] : [(name: "chatgpt-account-id", value: key.account)]
        return Self.bearer(key) + account
    }
}
