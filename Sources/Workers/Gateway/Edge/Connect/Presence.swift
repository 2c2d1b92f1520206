/// Who is here: the gateway itself and the clients it remembers, newest first.
///
/// Source: spec/gateway-protocol.md 2.2. Clients of mode `cli` are not listed; entries are forgotten after five minutes
/// without a sign unless the connection is still open; at most 200.
struct Presence: Sendable {
    static let lifetime = Duration.seconds(300)
    static let mostEntries = 200

    private struct Entry {
        var client: ClientInfo
        var reason: String
        var address: String
        var scopes: [String]
        var role: String
        var connected: Bool
        var timestampMilliseconds: Int64
        var seen: ContinuousClock.Instant
    }

    private let host: String
    private let version: String
    private var entries: [String: Entry] = [:]

    init(host: String, version: String) {
        self.host = host
        self.version = version
    }

    mutating func connected(_ caller: Caller, now: ContinuousClock.Instant, timestampMilliseconds: Int64) {
        guard caller.client.mode != .cli else { return }
        entries[key(caller)] = Entry(
            client: caller.client,
            reason: "connect",
            address: caller.remoteAddress,
            scopes: caller.scopes,
            role: caller.role.rawValue,
            connected: true,
            timestampMilliseconds: timestampMilliseconds,
            seen: now
        )
        forget(now: now)
    }

    /// True when the list changed.
    mutating func disconnected(
        _ caller: Caller,
        now: ContinuousClock.Instant,
        timestampMilliseconds: Int64
    ) -> Bool {
        guard caller.client.mode != .cli, entries[key(caller)] != nil else { return false }
        entries[key(caller)]?.reason = "disconnect"
        entries[key(caller)]?.connected = false
        entries[key(caller)]?.seen = now
        entries[key(caller)]?.timestampMilliseconds = timestampMilliseconds
        return true
    }

    /// The list as clients get it: a bare array, the gateway first.
    mutating func list(now: ContinuousClock.Instant, timestampMilliseconds: Int64) -> WireValue {
        forget(now: now)
        let own: WireValue = [
            "host": .nonEmpty(host),
            "version": .string(version),
            "platform": "linux",
            "mode": "gateway",
            "reason": "self",
            "text": .string("Gateway: \(host) · app \(version) · mode gateway · reason self"),
            "ts": .integer(timestampMilliseconds),
        ]
        let newestFirst = entries.values.sorted {
            ($0.timestampMilliseconds, $0.client.id) > ($1.timestampMilliseconds, $1.client.id)
        }
        return .array([own] + newestFirst.map(wire))
    }

    private func wire(_ entry: Entry) -> WireValue {
        let name = entry.client.displayName ?? entry.client.id
        let client = entry.client
        return [
            "host": .string(name),
            "ip": .nonEmpty(entry.address),
            "version": .string(client.version),
            "platform": .string(client.platform),
            "deviceFamily": client.deviceFamily.map(WireValue.string),
            "modelIdentifier": client.modelIdentifier.map(WireValue.string),
            "mode": .string(client.mode.rawValue),
            "reason": .string(entry.reason),
            "text": .string("\(name) · app \(client.version) · mode \(client.mode.rawValue) · reason \(entry.reason)"),
            "roles": [.string(entry.role)],
            "scopes": .array(entry.scopes.map(WireValue.string)),
            "instanceId": client.instanceID.map(WireValue.string),
            "ts": .integer(entry.timestampMilliseconds),
        ]
    }

    private func key(_ caller: Caller) -> String {
        (caller.client.instanceID ?? caller.connectionID).lowercased()
    }

    private mutating func forget(now: ContinuousClock.Instant) {
        entries = entries.filter { $0.value.connected || $0.value.seen.duration(to: now) < Self.lifetime }
        while entries.count > Self.mostEntries, let oldest = entries.min(by: { $0.value.seen < $1.value.seen }) {
            entries[oldest.key] = nil
        }
    }
}
