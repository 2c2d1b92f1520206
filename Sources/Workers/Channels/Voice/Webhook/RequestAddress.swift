internal import Config
internal import NIOHTTP1

/// What a provider called, as far as this listener can know it: what its signature is checked against
/// (spec/channels-voice-tunnel.md 3.5).
struct RequestAddress: Sendable {
    let security: VoiceSettings.WebhookSecurity
    /// Forwarding headers of a loopback peer count (ngrok's free plan).
    let trustsLoopback: Bool

    /// Every address that `head` may have been sent to. `known`: public addresses with their path, the present one first.
    func candidates(_ head: HTTPRequestHead, peer: String, known: [String]) -> [String] {
        let query = head.uri.firstIndex(of: "?").map { head.uri[$0...] } ?? ""
        guard known.isEmpty else {
            var all: [String] = []
            for address in known {
                let base = address.prefix { $0 != "?" && $0 != "#" }
                // A proxy may have put the path in the place of another one.
                for text in ["\(Self.origin(address))\(head.uri)", "\(base)\(query)"] where !all.contains(text) {
                    all.append(text)
                }
            }
            return all
        }
        return [reconstructed(head, peer: peer)]
    }

    private func reconstructed(_ head: HTTPRequestHead, peer: String) -> String {
        var proto = "http"
        var host = head.headers.first(name: "host").flatMap(Self.host) ?? ""
        if isTrusted(peer) {
            let said = Self.first(head.headers, "x-forwarded-proto") ?? ""
            proto = said == "http" || said == "https" ? said : "https"
            let forwarded = ["x-forwarded-host", "x-original-host", "ngrok-forwarded-host"].lazy
                .compactMap { Self.first(head.headers, $0).flatMap(Self.host) }
                .first { isAllowed($0) }
            if let forwarded { host = forwarded }
        }
        return "\(proto)://\(host)\(head.uri)"
    }

    private func isTrusted(_ peer: String) -> Bool {
        if trustsLoopback, Self.isLoopback(peer) { return true }
        guard !security.allowedHosts.isEmpty || security.trustForwardingHeaders else { return false }
        return security.trustedProxyIPs.isEmpty || security.trustedProxyIPs.contains(Self.plain(peer))
    }

    private func isAllowed(_ host: String) -> Bool {
        security.allowedHosts.isEmpty || security.allowedHosts.contains { $0.lowercased() == host }
    }

    /// Scheme and host of an address.
    static func origin(_ address: String) -> Substring {
        guard let scheme = address.firstRange(of: "://") else { return "" }
        return address[..<(address[scheme.upperBound...].firstIndex { "/?#".contains($0) } ?? address.endIndex)]
    }

    static func isLoopback(_ host: String) -> Bool {
        let host = plain(host)
        return host == "::1" || host == "localhost" || isLoopback4(host)
    }

    private static func isLoopback4(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// An IPv4 address that came over an IPv6 socket as itself.
    static func plain(_ peer: String) -> String {
        peer.lowercased().hasPrefix("::ffff:") && peer.contains(".") ? String(peer.dropFirst(7)) : peer
    }

    /// What stands before the first comma of a header's first line.
    static func first(_ headers: HTTPHeaders, _ name: String) -> String? {
        headers.first(name: name).map { value in
            String(value.prefix { $0 != "," }.filter { !$0.isWhitespace })
        }
    }

    /// A host name without its port (RFC 1123), or an IPv6 address in its brackets; nil when it is neither.
    static func host(_ text: String) -> String? {
        guard text.utf8.count <= 260, !text.contains("@") else { return nil }
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            let inside = text[text.index(after: text.startIndex)..<end]
            guard !inside.isEmpty, inside.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else { return nil }
            return "[\(inside.lowercased())]"
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.count == 1 || UInt16(parts[1]) != nil, (1...253).contains(parts[0].utf8.count)
        else { return nil }
        let labels = parts[0].lowercased().split(separator: ".", omittingEmptySubsequences: false)
        let isName = labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { byte in
                    Unicode.Scalar(byte).properties.isASCIIHexDigit || byte == UInt8(ascii: "-")
                        || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                }
        }
        return isName ? parts[0].lowercased() : nil
    }
}
