import Config
import Journal
import Testing

@testable import Gateway

@Suite("prices")
struct PriceTests {
    private func entry(_ model: String, input: Int64 = 1_000_000, output: Int64 = 0, end: String = "finished")
        -> LedgerEntry
    {
        var entry = LedgerEntry(
            id: "a",
            at: 1,
            day: "2026-11-23",
            provider: String(model.prefix { $0 != "/" }),
            model: String(model.drop { $0 != "/" }.dropFirst())
        )
        entry.tokens.input = input
        entry.tokens.output = output
        entry.end = end
        return entry
    }

    @Test("a known model costs its list price, an edition of it the same, an unknown one nobody knows what")
    func known() {
        let table = PriceTable()
        #expect(table.cost(of: entry("anthropic/claude-opus-4-6")) == 5_000_000_000)
        #expect(table.cost(of: entry("anthropic/claude-opus-4-6-20260205")) == 5_000_000_000)
        #expect(table.cost(of: entry("openai/gpt-5.2-2025-12-11")) == 1_750_000_000)
        #expect(table.cost(of: entry("google/gemini-2.5-flash-preview")) == 300_000_000)
        #expect(table.cost(of: entry("openai/gpt-5-2")) == nil)
        #expect(table.cost(of: entry("ollama/llama4")) == nil)
        #expect(table.cost(of: entry("openrouter/anthropic/claude-opus-4-6")) == nil)
    }

    @Test("every kind of token has its price, and reasoning is not paid twice")
    func kinds() {
        var call = entry("anthropic/claude-sonnet-4-5", input: 1000, output: 2000)
        call.tokens.cacheRead = 10_000
        call.tokens.cacheWrite = 4000
        call.tokens.reasoning = 1500
        // 0.003 + 0.03 + 0.003 + 0.015
        #expect(PriceTable().cost(of: call) == 51_000_000)
    }

    @Test("a long prompt costs what long prompts cost, or nobody knows")
    func long() {
        let table = PriceTable()
        #expect(table.price(of: "google/gemini-3.1-pro-preview", prompt: 200_000, day: "2026-11-23")?.input == 2)
        #expect(table.price(of: "google/gemini-3.1-pro-preview", prompt: 200_001, day: "2026-11-23")?.input == 4)
        #expect(table.price(of: "openai/gpt-6-sol", prompt: 272_001, day: "2026-11-23") == nil)
    }

    @Test("a price that ends holds until its day")
    func ends() {
        let table = PriceTable()
        #expect(table.price(of: "google/gemini-3.8-flash", prompt: 1, day: "2026-12-31")?.input == 0.75)
        #expect(table.price(of: "google/gemini-3.8-flash", prompt: 1, day: "2027-01-01")?.input == 1.5)
    }

    @Test("a written price counts before the built-in one, one model before its whole provider")
    func written() {
        var own = PriceEntry(model: "openai/gpt-5.5", input: 1, output: 2)
        own.cacheRead = 0.5
        let table = PriceTable([own, PriceEntry(model: "openai/*", input: 7, output: 7)])
        #expect(table.price(of: "openai/gpt-5.5", prompt: 1, day: "2026-11-23") == ModelPrice(1, 2, read: 0.5))
        #expect(table.price(of: "openai/gpt-5.2", prompt: 1, day: "2026-11-23") == ModelPrice(7, 7))
        #expect(table.price(of: "anthropic/claude-opus-4-6", prompt: 1, day: "2026-11-23")?.input == 5)
    }

    @Test("an attempt that used nothing cost nothing, one that answered and said nothing has no price")
    func nothing() {
        #expect(PriceTable().cost(of: entry("anthropic/claude-opus-4-6", input: 0, end: "failed")) == 0)
        #expect(PriceTable().cost(of: entry("ollama/x", input: 0, end: "failed")) == 0)
        #expect(PriceTable().cost(of: entry("anthropic/claude-opus-4-6", input: 0)) == nil)
    }

    @Test("each model is priced once for each day")
    func table() {
        for row in KnownModels.prices {
            let same = KnownModels.prices.filter {
                $0.model == row.model && $0.from <= row.until && row.from <= $0.until
            }
            #expect(same.count == 1, "\(row.model)")
            #expect(row.price.output >= row.price.input)
            #expect(row.price.cacheRead <= row.price.input)
        }
    }

    @Test(
        "money is shown with as many places as say something",
        arguments: [
            (0, "$0.00"), (1.5, "$1.50"), (1234.567, "$1234.57"), (0.0421, "$0.042"), (0.00042, "$0.00042"),
            (-2, "-$2.00"), (.infinity, "$?"),
        ] as [(Double, String)]
    )
    func money(dollars: Double, text: String) {
        #expect(Money.text(dollars) == text)
    }

    @Test("days are named by the machine's clock, and the last ones are counted back without a gap")
    func days() {
        let now: Int64 = 1_763_856_000_000
        let days = LocalDay.last(40, to: now)
        #expect(days.count == 40)
        #expect(Set(days).count == 40)
        #expect(days == days.sorted())
        #expect(days.last == LocalDay.name(now))
        let start = LocalDay.start(now)
        #expect(
            start <= now && LocalDay.name(start) == LocalDay.name(now) && LocalDay.name(start - 1) != LocalDay.name(now)
        )
        #expect(LocalDay.start(.min) == .min && LocalDay.start(.max) == .max)
        #expect(LocalDay.name(.max) == "1970-01-01")
        #expect(LocalDay.name(.min) == "1970-01-01")
    }
}
