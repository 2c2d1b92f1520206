/// One attempt at a model's provider, as it stands in the ledger.
package struct LedgerEntry: Sendable, Equatable {
    /// Unique for ever: the worker's word.
    package var id: String
    /// When it ended, milliseconds since 1970.
    package var at: Int64
    /// The gateway's local day, `2026-11-23`.
    package var day: String
    /// For whom: empty for who belongs to no agent.
    package var agent = ""
    package var sessionKey = ""
    package var runID = ""
    /// `turn`, `transcription`, `relay`, `probe`.
    package var purpose = ""
    package var provider: String
    /// The key that was used: `openai:default`.
    package var profile = ""
    /// As it was asked for, without the provider's prefix.
    package var model: String
    /// As the provider names what answered; empty when it did not say.
    package var servedModel = ""
    package var tokens = LedgerTokens()
    /// `reported`, `partial`, `none`.
    package var source = "none"
    /// `finished`, `client-gone`, `cut`, `failed`.
    package var end = ""
    /// The class of the failure; empty without one.
    package var kind = ""
    /// Of HTTP; 0: none came.
    package var status = 0
    package var firstContentMilliseconds: Int64 = 0
    package var durationMilliseconds: Int64 = 0
    /// Of a failure, in words.
    package var cause = ""
    /// Billionths of a dollar; nil: nobody knows a price.
    package var cost: Int64?

    package init(id: String, at: Int64, day: String, provider: String, model: String) {
        self.id = id
        self.at = at
        self.day = day
        self.provider = provider
        self.model = model
    }
}

/// Tokens of attempts. Input is without what came from a cache or went into one; output includes reasoning.
package struct LedgerTokens: Sendable, Equatable {
    package var input: Int64 = 0
    package var output: Int64 = 0
    package var cacheRead: Int64 = 0
    package var cacheWrite: Int64 = 0
    package var reasoning: Int64 = 0

    package init() {}

    /// Reasoning is a part of the output and does not count again.
    package var total: Int64 { input + output + cacheRead + cacheWrite }

    package static func += (sum: inout LedgerTokens, more: LedgerTokens) {
        sum.input += more.input
        sum.output += more.output
        sum.cacheRead += more.cacheRead
        sum.cacheWrite += more.cacheWrite
        sum.reasoning += more.reasoning
    }
}

/// A sum over attempts of one day, agent, model and end.
package struct LedgerSum: Sendable, Equatable {
    package var day: String
    package var agent: String
    package var provider: String
    package var model: String
    package var end: String
    package var attempts: Int
    package var tokens: LedgerTokens
    /// Billionths of a dollar, of the attempts whose price is known.
    package var cost: Int64
    /// Attempts whose price nobody knows.
    package var unpriced: Int

    package init(day: String, agent: String, provider: String, model: String, end: String) {
        self.day = day
        self.agent = agent
        self.provider = provider
        self.model = model
        self.end = end
        attempts = 0
        tokens = LedgerTokens()
        cost = 0
        unpriced = 0
    }
}

/// What a model worker must not forget. The credentials are secret.
package struct ModelStateRow: Sendable, Equatable {
    /// The worker's own JSON; empty: nothing was ever kept.
    package var cooldowns: [UInt8] = []
    /// By profile, `openai:codex`.
    package var credentials: [String: [UInt8]] = [:]

    package init() {}
}

/// What is kept of a provider, as far as people may see it.
package struct KeptModelState: Sendable, Equatable {
    package var provider: String
    /// The worker's own JSON.
    package var cooldowns: [UInt8]
    /// Milliseconds since 1970.
    package var savedAt: Int64

    package init(provider: String, cooldowns: [UInt8], savedAt: Int64) {
        self.provider = provider
        self.cooldowns = cooldowns
        self.savedAt = savedAt
    }
}
