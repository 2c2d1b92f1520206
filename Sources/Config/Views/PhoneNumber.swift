/// Telephone numbers.
package enum PhoneNumber {
    /// Whether this is E.164: `+`, then 2 to 15 digits that do not begin with 0 (`^\+[1-9]\d{1,14}$`).
    package static func isE164(_ text: String) -> Bool {
        let bytes = text.utf8
        guard bytes.first == UInt8(ascii: "+"), (3...16).contains(bytes.count) else { return false }
        let digits = bytes.dropFirst()
        return digits.first != UInt8(ascii: "0")
            && digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    /// What a session is named by: the digits of a number. Whoever hides it shares no conversation with others who do, so
    /// anything else stays as it is (the call's own id).
    package static func name(_ text: String) -> String { isE164(text) ? String(text.dropFirst()) : text }
}
