/// A model that the configuration names, and who serves it.
package struct CatalogModel: Codable, Sendable, Equatable {
    /// `anthropic/claude-opus-4-6`.
    package var model: String
    /// `model:anthropic`; empty: `unavailable` says why.
    package var worker = ""
    package var unavailable = ""
    /// As people call it: `agents.defaults.models.<model>.alias`, `models.providers.<id>.models[].name`.
    package var alias = ""
    package var name = ""
    /// Tokens that it can read at once; 0: not written down.
    package var contextTokens = 0
    /// Nil: not written down.
    package var isReasoning: Bool?
    package var readsImages: Bool?

    package init(model: String) {
        self.model = model
    }
}

/// What a model costs, in dollars per million tokens. Written down; a price that is not is nil.
package struct PriceEntry: Codable, Sendable, Equatable {
    /// `openai/gpt-5.2`, or `openrouter/*` for all of a provider.
    package var model: String
    package var input: Double
    package var output: Double
    /// Nil: as the input.
    package var cacheRead: Double?
    package var cacheWrite: Double?

    package init(model: String, input: Double, output: Double) {
        self.model = model
        self.input = input
        self.output = output
    }
}

/// `models.spend` of `clawhold.json`: what a day may cost.
package struct SpendConfig: Codable, Sendable, Equatable {
    package enum Then: String, Codable, Sendable {
        case stop
        case cheaper
    }

    /// Dollars for everything together; nil: no limit.
    package var perDay: Double?
    /// Dollars by agent.
    package var perAgent: [String: Double] = [:]
    package var then = Then.stop
    /// Answers while a limit is reached and `then` is `cheaper`.
    package var cheaperModel = ModelRef()
    /// The part of a limit at which the owner is told.
    package var warnAt = 0.8

    package init() {}

    package var hasLimits: Bool { perDay != nil || !perAgent.isEmpty }
}

/// `models.endpoint` of `clawhold.json`: models for other programs, on the gateway's port.
package struct EndpointConfig: Codable, Sendable, Equatable {
    package var enabled = false
    /// Requests at a time.
    package var maxConcurrent = 64

    package init() {}
}
