/// When a chunk that did not go out is tried again. Times in milliseconds.
struct RetryPolicy {
    var first: Int64 = 1000
    var most: Int64 = 300_000
    var giveUpAfter: Int64 = 86_400_000

    /// The time of the next try, or nil to give up. `attempts` are those made, from 1; what the network asked for in
    /// `retryAfter` is honoured even beyond `most`.
    func next(attempts: Int, retryAfter: UInt32, createdAt: Int64, now: Int64) -> Int64? {
        let doublings = min(max(attempts - 1, 0), 20)
        let pause = retryAfter > 0 ? Int64(retryAfter) : min(most, first << Int64(doublings))
        return now + pause - createdAt > giveUpAfter ? nil : now + pause
    }
}
