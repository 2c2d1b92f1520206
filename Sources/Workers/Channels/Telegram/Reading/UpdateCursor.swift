/// Where polling goes on: `<bot>:<update>:<menu>`, the last update that is journaled, the bot whose number it is, and the
/// menu that it was told to show. Either may be absent: `7::`, `7:12`.
///
/// Another bot counts its updates by itself, so with another token the cursor says nothing.
struct UpdateCursor: Equatable {
    var bot: Int64
    var update: Int64?
    /// `MenuCommand.hash`; "" when Telegram was told of none.
    var menu = ""

    init(bot: Int64, update: Int64? = nil, menu: String = "") {
        self.bot = bot
        self.update = update
        self.menu = menu
    }

    init?(decoding bytes: some Sequence<UInt8>) {
        let parts = String(decoding: Array(bytes), as: UTF8.self).split(
            separator: ":",
            omittingEmptySubsequences: false
        )
        guard (2...3).contains(parts.count), let bot = Int64(parts[0]) else { return nil }
        if parts[1].isEmpty {
            update = nil
        } else {
            guard let number = Int64(parts[1]), number >= 0, number < Int64.max else { return nil }
            update = number
        }
        self.bot = bot
        menu = parts.count == 3 ? String(parts[2].prefix(32)) : ""
    }

    var encoded: [UInt8] { Array("\(bot):\(update.map { String($0) } ?? ""):\(menu)".utf8) }
}
