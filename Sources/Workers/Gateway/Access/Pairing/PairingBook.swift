/// Who waits on one channel: pure, the file is `PairingStore`'s.
///
/// Source: spec/channels-voice-tunnel.md 1.4.
struct PairingBook: Equatable {
    private(set) var requests: [PairingRequest]

    /// What came of a stranger's message.
    enum Asked: Equatable {
        /// The sender is to be told this code.
        case created(code: String)
        /// He was told before.
        case waiting(code: String)
        /// So many wait that this one gets no answer.
        case full
    }

    /// Expired requests and those beyond the bound are left out.
    init(_ requests: [PairingRequest], now: Int64) {
        // A clock that went back makes no request immortal.
        let living = requests.filter { now - $0.createdAt <= PairingRequest.lifetime && $0.createdAt <= now + 300_000 }
        self.requests = Array(living.sorted { $0.lastSeenAt < $1.lastSeenAt }.suffix(PairingRequest.most))
            .sorted { $0.createdAt < $1.createdAt }
    }

    mutating func ask(id: String, meta: [String: String], now: Int64, fresh: (Set<String>) -> String) -> Asked {
        if let index = requests.firstIndex(where: { $0.id == id }) {
            requests[index].lastSeenAt = now
            let code = requests[index].code
            let event = PairingRequest.eventKey
            let isSameEvent = meta[event] != nil && requests[index].meta[event] == meta[event]
            return isSameEvent ? .created(code: code) : .waiting(code: code)
        }
        guard requests.count < PairingRequest.most else { return .full }
        let code = fresh(Set(requests.map(\.code)))
        requests.append(PairingRequest(id: id, code: code, createdAt: now, lastSeenAt: now, meta: meta))
        return .created(code: code)
    }

    /// Takes the request with this code out; small letters and blanks around it do not count.
    mutating func approve(code: String) -> PairingRequest? {
        let wanted = code.trimmingSpace.uppercased()
        guard !wanted.isEmpty, let index = requests.firstIndex(where: { $0.code.uppercased() == wanted }) else {
            return nil
        }
        return requests.remove(at: index)
    }
}
