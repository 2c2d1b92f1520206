internal import Glibc

/// A numeric IP address.
package struct IPAddress: Hashable, Sendable {
    /// 4 or 16 bytes in network order.
    package let bytes: [UInt8]

    package var isV6: Bool { bytes.count == 16 }

    static let v4Any = IPAddress(bytes: [0, 0, 0, 0])

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// nil for anything that is not a plain address; names are not looked up.
    package init?(_ text: String) {
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            bytes = withUnsafeBytes(of: v4) { Array($0) }
            return
        }
        var v6 = in6_addr()
        guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
        bytes = withUnsafeBytes(of: v6) { Array($0) }
    }
}
