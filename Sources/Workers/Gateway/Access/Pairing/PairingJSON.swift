internal import FoundationEssentials

/// The two files as OpenClaw writes and reads them: `{"version":1,"requests":[…]}`, `{"version":1,"allowFrom":[…]}`.
///
/// What stands there may be from anybody's hand: what cannot be used is passed over.
enum PairingJSON {
    /// Entries that are read of one list.
    static let mostEntries = 10_000

    /// Nil: this is no such file.
    static func requests(_ bytes: [UInt8]) -> [PairingRequest]? {
        guard let file = try? WireParser.parse(bytes), file.members != nil else { return nil }
        return (file["requests"]?.items ?? []).prefix(1000).compactMap(request)
    }

    private static func request(_ value: WireValue) -> PairingRequest? {
        guard let id = value["id"]?.text, let code = value["code"]?.text, isShort(id), isShort(code),
            let created = value["createdAt"]?.text.flatMap(time)
        else { return nil }
        var meta: [String: String] = [:]
        for member in (value["meta"]?.members ?? []).prefix(32) {
            if let text = member.value.text, member.name.utf8.count <= 64, text.utf8.count <= 8192 {
                meta[member.name] = text
            }
        }
        let seen = value["lastSeenAt"]?.text.flatMap(time) ?? created
        return PairingRequest(id: id, code: code, createdAt: created, lastSeenAt: seen, meta: meta)
    }

    private static func isShort(_ text: String) -> Bool { !text.isEmpty && text.utf8.count <= 256 }

    static func encoded(_ requests: [PairingRequest]) -> [UInt8] {
        let items = requests.map { request -> WireValue in
            let meta = request.meta.sorted { $0.key < $1.key }.map { ($0.key, WireValue.string($0.value)) }
            return [
                "id": .string(request.id),
                "code": .string(request.code),
                "createdAt": .string(text(request.createdAt)),
                "lastSeenAt": .string(text(request.lastSeenAt)),
                "meta": meta.isEmpty ? nil : WireValue(members: meta),
            ]
        }
        let file: WireValue = ["version": 1, "requests": .array(items)]
        return file.encoded() + [UInt8(ascii: "\n")]
    }

    /// Nil: this is no such file. Prefixes are taken off, `*` is refused: pairing never lets everybody in.
    static func allowFrom(_ bytes: [UInt8], channel: String) -> [String]? {
        guard let file = try? WireParser.parse(bytes), file.members != nil else { return nil }
        var seen: Set<String> = []
        return (file["allowFrom"]?.items ?? []).prefix(mostEntries).compactMap { item -> String? in
            let written = item.text ?? item.whole.map(String.init)
            guard let entry = written.flatMap({ normal($0, channel: channel) }) else { return nil }
            return seen.insert(entry).inserted ? entry : nil
        }
    }

    static func encoded(allowFrom: [String]) -> [UInt8] {
        let file: WireValue = ["version": 1, "allowFrom": .array(allowFrom.map(WireValue.string))]
        return file.encoded() + [UInt8(ascii: "\n")]
    }

    static func normal(_ entry: String, channel: String) -> String? {
        var entry = entry.trimmingSpace
        let prefixes = [channel + ":", "tg:", "user:"]
        for prefix in prefixes where entry.lowercased().hasPrefix(prefix) {
            entry = String(entry.dropFirst(prefix.count))
        }
        return isShort(entry) && entry != "*" ? entry : nil
    }

    // MARK: Times

    /// `2026-01-29T12:34:56.789Z`.
    static func text(_ milliseconds: Int64) -> String {
        let date = Date(timeIntervalSince1970: Double(min(max(0, milliseconds), 253_402_300_799_000)) / 1000)
        return Date.ISO8601FormatStyle(includingFractionalSeconds: true).format(date)
    }

    static func time(_ text: String) -> Int64? {
        guard text.utf8.count <= 40, text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        let styles = [true, false].map { Date.ISO8601FormatStyle(includingFractionalSeconds: $0) }
        for style in styles {
            if let date = try? style.parse(text) {
                return Int64(exactly: (date.timeIntervalSince1970 * 1000).rounded())
            }
        }
        return nil
    }
}
