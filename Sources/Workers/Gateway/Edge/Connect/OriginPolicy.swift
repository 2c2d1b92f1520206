/// Whether a page may talk to us from a browser. The token is what protects the gateway; this keeps a foreign page
/// from trying tokens with the visitor's network position.
enum OriginPolicy {
    static let refusal =
        "origin not allowed (open the Control UI from the gateway host or allow it in gateway.controlUi.allowedOrigins)"

    /// Allowed are no origin at all (not a browser), the page's own host, loopback pages of a local client, and what
    /// the configuration lists (`*`: all).
    static func allows(_ peer: ClientPeer, allowed: [String], trustedProxies: [String]) -> Bool {
        guard let origin = peer.origin?.lowercased(), !origin.isEmpty else { return true }
        if allowed.contains(where: { $0 == "*" || $0.lowercased() == origin }) { return true }
        guard let authority = authority(of: origin) else { return false }
        if authority == normalized(peer.host.lowercased(), origin: origin) { return true }
        let name = ClientPeer.hostName(authority)
        return ["localhost", "127.0.0.1", "::1"].contains(name) && peer.isLocal(trustedProxies: trustedProxies)
    }

    /// `host[:port]` of `scheme://host[:port]`, the scheme's own port left out; nil for `null` and other schemes.
    private static func authority(of origin: String) -> String? {
        for scheme in ["https://", "http://"] where origin.hasPrefix(scheme) {
            return normalized(String(origin.dropFirst(scheme.count)), origin: origin)
        }
        return nil
    }

    private static func normalized(_ authority: String, origin: String) -> String {
        let port = origin.hasPrefix("https://") ? ":443" : ":80"
        return authority.hasSuffix(port) ? String(authority.dropLast(port.count)) : authority
    }
}
