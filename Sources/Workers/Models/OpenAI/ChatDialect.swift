package import Config
package import Failover
internal import IPCHub
package import ModelUpstream
package import Runtime

/// OpenAI's chat completions (platform.openai.com/docs/api-reference/chat), and every host that speaks them: OpenRouter, Groq,
/// Mistral, xAI, DeepSeek, Ollama, vLLM, llama.cpp and many more.
package struct ChatDialect: Dialect {
    let host: ChatHost

    package init(_ config: ProviderConfig) { host = ChatHost(config) }

    package func request(_ call: ModelCall, key: ProviderKey) throws(CallFailure) -> WireRequest {
        if call.request.hasTranscription { return try TranscriptionRequest.request(call) }
        return WireRequest(path: "/chat/completions", headers: [], body: .bytes(ChatRequest(host: host).body(call)))
    }

    package func reader(_ call: ModelCall) -> any AnswerReader {
        call.request.hasTranscription ? TranscriptionReader(call) : ChatStream(call, owner: host.owner)
    }

    package func relays(_ format: RelayFormat) -> Bool {
        format == .chat || (format == .responses && host.kind == .openAI)
    }

    package func relayPath(_ format: RelayFormat) -> String {
        format == .responses ? "/responses" : "/chat/completions"
    }

    package var relayAsksForUsage: Bool { host.asksForUsage }

    package func relayReader(_ format: RelayFormat, model: String) -> any AnswerReader {
        let call = Self.relayed(model)
        return format == .responses ? ResponsesStream(call, owner: host.owner) : ChatStream(call, owner: host.owner)
    }

    package func authentication(_ key: ProviderKey) -> [(name: String, value: String)] { Self.bearer(key) }
}
