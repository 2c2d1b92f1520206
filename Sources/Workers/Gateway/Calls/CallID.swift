internal import FoundationEssentials
internal import IPCControl

/// Our names of telephone calls: UUIDs in small letters.
enum CallID {
    /// The same for the same key, for ever: a request that comes twice names one call, which is dialled once.
    static func derived(from key: String) -> String {
        var bytes = Array(SHA256.hash("clawhold call \(key)".utf8).prefix(16))
        // RFC 9562: version 8, the one for such uses, and the variant.
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        let hex = Hex.encode(bytes)
        var parts: [Substring] = []
        var rest = hex[...]
        for length in [8, 4, 4, 4, 12] {
            parts.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        return parts.joined(separator: "-")
    }

    static func random() -> String { UUID().uuidString.lowercased() }
}
