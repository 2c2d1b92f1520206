/// Where a provider listens, taken from its base URL.
package struct ProviderAddress: Sendable, Equatable {
    package var isTLS: Bool
    /// A name, or an IP address without brackets.
    package var host: String
    package var port: Int
    /// As the Host header wants it.
    package var authority: String
    /// What stands in front of every request's path.
    package var path: String

    /// Nil: no address of HTTP (RFC 3986, section 3.2; no user, nothing that would break a request's head).
    package init?(_ url: String) {
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), let mark = url.firstRange(of: "://") else { return nil }
        switch url[..<mark.lowerBound].lowercased() {
        case "http": isTLS = false
        case "https": isTLS = true
        default: return nil
        }
        let rest = url[mark.upperBound...]
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        path = rest[end...].isEmpty || rest[end] == "/" ? String(rest[end...]) : "/" + rest[end...]
        authority = rest[..<end].lowercased()
        guard !authority.contains("@") else { return nil }
        let name: Substring
        var after = authority[...]
        if authority.hasPrefix("[") {
            guard let bracket = authority.firstIndex(of: "]") else { return nil }
            name = authority[authority.index(after: authority.startIndex)..<bracket]
            after = authority[authority.index(after: bracket)...]
        } else {
            name = authority.prefix { $0 != ":" }
            after = authority[name.endIndex...]
        }
        guard !name.isEmpty else { return nil }
        host = String(name)
        port = isTLS ? 443 : 80
        guard !after.isEmpty else { return }
        guard after.hasPrefix(":"), let number = Int(after.dropFirst()), (1...65535).contains(number) else {
            return nil
        }
        port = number
    }
}
