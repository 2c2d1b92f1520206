internal import FoundationEssentials
internal import IPCHub

/// What a channel worker holds and owes: pure bookkeeping, every event one call.
struct ChannelLedger {
    /// Chunks being delivered at the same time; more are answered RETRY.
    static let acceptedLimit = 64

    private(set) var accepted: Set<UInt64> = []
    private(set) var results: [UInt64: HubSendResult] = [:]
    /// Events sent or to be sent that have no ACK yet, by sequence number.
    private(set) var unacked: [UInt64: HubInbound] = [:]
    /// Why the gateway did not take events, for those who have not asked yet.
    private var refusals: [UInt64: String] = [:]
    private var lastSeq: UInt64 = 0

    /// What became of an event.
    enum Fate: Equatable {
        case open
        case journaled
        case refused(String)
    }

    /// Whether `send` is new here and shall be carried out.
    enum Acceptance: Equatable {
        case deliver
        /// Already at it, or its result is on the way.
        case known(HubSendResult?)
        case busy
    }

    mutating func accept(_ row: UInt64) -> Acceptance {
        if accepted.contains(row) { return .known(nil) }
        if let result = results[row] { return .known(result) }
        guard accepted.count < Self.acceptedLimit else { return .busy }
        accepted.insert(row)
        return .deliver
    }

    mutating func finish(_ result: HubSendResult) {
        accepted.remove(result.row)
        results[result.row] = result
    }

    mutating func acknowledgeResult(_ row: UInt64) { results[row] = nil }

    /// Numbers `events` and keeps them until they are acknowledged.
    mutating func take(_ events: [ChannelEvent]) -> [HubInbound] {
        events.map { event in
            lastSeq += 1
            var inbound = HubInbound()
            inbound.seq = lastSeq
            inbound.eventKey = event.key
            inbound.raw = Data(event.raw)
            inbound.cursor = Data(event.cursor)
            unacked[lastSeq] = inbound
            return inbound
        }
    }

    /// The gateway's word about an event; false when nobody waits for it. A refusal is kept until `fate` tells it: the word
    /// may be here before anybody waits.
    mutating func acknowledge(_ seq: UInt64, refused: String = "") -> Bool {
        guard unacked.removeValue(forKey: seq) != nil else { return false }
        if !refused.isEmpty { refusals[seq] = refused }
        return true
    }

    /// What became of an event of `take`. A refusal is told once.
    mutating func fate(of seq: UInt64) -> Fate {
        if unacked[seq] != nil { return .open }
        return refusals.removeValue(forKey: seq).map { .refused($0) } ?? .journaled
    }

    /// Nobody waits for this event any more: it is not sent again.
    mutating func forget(_ seq: UInt64) {
        unacked[seq] = nil
        refusals[seq] = nil
    }

    /// What is sent again after WELCOME, in order.
    var backlog: [HubInbound] { unacked.values.sorted { $0.seq < $1.seq } }

    var isIdle: Bool { accepted.isEmpty && results.isEmpty }
}
