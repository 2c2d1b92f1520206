internal import Glibc

/// Addresses that a listener is bound to.
package enum BindAddress {
    /// Whether this is an IPv4 or IPv6 address in numbers and nothing else.
    package static func isNumeric(_ text: String) -> Bool {
        var v4 = in_addr()
        var v6 = in6_addr()
        return inet_pton(AF_INET, text, &v4) == 1 || inet_pton(AF_INET6, text, &v6) == 1
    }

    /// Whether only this machine reaches it.
    package static func isLoopback(_ text: String) -> Bool {
        guard isNumeric(text) else { return false }
        return text.hasPrefix("127.") || text == "::1"
    }

    /// Whether a listener there answers at 127.0.0.1, where tunnels lead.
    package static func answersLocally(_ text: String) -> Bool { ["127.0.0.1", "0.0.0.0", "::"].contains(text) }
}
