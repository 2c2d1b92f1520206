internal import FoundationEssentials
internal import IPCControl

/// `X-Twilio-Signature`: Base64 of HMAC-SHA1 under the account's token, over the address that Twilio called and the form's
/// fields in order (twilio.com/docs/usage/security; the helper libraries decide where the page is vague).
struct TwilioSignature: Sendable {
    static let header = "x-twilio-signature"
    /// Selects another algorithm and a key that this worker does not have.
    static let settingsHeader = "x-twilio-webhooks-signature-settings"

    let token: [UInt8]

    init(token: String) { self.token = Array(token.utf8) }

    /// Whether `signature` is Twilio's for a request to one of `addresses`.
    ///
    /// - Parameters:
    ///   - form: nil for a body that is no form: then the address says what the body is (`bodySHA256`).
    func isValid(_ signature: String, addresses: [String], form: FormFields?, body: [UInt8]) -> Bool {
        let given = Array(signature.utf8)
        guard !given.isEmpty, !token.isEmpty else { return false }
        var isValid = false
        for address in addresses {
            let claimed = Self.claimedBody(address)
            // A hash of the body counts where the body is no form; a form without fields may have one as well.
            let fields = claimed == nil ? form?.signed ?? [] : form.map(\.signed) ?? []
            if form == nil {
                guard let claimed, Digests.isSame(Array(claimed.utf8), Array(Digests.hex(SHA256.hash(body)).utf8))
                else { continue }
            }
            for text in Self.spellings(address) {
                // Every spelling is looked at: how long this takes says nothing about which one was meant.
                if Digests.isSame(sign(text, fields), given) { isValid = true }
            }
        }
        return isValid
    }

    /// The signature of an address and what stands behind it.
    func sign(_ address: String, _ fields: [UInt8]) -> [UInt8] {
        let mac = Digests.hmacSHA1(key: token, message: Array(address.utf8) + fields)
        return Array(Data(mac).base64EncodedString().utf8)
    }

    /// The address without its fragment, with its port and without it: Twilio has been seen to sign either.
    static func spellings(_ address: String) -> [String] {
        let whole = String(address.prefix { $0 != "#" })
        guard let scheme = whole.firstRange(of: "://") else { return [whole] }
        let rest = whole[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let behind = rest[authority.endIndex...]
        let prefix = whole[..<scheme.upperBound]
        // The digits behind the last colon are a port, unless that colon stands in the brackets of an IPv6 address.
        let digits = authority.reversed().prefix { $0.isASCII && $0.isNumber }.count
        let host = authority.dropLast(digits)
        if digits > 0, host.hasSuffix(":") {
            return [whole, "\(prefix)\(host.dropLast())\(behind)"]
        }
        let port = prefix.lowercased() == "http://" ? 80 : 443
        return [whole, "\(prefix)\(authority):\(port)\(behind)"]
    }

    /// The value of `bodySHA256` in an address's query.
    private static func claimedBody(_ address: String) -> String? {
        guard let query = address.firstIndex(of: "?") else { return nil }
        let text = address[address.index(after: query)...].prefix { $0 != "#" }
        return FormFields(parsing: Array(text.utf8))?["bodySHA256"]?.lowercased()
    }
}
