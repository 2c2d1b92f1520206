/// What an address says about where its host is.
package enum HostName {
    /// The host of an `http://` or `https://` address, without its port, in lower case; empty when there is none.
    package static func of(_ address: String) -> String {
        let rest = address.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard rest.count == 3, rest[1].isEmpty else { return "" }
        let authority = rest[2].prefix { $0 != "/" && $0 != "?" }
        if authority.first == "[" { return authority.dropFirst().prefix { $0 != "]" }.lowercased() }
        return authority.prefix { $0 != ":" }.lowercased()
    }

    /// The host is this machine or one of its own network (RFC 1918, RFC 4193, link-local, `.local`, a bare name).
    package static func isLocal(_ address: String) -> Bool {
        let host = of(address)
        if host == "localhost" || host == "::1" || host.hasSuffix(".local") || host.hasSuffix(".internal") {
            return true
        }
        if host.contains(":") { return host.hasPrefix("fd") || host.hasPrefix("fc") || host.hasPrefix("fe80") }
        let numbers = host.split(separator: ".").map { UInt8($0) }
        if numbers.count == 4, let first = numbers[0], let second = numbers[1] {
            return first == 127 || first == 10 || (first == 192 && second == 168) || (first == 169 && second == 254)
                || (first == 172 && (16...31).contains(second))
        }
        return !host.isEmpty && !host.contains(".")
    }
}
