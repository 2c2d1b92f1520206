/// An emoji as it stands in the address of a reaction: the sign itself, or `name:id` of a server's own.
enum EmojiName {
    /// Percent-encoded; nil for what cannot be an emoji. `<:name:id>`, `<a:name:id>`, `name:id` and `:name:id:` are the same.
    static func path(_ text: String) -> String? {
        var name = text.filter { !$0.isWhitespace }[...]
        if name.hasPrefix("<"), name.hasSuffix(">") { name = name.dropFirst().dropLast() }
        if name.hasPrefix("a:") { name = name.dropFirst(2) }
        while name.hasPrefix(":") { name = name.dropFirst() }
        while name.hasSuffix(":") { name = name.dropLast() }
        guard !name.isEmpty, name.utf8.count <= 100 else { return nil }
        var path = ""
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                path.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                path += "%" + (digits.utf8.count == 1 ? "0" : "") + digits
            }
        }
        return path
    }
}
