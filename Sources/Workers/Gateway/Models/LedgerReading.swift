internal import IPCHub
internal import Journal

/// A row of the ledger as a worker told it, bounded and checked: pure.
struct LedgerReading {
    /// Longest id in bytes; a longer one is no id.
    static let idBytes = 128
    /// Tokens of one attempt; more is nonsense, and sums of what is kept stay within 64 bits.
    static let mostTokens: Int64 = 1 << 40
    /// How far a worker's clock may be ahead.
    private static let ahead: Int64 = 3_600_000

    let prices: PriceTable
    let day: @Sendable (Int64) -> String

    /// Nil: it has no id that it could be known by.
    func entry(_ row: HubLedgerRow, provider: String, now: Int64) -> LedgerEntry? {
        guard !row.id.isEmpty, row.id.utf8.count <= Self.idBytes else { return nil }
        let at = row.atMs > 0 && row.atMs <= now + Self.ahead ? row.atMs : now
        var entry = LedgerEntry(
            id: row.id,
            at: at,
            day: day(at),
            provider: provider,
            model: Self.text(row.model, 256)
        )
        entry.agent = Self.text(String(row.caller.agent.trimmingPrefix("agent:")), 64)
        entry.sessionKey = Self.text(row.caller.sessionKey, 512)
        entry.runID = Self.text(row.caller.runID, 512)
        entry.purpose = Self.text(row.caller.purpose, 32)
        entry.profile = Self.text(row.profile, 256)
        entry.servedModel = Self.text(row.servedModel, 256)
        entry.tokens.input = Self.tokens(row.usage.input)
        entry.tokens.output = Self.tokens(row.usage.output)
        entry.tokens.cacheRead = Self.tokens(row.usage.cacheRead)
        entry.tokens.cacheWrite = Self.tokens(row.usage.cacheWrite)
        entry.tokens.reasoning = Self.tokens(row.usage.reasoning)
        entry.source =
            switch row.source {
            case .reported: "reported"
            case .partial: "partial"
            case .none, .UNRECOGNIZED: "none"
            }
        entry.end = Self.ends.contains(row.end) ? row.end : "failed"
        entry.kind = entry.end == "finished" || entry.end == "client-gone" ? "" : row.kind.word
        entry.status = Int(min(row.status, 999))
        entry.firstContentMilliseconds = Int64(row.firstContentMs)
        entry.durationMilliseconds = Int64(row.durationMs)
        entry.cause = Self.text(row.cause, 1000)
        entry.cost = prices.cost(of: entry)
        return entry
    }

    private static let ends: Set<String> = ["finished", "client-gone", "cut", "failed"]

    private static func tokens(_ count: UInt64) -> Int64 { Int64(min(count, UInt64(mostTokens))) }

    private static func text(_ text: String, _ limit: Int) -> String {
        text.utf8.count <= limit ? text : Shown.text(text, limit: limit / 4)
    }
}

extension HubModelEvent.Failed.Kind {
    /// One word, for the ledger and for people (`docs/models.md`).
    var word: String {
        switch self {
        case .unknown, .UNRECOGNIZED: "unknown"
        case .auth: "auth"
        case .rateLimit: "rate-limit"
        case .overloaded: "overloaded"
        case .timeout: "timeout"
        case .cut: "cut"
        case .badRequest: "bad-request"
        case .billing: "billing"
        case .context: "context"
        case .unreachable: "unreachable"
        case .transient: "transient"
        case .modelNotFound: "model-not-found"
        case .refused: "refused"
        case .exhausted: "exhausted"
        case .shed: "shed"
        }
    }
}
