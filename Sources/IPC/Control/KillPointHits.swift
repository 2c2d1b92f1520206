internal import Synchronization

/// How often each armed place was reached by this process.
enum KillPointHits {
    private static let hits = Mutex<[String: Int]>([:])

    /// Counts one more hit of `name` and returns which it is, from 1.
    static func count(_ name: String) -> Int {
        hits.withLock { hits in
            hits[name, default: 0] += 1
            return hits[name, default: 0]
        }
    }
}
