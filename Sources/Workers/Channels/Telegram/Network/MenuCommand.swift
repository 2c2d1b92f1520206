internal import IPCControl

/// A line of the bot's menu.
struct MenuCommand: Decodable, Equatable, Sendable {
    var name: String
    var summary: String

    /// Telegram takes 100 commands of `[a-z0-9_]{1,32}` with 1 to 256 characters of description (setMyCommands).
    static let limit = 100

    /// Those that Telegram takes; the others would have it refuse the whole menu.
    static func valid(_ commands: [MenuCommand]) -> [MenuCommand] {
        var names: Set<String> = []
        return commands.filter { command in
            let isName =
                (1...32).contains(command.name.utf8.count)
                && command.name.utf8.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                        UInt8(ascii: "_"):
                        true
                    default: false
                    }
                }
            return isName && !command.summary.isEmpty && names.insert(command.name).inserted
        }.prefix(limit).map { MenuCommand(name: $0.name, summary: String($0.summary.prefix(256))) }
    }

    /// Tells one menu from another: kept in the cursor, so that Telegram is told of a menu once.
    static func hash(_ commands: [MenuCommand]) -> String {
        let text = commands.map { "\($0.name)\u{0}\($0.summary)\u{0}" }.joined()
        return SHA256.hmac(key: [], message: text.utf8).prefix(8).map { byte in
            let hex = String(byte, radix: 16)
            return hex.count == 1 ? "0" + hex : hex
        }.joined()
    }
}
