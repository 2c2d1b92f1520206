internal import FoundationEssentials

/// Time as the edge sees it, replaceable in tests.
struct EdgeClock: Sendable {
    var now: @Sendable () -> ContinuousClock.Instant
    /// Milliseconds since 1970.
    var wall: @Sendable () -> Int64

    static let real = EdgeClock(
        now: { ContinuousClock.now },
        wall: { Int64(exactly: (Date().timeIntervalSince1970 * 1000).rounded(.down)) ?? 0 }
    )
}
