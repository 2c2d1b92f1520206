internal import IPCHub
internal import Runtime

/// How much a call lets the model think, in the words that its generation understands.
///
/// Models from 4.6 on think as much as they find right, and an effort bounds it; earlier ones, and other hosts' models, are
/// given a number of tokens, which counts into `max_tokens`.
struct Thinking {
    let configuration: JSON?
    let effort: String?
    let maxTokens: Int64

    /// Smallest budget that the API takes is 1024.
    private static let budgets: [String: Int64] = [
        "minimal": 1024, "low": 2048, "medium": 8192, "high": 16_384, "xhigh": 32_768,
    ]
    private static let efforts = ["minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "max"]

    /// - Parameter limit: Most tokens that the model answers with; 0: not known.
    init(_ request: HubModelRequest, isVendor: Bool, limit: Int) {
        let asked = Int64(max(1, request.maxTokens))
        guard let budget = Self.budgets[request.thinking], Self.thinks(request.model) else {
            (configuration, effort, maxTokens) = (nil, nil, asked)
            return
        }
        if isVendor, Self.adapts(request.model) {
            (configuration, effort, maxTokens) = (["type": "adaptive"], Self.efforts[request.thinking], asked)
            return
        }
        var whole = asked + budget
        if limit > 0 { whole = min(whole, max(Int64(limit), asked)) }
        // The budget has to stay below the whole.
        let rest = min(budget, whole - 1024)
        configuration = rest >= 1024 ? ["type": "enabled", "budget_tokens": .integer(rest)] : nil
        effort = nil
        maxTokens = whole
    }

    /// Claude 3 and 3.5 do not.
    private static func thinks(_ model: String) -> Bool {
        !["claude-3-5", "claude-3-opus", "claude-3-sonnet", "claude-3-haiku", "claude-2"].contains(
            where: model.hasPrefix
        )
    }

    /// "claude-opus-4-6", "claude-sonnet-5": the numbers behind the family.
    private static func adapts(_ model: String) -> Bool {
        let numbers = model.split(separator: "-").dropFirst().compactMap { Int($0) }.filter { $0 < 100 }
        guard let major = numbers.first else { return false }
        return major > 4 || (major == 4 && (numbers.dropFirst().first ?? 0) >= 6)
    }
}
