/// Events of one channel on their way into the journal. What becomes of one is known only later, so the cursors of those
/// behind it wait: if it is refused, none of them may pass it.
struct TakingIn {
    private var events = 0
    private var cursor: [UInt8] = []
    private var isRefused = false

    mutating func began() { events += 1 }

    /// Where to go on once all of them are journaled.
    mutating func cursor(_ cursor: [UInt8]) { if !cursor.isEmpty { self.cursor = cursor } }

    /// One of them has come to its end. After the last: the cursor that counts, empty for none.
    mutating func ended(isRefused: Bool) -> [UInt8]? {
        events -= 1
        self.isRefused = self.isRefused || isRefused
        return events > 0 ? nil : self.isRefused ? [] : cursor
    }
}
