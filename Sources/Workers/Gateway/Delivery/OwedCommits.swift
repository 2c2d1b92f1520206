internal import Journal

/// Commits that failed and that nobody but the gateway would ask for again: a death that is not journaled keeps what it held
/// claimed for ever.
struct OwedCommits {
    /// Between two tries, milliseconds.
    static let every: Int64 = 5000
    /// More are not remembered; a new start of the gateway looks for what they were about.
    static let most = 1000

    private var commits: [Commit] = []
    private var dueAt: Int64 = 0
    private var looks = false

    /// A journal that is closed takes nothing any more.
    mutating func add(_ commit: Commit, _ error: JournalError, _ now: Int64) {
        guard error != .closed, commits.count < Self.most else { return }
        if case .workersWithWork = commit {
            // One look finds the work of all.
            guard !looks else { return }
            looks = true
        }
        if commits.isEmpty { dueAt = now + Self.every }
        commits.append(commit)
    }

    /// What is tried again now, in the order in which it failed.
    mutating func due(_ now: Int64) -> [Commit] {
        guard !commits.isEmpty, now >= dueAt else { return [] }
        defer { (commits, looks) = ([], false) }
        return commits
    }
}
