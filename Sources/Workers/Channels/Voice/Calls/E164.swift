internal import Config

/// A telephone number as `+` and its digits (ITU E.164): `+15551234567`.
enum E164 {
    /// `text` when it is one; nil otherwise, for "anonymous" as well as for digits without their plus.
    static func number(_ text: String?) -> String? {
        text.flatMap { PhoneNumber.isE164($0) ? $0 : nil }
    }

    /// A number as people write it, for comparing: spaces, hyphens, dots and brackets do not count.
    static func normalized(_ text: String) -> String? {
        number(String(text.filter { !" -.()\u{A0}".contains($0) }))
    }

    /// Whether a caller shows no number: no E.164 at all, or one of those that carriers put in its place, which spell
    /// ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE on a dial (Twilio's help pages name them).
    static func isHidden(_ text: String) -> Bool {
        guard let number = number(text) else { return true }
        return ["+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"].contains(number)
    }

    /// What stands in a session's key.
    static func digits(_ number: String) -> String { number.hasPrefix("+") ? String(number.dropFirst()) : number }
}
