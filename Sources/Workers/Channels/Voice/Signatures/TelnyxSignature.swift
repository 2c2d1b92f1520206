internal import FoundationEssentials

/// `telnyx-signature-ed25519`: over `<telnyx-timestamp>|<body>`, under the account's public key
/// (developers.telnyx.com, "Webhook fundamentals").
struct TelnyxSignature: Sendable {
    static let header = "telnyx-signature-ed25519"
    static let timeHeader = "telnyx-timestamp"
    /// How far a signature's moment may be from now, in seconds.
    static let skew: Int64 = 300

    let key: [UInt8]

    /// Nil when `text` is no key: 32 bytes in Base64 or base64url (as the portal shows it), or SPKI as Base64 of DER or
    /// as PEM.
    init?(key text: String) {
        guard let key = Self.key(text) else { return nil }
        self.key = key
    }

    /// - Parameter now: seconds since 1970.
    func isValid(_ signature: String, time: String, body: [UInt8], now: Int64) -> Bool {
        guard let at = Int64(time), at > 0, abs(Double(at) - Double(now)) <= Double(Self.skew),
            let bytes = Self.base64(signature), bytes.count == 64
        else { return false }
        return Digests.isEd25519(bytes, of: Array("\(time)|".utf8) + body, key: key)
    }

    /// What every Ed25519 key begins with as SubjectPublicKeyInfo (RFC 8410).
    private static let prefix: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]

    static func key(_ text: String) -> [UInt8]? {
        guard text.utf8.count <= 1024 else { return nil }
        let lines = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("-----") }
        guard let bytes = base64(lines.joined()) else { return nil }
        if bytes.count == 32 { return bytes }
        guard bytes.count == 44, Array(bytes.prefix(12)) == prefix else { return nil }
        return Array(bytes.dropFirst(12))
    }

    /// Base64 or base64url, with its padding or without it.
    static func base64(_ text: String) -> [UInt8]? {
        guard text.utf8.count <= 1024 else { return nil }
        var plain = ""
        for character in text where !character.isWhitespace {
            plain.append(character == "-" ? "+" : character == "_" ? "/" : character)
        }
        while plain.hasSuffix("=") { plain.removeLast() }
        plain += String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4)
        return Data(base64Encoded: plain).map { Array($0) }
    }
}

extension TelnyxSignature {
    /// A key that nothing was ever signed with.
    static let nobody = TelnyxSignature(unchecked: [])

    private init(unchecked key: [UInt8]) { self.key = key }
}
