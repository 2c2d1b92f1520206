internal import Config
internal import FoundationEssentials

/// What the plan tells this worker (its CONFIG).
typealias VoiceSettings = VoiceConfig

extension VoiceConfig {
    init(decoding config: some Sequence<UInt8>) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(config))
        while apiRoot.hasSuffix("/") { apiRoot.removeLast() }
        if !path.hasPrefix("/") { path = "/" + path }
    }
}
