internal import FoundationEssentials

/// What the plan tells this worker (its CONFIG); `TelegramConfig` of the module Config writes it.
struct TelegramSettings: Decodable, Equatable, Sendable {
    var account = "default"
    /// Base address of the Bot API, without a slash at its end.
    var apiRoot = "https://api.telegram.org"
    /// Regular expressions that count as a mention besides the bot's name.
    var mentionPatterns: [String] = []
    var linkPreview = true
    /// `off`, `first`, `all`: which chunks mark the message that they answer.
    var replyToMode = "first"

    private enum CodingKeys: CodingKey {
        case account, apiRoot, mentionPatterns, linkPreview, replyToMode
    }

    init() {}

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        account = try values.decodeIfPresent(String.self, forKey: .account) ?? account
        apiRoot = try values.decodeIfPresent(String.self, forKey: .apiRoot) ?? apiRoot
        mentionPatterns = try values.decodeIfPresent([String].self, forKey: .mentionPatterns) ?? mentionPatterns
        linkPreview = try values.decodeIfPresent(Bool.self, forKey: .linkPreview) ?? linkPreview
        replyToMode = try values.decodeIfPresent(String.self, forKey: .replyToMode) ?? replyToMode
        while apiRoot.hasSuffix("/") { apiRoot.removeLast() }
    }

    init(decoding config: some Sequence<UInt8>) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(config))
    }
}
