/// Keeps the log readable when somebody who may not talk keeps talking: one line per sender and ten minutes.
struct IgnoredMessages {
    static let interval: Int64 = 600_000
    /// Senders remembered; beyond that the oldest is forgotten.
    static let senderLimit = 256

    private var last: [String: (at: Int64, unsaid: Int)] = [:]
    private(set) var total = 0

    /// Counts an ignored message of `sender`. Nil: say nothing; otherwise how many were not spoken of since the last line.
    mutating func count(sender: String, now: Int64) -> Int? {
        total &+= 1
        if let entry = last[sender], now - entry.at < Self.interval {
            last[sender] = (entry.at, entry.unsaid + 1)
            return nil
        }
        let unsaid = last[sender]?.unsaid ?? 0
        if last[sender] == nil, last.count >= Self.senderLimit, let oldest = last.min(by: { $0.value.at < $1.value.at })
        {
            last[oldest.key] = nil
        }
        last[sender] = (now, 0)
        return unsaid
    }
}
