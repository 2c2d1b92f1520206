/// Where polling goes on: `<bot>:<update>`, the last update that is journaled and the bot whose number it is.
///
/// Another bot counts its updates by itself, so with another token the cursor says nothing.
struct UpdateCursor: Equatable {
    var bot: Int64
    var update: Int64

    init(bot: Int64, update: Int64) {
        self.bot = bot
        self.update = update
    }

    init?(decoding bytes: some Sequence<UInt8>) {
        let parts = String(decoding: Array(bytes), as: UTF8.self).split(
            separator: ":",
            omittingEmptySubsequences: false
        )
        guard parts.count == 2, let bot = Int64(parts[0]), let update = Int64(parts[1]), update >= 0,
            update < Int64.max
        else { return nil }
        self.init(bot: bot, update: update)
    }

    var encoded: [UInt8] { Array("\(bot):\(update)".utf8) }
}
