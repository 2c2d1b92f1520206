/// The CONFIG of a worker `model:<provider>`. The keys come as SECRETs named by `Profile.secret`.
package struct ProviderConfig: Codable, Sendable, Equatable {
    /// How a host is spoken to.
    package enum Dialect: String, Codable, Sendable {
        case anthropic = "anthropic-messages"
        case chatCompletions = "openai-completions"
        case responses = "openai-responses"
        case google = "google-generative-ai"
    }

    /// One credential. The value is a SECRET.
    package struct Profile: Codable, Sendable, Equatable {
        /// `api_key`, `token` (a bearer that does not change), `oauth` (refreshed), `none` (the host wants none).
        package enum Mode: String, Codable, Sendable {
            case apiKey = "api_key"
            case token
            case oauth
            case none
        }

        /// `anthropic:default`.
        package var id = ""
        package var mode = Mode.apiKey
        /// Name of the SECRET: the key, or for `oauth` the stored JSON `{"access", "refresh", "expires", …}`.
        package var secret = ""
        /// Where it comes from, for people: `ANTHROPIC_API_KEY`.
        package var source = ""

        package init() {}
    }

    /// What the configuration says about one model.
    package struct Model: Codable, Sendable, Equatable {
        package var id = ""
        /// 0: not known.
        package var contextTokens = 0
        package var maxTokens = 0
        package var isReasoning = false
        package var readsImages = true

        package init() {}
    }

    package var provider = ""
    package var dialect = Dialect.anthropic
    /// Without a slash at its end and without the dialect's path: `https://api.anthropic.com`, `https://api.openai.com/v1`.
    package var baseURL = ""
    /// Further headers of `models.providers.<provider>.headers`; may hold secrets: never logged.
    package var headers: [String: String] = [:]
    /// The dialect's version: Anthropic's `anthropic-version`, Google's path (`v1beta`); empty: the dialect's own choice.
    package var apiVersion = ""
    /// In the order in which they are tried.
    package var profiles: [Profile] = []
    /// `auth.order` names them: this order is kept; otherwise OAuth, token, key, the one used longest ago first.
    package var isOrderFixed = false
    package var models: [Model] = []
    /// Chat completions: the name of the limit (`max_tokens`, `max_completion_tokens`) and whether usage may be asked for.
    package var maxTokensField = "max_tokens"
    package var asksForUsage = true
    /// How long an attempt may take in each phase; 0: the worker's own figures. From `clawhold.json`, `models.timeouts`.
    package var connectMilliseconds = 0
    package var headMilliseconds = 0
    package var firstContentMilliseconds = 0
    package var idleMilliseconds = 0
    package var totalMilliseconds = 0
    /// `auth.cooldowns`.
    package var billingBackoffHours = 5.0
    package var billingMaxHours = 24.0
    package var failureWindowHours = 24.0

    package init() {}
}
