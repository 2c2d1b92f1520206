internal import IPCHub
internal import Runtime

/// Tokens of one or several model calls. Sums saturate: a hostile count must not trap.
struct TokenUsage: Equatable, Sendable {
    var input: UInt64 = 0
    var output: UInt64 = 0
    var cacheRead: UInt64 = 0
    var cacheWrite: UInt64 = 0

    init() {}

    init(_ usage: HubUsage) {
        input = usage.input
        output = usage.output
        cacheRead = usage.cacheRead
        cacheWrite = usage.cacheWrite
    }

    /// From a transcript's `usage`.
    init(_ json: JSON?) {
        func count(_ key: String) -> UInt64 { json?[key]?.integer.flatMap { UInt64(exactly: $0) } ?? 0 }
        input = count("input")
        output = count("output")
        cacheRead = count("cacheRead")
        cacheWrite = count("cacheWrite")
    }

    static func + (left: TokenUsage, right: TokenUsage) -> TokenUsage {
        var sum = TokenUsage()
        sum.input = add(left.input, right.input)
        sum.output = add(left.output, right.output)
        sum.cacheRead = add(left.cacheRead, right.cacheRead)
        sum.cacheWrite = add(left.cacheWrite, right.cacheWrite)
        return sum
    }

    private static func add(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : sum
    }

    var total: UInt64 { Self.add(Self.add(input, output), Self.add(cacheRead, cacheWrite)) }

    /// What the next call will have to carry at least: the whole prompt and its answer.
    var context: UInt64 { total }

    var message: HubUsage {
        var usage = HubUsage()
        usage.input = input
        usage.output = output
        usage.cacheRead = cacheRead
        usage.cacheWrite = cacheWrite
        return usage
    }

    /// As in a transcript; costs are not known here and said as zero, which OpenClaw reads as "not priced".
    var json: JSON {
        [
            "input": Self.number(input), "output": Self.number(output), "cacheRead": Self.number(cacheRead),
            "cacheWrite": Self.number(cacheWrite), "totalTokens": Self.number(total),
            "cost": ["input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0, "total": 0],
        ]
    }

    static func number(_ count: UInt64) -> JSON { .integer(Int64(clamping: count)) }
}
