internal import Config

/// A change of the configuration as a person would type it.
enum ConfigLine {
    /// `channels.discord.guilds."123".channels."456".allow: true`, `add "99" to channels.telegram.allowFrom`.
    static func text(_ change: AdmittingChange, in access: ChannelAccess) -> String {
        let (parts, value) = change.line(in: access)
        let path = path(parts)
        return switch value {
        case .bool(let value): "\(path): \(value)"
        case .text(let text): "\(path): \(quoted(text))"
        case .list(let list): "\(path): [\(list.map(quoted).joined(separator: ", "))]"
        case .object: "\(path): {}"
        case .element(let element): "add \(quoted(element)) to \(path)"
        }
    }

    static func path(_ parts: [String]) -> String {
        parts.map { isName($0) ? $0 : quoted($0) }.joined(separator: ".")
    }

    /// What JSON5 takes for a key without quotation marks.
    private static func isName(_ key: String) -> Bool {
        guard let first = key.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else { return false }
        return key.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }

    private static func quoted(_ text: String) -> String { "\"\(Shown.text(text, limit: 200))\"" }
}
