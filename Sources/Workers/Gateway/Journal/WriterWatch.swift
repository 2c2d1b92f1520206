/// Whether the journal's thread is stuck: the same work in its hands for so long, and not for the disk's sake.
///
/// A disk that does not answer is no reason to replace the gateway: the next one would wait for it too.
struct WriterWatch {
    /// Longer than any query on a bounded journal takes.
    static let patience = Duration.seconds(20)

    private var work: UInt64?
    private var since: ContinuousClock.Instant?

    /// One look.
    ///
    /// - Parameters:
    ///   - work: the number of what it is at; nil when it waits for work.
    ///   - waitsForDisk: asked only when it was at the same at the last look.
    mutating func isStuck(work: UInt64?, waitsForDisk: () -> Bool, now: ContinuousClock.Instant) -> Bool {
        guard let work, work == self.work, let since, !waitsForDisk() else {
            self.work = work
            since = now
            return false
        }
        return now - since >= Self.patience
    }
}
