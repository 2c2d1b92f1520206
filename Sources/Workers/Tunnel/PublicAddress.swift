/// Checks what a provider's program says we are called: it came from a foreign program, and people will be sent there.
enum PublicAddress {
    /// `https://host[:port]` in lower case without a slash at its end; nil for anything else. `http` counts for this machine
    /// alone, where tests have their edge.
    static func normalized(_ text: String) -> String? {
        var address = text.lowercased()
        while address.hasSuffix("/") { address.removeLast() }
        let isSecure = address.hasPrefix("https://")
        guard isSecure || address.hasPrefix("http://127.0.0.1:") || address.hasPrefix("http://localhost:") else {
            return nil
        }
        let authority = address.dropFirst(isSecure ? 8 : 7)
        let parts = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let host = parts.first, isHost(host) else { return nil }
        if parts.count == 2, UInt16(parts[1]).map({ $0 > 0 }) != true { return nil }
        return address
    }

    /// RFC 1123.
    static func isHost(_ host: some StringProtocol) -> Bool {
        guard (1...253).contains(host.utf8.count) else { return false }
        return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                        UInt8(ascii: "-"):
                        true
                    default: false
                    }
                }
        }
    }
}
