/// Who is at the other end of a connection, as far as socket and HTTP headers tell.
struct ClientPeer: Sendable, Equatable {
    /// The kernel's word for it.
    enum Socket: Sendable, Equatable {
        case address(String)
        /// Over our Unix socket; nil when the kernel would not say.
        case user(uid: UInt32?)
        /// Over our Unix socket, from our own tree or from where nobody can tell: never trusted.
        case worker
    }

    var socket: Socket
    /// Header `Host`, lower case, as sent.
    var host: String
    var origin: String?
    /// All of `X-Forwarded-For`, left to right.
    var forwardedFor: [String]
    var realIP: String?
    var hasForwardingHeaders: Bool

    init(
        socket: Socket,
        host: String = "",
        origin: String? = nil,
        forwardedFor: [String] = [],
        realIP: String? = nil,
        hasForwardingHeaders: Bool = false
    ) {
        self.socket = socket
        self.host = host
        self.origin = origin
        self.forwardedFor = forwardedFor
        self.realIP = realIP
        self.hasForwardingHeaders = hasForwardingHeaders || !forwardedFor.isEmpty || realIP != nil
    }

    var socketAddress: IPAddress? {
        guard case .address(let text) = socket else { return nil }
        return IPAddress(text)
    }

    /// The address the request came from: a trusted proxy's word counts, nobody else's.
    func clientAddress(trustedProxies: [String]) -> String {
        guard case .address(let text) = socket else { return "" }
        guard isTrustedProxy(trustedProxies) else { return text }
        return forwardedFor.first ?? realIP ?? text
    }

    /// On this machine and not forwarded from elsewhere: exempt from the limiter, allowed to see details. A tunnel's
    /// agent connects from loopback as well, hence the headers.
    func isLocal(trustedProxies: [String]) -> Bool {
        if case .user = socket { return true }
        guard !hasForwardingHeaders || isTrustedProxy(trustedProxies) else { return false }
        guard let client = IPAddress(clientAddress(trustedProxies: trustedProxies)), client.isLoopback else {
            return false
        }
        let name = Self.hostName(host)
        return ["localhost", "127.0.0.1", "::1"].contains(name) || name.hasSuffix(".ts.net")
    }

    /// From this machine or its private network, directly: a metrics scraper, a health check.
    var isDirectAndPrivate: Bool {
        if case .user = socket { return true }
        return !hasForwardingHeaders && socketAddress?.isPrivate == true
    }

    /// What failed attempts are counted under. Behind a proxy nobody configured, everybody has the proxy's address;
    /// the last entry of `X-Forwarded-For` is the one that proxy added, so one stranger cannot lock out the rest.
    func limiterKey(trustedProxies: [String]) -> String {
        let address = clientAddress(trustedProxies: trustedProxies)
        guard let peer = socketAddress, peer.isPrivate, !isTrustedProxy(trustedProxies), let last = forwardedFor.last
        else { return address }
        return "\(address)|\(last.prefix(64))"
    }

    private func isTrustedProxy(_ proxies: [String]) -> Bool {
        guard let address = socketAddress else { return false }
        return proxies.contains { address.isIn($0) }
    }

    /// The name in a Host header, without the port, lower case, without brackets.
    static func hostName(_ host: String) -> String {
        if host.hasPrefix("[") { return String(host.dropFirst().prefix { $0 != "]" }).lowercased() }
        return String(host.prefix { $0 != ":" }).lowercased()
    }
}
