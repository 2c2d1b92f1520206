/// Whom one can log in to from here, and what is done instead where one cannot.
enum LoginOffer {
    /// Throws the way that works where there is no login.
    static func check(_ provider: String) throws(CommandFailure) {
        switch provider {
        case "openai-codex": return
        case "openai":
            throw refusal(
                "OpenAI's API takes keys. A ChatGPT subscription is the provider openai-codex.",
                [
                    "clawhold models auth login --provider openai-codex",
                    "clawhold models auth paste-api-key --provider openai",
                ]
            )
        case "anthropic":
            // Its terms keep the login of Claude subscriptions for Anthropic's own programs (decision 0196).
            throw refusal(
                "Anthropic does not let other programs offer the login of Claude subscriptions.",
                [
                    "clawhold models auth paste-api-key --provider anthropic    a key from console.anthropic.com",
                    "clawhold models auth setup-token                           what `claude setup-token` printed,"
                        + " if your terms allow it",
                ]
            )
        case "github-copilot", "amazon-bedrock":
            throw refusal(
                "This version does not speak to \(provider).",
                ["clawhold models auth paste-api-key --provider openai"]
            )
        default:
            throw refusal(
                "\(Words.plain(String(provider.prefix(60)))) has no login that this version knows.",
                [
                    "clawhold models auth paste-api-key --provider \(Words.plain(String(provider.prefix(60))))",
                    "clawhold models auth login --provider openai-codex    a ChatGPT subscription",
                ]
            )
        }
    }

    private static func refusal(_ text: String, _ ways: [String]) -> CommandFailure {
        CommandFailure(text: "\(text) What works:\n" + ways.map { "  \($0)" }.joined(separator: "\n"))
    }
}
