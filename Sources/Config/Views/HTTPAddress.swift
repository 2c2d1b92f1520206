/// Base addresses of servers.
package enum HTTPAddress {
    /// Without a slash at its end; nil unless it is an http or https address with a host and without user, query or fragment.
    package static func normalized(_ text: String) -> String? {
        var address = Environment.trimmed(text)
        while address.hasSuffix("/") { address.removeLast() }
        let lower = address.lowercased()
        guard lower.hasPrefix("http://") || lower.hasPrefix("https://") else { return nil }
        let rest = address.dropFirst(lower.hasPrefix("https://") ? 8 : 7)
        guard let first = rest.first, first != "/", first != ":", address.utf8.count <= 2048 else { return nil }
        guard address.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !rest.contains(where: { "@?#\\\"<>".contains($0) })
        else { return nil }
        return address
    }
}
