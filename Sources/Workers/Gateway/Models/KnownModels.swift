/// What this version knows of models by itself: list prices for direct calls without batch or priority tiers.
///
/// Read on 2026-11-23 from platform.claude.com/docs/en/about-claude/pricing, developers.openai.com/api/docs/pricing and
/// ai.google.dev/gemini-api/docs/pricing (the latter two as transcribed by api-evangelist, GitHub's `models-and-pricing.yml`
/// and PromptFuel's audited release notes). Prices change: `models.prices` in `clawhold.json` counts before these.
enum KnownModels {
    /// One price of a model.
    struct Row {
        var model: String
        var price: ModelPrice
        /// With a longer prompt in tokens the price is `beyond`, which is nil where it is not known.
        var limit: Int64?
        var beyond: ModelPrice?
        /// First and last day that it holds.
        var from = "0000-00-00"
        var until = "9999-99-99"

        init(_ model: String, _ price: ModelPrice, over limit: Int64? = nil, _ beyond: ModelPrice? = nil) {
            self.model = model
            self.price = price
            self.limit = limit
            self.beyond = beyond
        }

        func during(_ from: String, _ until: String) -> Row {
            var row = self
            (row.from, row.until) = (from, until)
            return row
        }
    }

    static let prices: [Row] = anthropic + openAI + google

    private static let anthropic: [Row] = [
        Row("anthropic/claude-fable-5-1", ModelPrice(10, 50, read: 0.25, write: 12.5)),
        Row("anthropic/claude-fable-5", ModelPrice(10, 50, read: 1, write: 12.5)),
        Row("anthropic/claude-opus-5-5", ModelPrice(4, 20, read: 0.2, write: 5)),
        Row("anthropic/claude-opus-5", ModelPrice(5, 25, read: 0.5, write: 6.25)),
        Row("anthropic/claude-opus-4-8", ModelPrice(5, 25, read: 0.5, write: 6.25)),
        Row("anthropic/claude-opus-4-7", ModelPrice(5, 25, read: 0.5, write: 6.25)),
        Row("anthropic/claude-opus-4-6", ModelPrice(5, 25, read: 0.5, write: 6.25)),
        Row("anthropic/claude-opus-4-5", ModelPrice(5, 25, read: 0.5, write: 6.25)),
        Row("anthropic/claude-sonnet-5-5", ModelPrice(2, 10, read: 0.1, write: 2.5)),
        Row("anthropic/claude-sonnet-5", ModelPrice(2, 10, read: 0.2, write: 2.5)),
        Row("anthropic/claude-sonnet-4-6", ModelPrice(3, 15, read: 0.3, write: 3.75)),
        Row("anthropic/claude-sonnet-4-5", ModelPrice(3, 15, read: 0.3, write: 3.75)),
        Row(
            "anthropic/claude-haiku-5-5",
            ModelPrice(0.1, 0.5, read: 0.01, write: 0.125),
            over: 100_000,
            ModelPrice(0.5, 2.5, read: 0.05, write: 0.625)
        ),
        Row("anthropic/claude-haiku-4-5", ModelPrice(1, 5, read: 0.1, write: 1.25)),
    ]

