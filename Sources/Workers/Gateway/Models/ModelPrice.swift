internal import Config
internal import Journal

/// Dollars per million tokens.
struct ModelPrice: Equatable {
    var input: Double
    var output: Double
    var cacheRead: Double
    var cacheWrite: Double

    /// Of one attempt, ten thousand dollars: sums of what is kept stay within 64 bits.
    static let mostCost = 1e13

    /// What is not told costs as much as input.
    init(_ input: Double, _ output: Double, read: Double? = nil, write: Double? = nil) {
        self.input = input
        self.output = output
        cacheRead = read ?? input
        cacheWrite = write ?? input
    }

    /// In billionths of a dollar. A dollar per million tokens is 1,000 of them per token.
    func cost(of tokens: LedgerTokens) -> Int64 {
        let sum =
            Double(tokens.input) * input + Double(tokens.output) * output + Double(tokens.cacheRead) * cacheRead
            + Double(tokens.cacheWrite) * cacheWrite
        return Int64(exactly: min(max(0, sum * 1000), Self.mostCost).rounded()) ?? 0
    }
}

/// What attempts cost: what is written down first, then the built-in prices; nil where nobody knows.
struct PriceTable {
    private let written: [PriceEntry]

    init(_ written: [PriceEntry] = []) {
        self.written = written
    }

    /// The cost of one attempt in billionths of a dollar. An attempt that used nothing cost nothing; one that said nothing of
    /// what it used although it answered has a cost that nobody knows.
    func cost(of entry: LedgerEntry) -> Int64? {
        guard entry.tokens.total > 0 else { return entry.end == "finished" ? nil : 0 }
        let prompt = entry.tokens.input + entry.tokens.cacheRead + entry.tokens.cacheWrite
        return price(of: "\(entry.provider)/\(entry.model)", prompt: prompt, day: entry.day)?.cost(of: entry.tokens)
    }

    /// `model` is `provider/model`; `prompt` is how many tokens the model read, `day` the day of the call.
    func price(of model: String, prompt: Int64, day: String) -> ModelPrice? {
        let provider = model.prefix { $0 != "/" }
        let entry = written.first { $0.model == model } ?? written.first { $0.model == "\(provider)/*" }
        if let entry { return ModelPrice(entry.input, entry.output, read: entry.cacheRead, write: entry.cacheWrite) }
        for name in KnownModels.names(of: model) {
            let rows = KnownModels.prices.filter { $0.model == name }
            guard !rows.isEmpty else { continue }
            let row = rows.first { $0.from <= day && day <= $0.until }
            guard let row else { return nil }
            guard let limit = row.limit, prompt > limit else { return row.price }
            return row.beyond
        }
        return nil
    }
}
