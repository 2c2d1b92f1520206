import Config
import Testing

@Suite("Every channel account that is written down")
struct ChannelListingTests {
    private func listings(_ text: String, _ environment: [String: String] = [:]) throws -> [String] {
        let texts = text.isEmpty ? [:] : ["/s/openclaw.json": text]
        let config = loaded(texts, environment: environment).config
        return config.channelListings().map { listing in
            [
                listing.worker, listing.tokenSource.rawValue, listing.isEnabled ? "" : "off",
                listing.isSupported ? "" : "unsupported", listing.name,
            ].filter { !$0.isEmpty }.joined(separator: " ")
        }
    }

    @Test("is listed with where its token comes from, whether it is on, and what it is called; no token is in it")
    func accounts() throws {
        #expect(try listings("{}") == [])
        #expect(
            try listings("", ["TELEGRAM_BOT_TOKEN": "1:x", "DISCORD_BOT_TOKEN": "y"]) == [
                "channel:telegram:default env", "channel:discord:default env",
            ]
        )
        #expect(
            try listings(
                """
                { channels: {
                  defaults: { groupPolicy: "open" },
                  telegram: { botToken: "1:secret", name: "Top", accounts: {
                    Work: { tokenFile: "/t", name: "Office" }, off: { botToken: "2:x", enabled: false }, none: {} } },
                  discord: { enabled: false },
                  matrix: {},
                } }
                """,
                ["TELEGRAM_BOT_TOKEN": "3:x"]
            ) == [
                "channel:telegram:default config Top", "channel:telegram:work tokenFile Office",
                "channel:telegram:off config off", "channel:telegram:none none", "channel:discord:default none off",
                "channel:matrix:default none unsupported",
            ]
        )
    }

    @Test("what is no object and far too many accounts do no harm")
    func hostile() throws {
        #expect(try listings("{ channels: { telegram: 7, discord: [], x: null } }").count <= 3)
        let many = (0..<500).map { "a\($0): {}" }.joined(separator: ",")
        #expect(
            try listings("{ channels: { telegram: { accounts: { \(many) } } } }").count == LoadedConfig.accountLimit
        )
        let networks = (0..<500).map { "n\($0): {}" }.joined(separator: ",")
        #expect(try listings("{ channels: { \(networks) } }").count == 2 * LoadedConfig.accountLimit)
    }
}