    private static let openAI: [Row] = [
        // The tariff for long prompts of these three was not found.
        Row("openai/gpt-6-astra", ModelPrice(10, 50, read: 1), over: 272_000),
        Row("openai/gpt-6-sol", ModelPrice(2, 10, read: 0.2, write: 2.5), over: 272_000),
        Row("openai/gpt-6-luna", ModelPrice(0.1, 0.5, read: 0.01, write: 0.125), over: 272_000),
        Row(
            "openai/gpt-5.6-sol",
            ModelPrice(5, 30, read: 0.5, write: 6.25),
            over: 272_000,
            ModelPrice(10, 45, read: 1, write: 12.5)
        ),
        Row(
            "openai/gpt-5.6-terra",
            ModelPrice(2, 12, read: 0.2, write: 2.5),
            over: 272_000,
            ModelPrice(4, 18, read: 0.4, write: 5)
        ),
        Row(
            "openai/gpt-5.6-luna",
            ModelPrice(0.2, 1.2, read: 0.02, write: 0.25),
            over: 200_000,
            ModelPrice(0.4, 1.8, read: 0.04, write: 0.5)
        ),
        Row("openai/gpt-5.5", ModelPrice(5, 30, read: 0.5), over: 272_000, ModelPrice(10, 45, read: 1)),
        Row("openai/gpt-5.4", ModelPrice(2.5, 15, read: 0.25), over: 272_000, ModelPrice(5, 22.5, read: 0.5)),
        Row("openai/gpt-5.4-mini", ModelPrice(0.75, 4.5, read: 0.075)),
        Row("openai/gpt-5.4-nano", ModelPrice(0.2, 1.25, read: 0.02)),
        Row("openai/gpt-5.2", ModelPrice(1.75, 14, read: 0.175)),
        Row("openai/gpt-5.1", ModelPrice(1.25, 10, read: 0.125)),
        Row("openai/gpt-5", ModelPrice(1.25, 10, read: 0.125)),
        Row("openai/gpt-5-mini", ModelPrice(0.25, 2, read: 0.025)),
        Row("openai/gpt-4.1", ModelPrice(2, 8, read: 0.5)),
        Row("openai/gpt-4.1-mini", ModelPrice(0.4, 1.6, read: 0.1)),
        Row("openai/gpt-4o", ModelPrice(2.5, 10, read: 1.25)),
        Row("openai/gpt-4o-mini", ModelPrice(0.15, 0.6, read: 0.075)),
    ]

    private static let google: [Row] = [
        Row("google/gemini-3.8-flash", ModelPrice(0.75, 3.75, read: 0.075)).during("2026-07-01", "2026-12-31"),
        Row("google/gemini-3.8-flash", ModelPrice(1.5, 7.5, read: 0.15)).during("2027-01-01", "9999-99-99"),
        Row("google/gemini-3.5-flash", ModelPrice(1.5, 9, read: 0.15)),
        Row(
            "google/gemini-3.1-pro",
            ModelPrice(2, 12, read: 0.2),
            over: 200_000,
            ModelPrice(4, 18, read: 0.4)
        ),
        Row("google/gemini-3-flash", ModelPrice(0.5, 3, read: 0.05)),
        Row(
            "google/gemini-2.5-pro",
            ModelPrice(1.25, 10, read: 0.125),
            over: 200_000,
            ModelPrice(2.5, 15, read: 0.25)
        ),
        Row("google/gemini-2.5-flash", ModelPrice(0.3, 2.5, read: 0.03)),
        Row("google/gemini-2.5-flash-lite", ModelPrice(0.1, 0.4, read: 0.01)),
    ]

    /// A name, and the ones that it stands under without what says only which edition it is: `-20251101`, `-2025-11-01`,
    /// `-preview`, `-latest`.
    static func names(of model: String) -> [String] {
        var names = [model]
        var name = Substring(model)
        for _ in 0..<3 {
            guard let shorter = withoutEdition(name) else { break }
            name = shorter
            names.append(String(name))
        }
        return names
    }

    private static func withoutEdition(_ name: Substring) -> Substring? {
        for word in ["-preview", "-latest"] where name.hasSuffix(word) { return name.dropLast(word.count) }
        guard let last = name.utf8.last, (0x30...0x39).contains(last) else { return nil }
        let tail = name.reversed().prefix { $0.isASCII && ($0.isNumber || $0 == "-") }
        let digits = tail.filter(\.isNumber)
        // Eight digits with nothing or two hyphens between them are a date.
        for length in [9, 11] where tail.count >= length && name.count > length {
            let end = name.suffix(length)
            guard end.first == "-", end.filter(\.isNumber).count == 8, digits.count >= 8 else { continue }
            return name.dropLast(length)
        }
        return nil
    }
}
