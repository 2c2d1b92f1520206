package import Config
package import Failover
internal import IPCHub
package import ModelUpstream
package import Runtime

/// Google's Gemini API (ai.google.dev/api/generate-content), path versions `v1beta` and `v1`.
package struct GoogleDialect: Dialect {
    let version: String
    let owner: String

    package init(_ config: ProviderConfig) {
        version = config.apiVersion.isEmpty ? "v1beta" : config.apiVersion
        owner = OpaqueBlock.name(dialect: "google", isVendor: config.provider == "google", provider: config.provider)
    }

    package func request(_ call: ModelCall, key: ProviderKey) throws(CallFailure) -> WireRequest {
        guard !call.request.hasTranscription else {
            throw CallFailure(.modelNotFound, "this provider turns no speech into text")
        }
        // The name goes into the path.
        var model = call.request.model[...]
        if model.hasPrefix("models/") { model = model.dropFirst(7) }
        let isName = model.utf8.allSatisfy { byte in
            byte > 0x20 && byte < 0x7F && !"?#%/\\\"<>".utf8.contains(byte)
        }
        guard !model.isEmpty, isName else {
            throw CallFailure(.modelNotFound, "\"\(model.prefix(80))\" is no name of a model")
        }
        return WireRequest(
            path: "/\(version)/models/\(model):streamGenerateContent?alt=sse",
            headers: [],
            body: .bytes(GenerateRequest(owner: owner).body(call))
        )
    }

    package func reader(_ call: ModelCall) -> any AnswerReader { GenerateStream(call, owner: owner) }

    /// Never in the address, which ends up in logs.
    package func authentication(_ key: ProviderKey) -> [(name: String, value: String)] {
        switch key.kind {
        case .none: []
        case .bearer: Self.bearer(key)
        case .apiKey: [("x-goog-api-key", key.value)]
        }
    }
}
