/// A telephone number as `+` and its digits (ITU E.164): `+15551234567`.
enum E164 {
    /// `text` when it is one; nil otherwise, for "anonymous" as well as for digits without their plus.
    static func number(_ text: String?) -> String? {
        guard let text, text.first == "+", (3...16).contains(text.utf8.count) else { return nil }
        let digits = text.utf8.dropFirst()
        let isNumber = digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return isNumber && digits.first != UInt8(ascii: "0") ? text : nil
    }

    /// A number as people write it, for comparing: spaces, hyphens, dots and brackets do not count.
    static func normalized(_ text: String) -> String? {
        number(String(text.filter { !" -.()\u{A0}".contains($0) }))
    }

    /// What stands in a session's key.
    static func digits(_ number: String) -> String { number.hasPrefix("+") ? String(number.dropFirst()) : number }
}
