/// Names of Discord's guilds, channels and people in the form that lists compare.
///
/// Source: spec/channels-voice-tunnel.md 1.3: lower case, without a leading `#`, everything but `[a-z0-9]` becomes one `-`.
enum Slug {
    static func of(_ name: String) -> String {
        var slug = ""
        for scalar in name.lowercased().unicodeScalars.prefix(512) {
            switch scalar {
            case "a"..."z", "0"..."9": slug.unicodeScalars.append(scalar)
            default: if !slug.isEmpty, !slug.hasSuffix("-") { slug.append("-") }
            }
        }
        while slug.hasSuffix("-") { slug.removeLast() }
        return slug
    }

    /// A number, which is an id and never a name.
    static func isID(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}
