import Testing

@testable import Config

@Suite("What of Telegram's configuration reaches its worker")
struct TelegramViewTests {
    private func account(_ telegram: String, _ rest: String = "", own: String = "{}") throws -> TelegramAccount {
        let texts = ["/s/openclaw.json": "{channels: {telegram: \(telegram)}\(rest)}", "/s/clawhold.json": own]
        var config = loaded(texts).config
        return try #require(config.telegramAccounts(files: MemoryFiles()).first)
    }

    @Test("a webhook's keys and its secret, the secret apart from the rest")
    func webhook() throws {
        let set = try account(
            "{botToken: '1:a', webhookUrl: 'https://a.b/c', webhookSecret: ' s3 ', webhookPort: 9000, webhookHost: '127.0.0.1', webhookPath: '/c'}"
        )
        #expect(set.config.webhookURL == "https://a.b/c" && set.config.webhookPort == 9000)
        #expect(set.config.webhookHost == "127.0.0.1" && set.config.webhookPath == "/c" && set.webhookSecret == "s3")
        let plain = try account("{botToken: '1:a'}")
        #expect(plain.config.webhookURL.isEmpty && plain.webhookSecret.isEmpty && plain.config.webhookPort == 8787)
    }

    @Test("the menu is the list of all commands, and off is an empty one")
    func commands() throws {
        #expect(try account("{botToken: '1:a'}").config.commands == NativeCommand.all)
        #expect(try account("{botToken: '1:a', commands: {native: false}}").config.commands == [])
        #expect(try account("{botToken: '1:a'}", ", commands: {native: false}").config.commands == [])
        #expect(
            try account("{botToken: '1:a', commands: {native: true}}", ", commands: {native: false}").config.commands
                == NativeCommand.all
        )
    }

    @Test("what privacy mode would keep back is wanted by a group without a gate, by one of its topics, by patterns")
    func privacy() throws {
        func needs(_ groups: String, _ rest: String = "") throws -> Bool {
            try account("{botToken: '1:a', groups: \(groups)}", rest).config.needsAllMessages
        }
        #expect(try needs("{'-5': {requireMention: false}}"))
        #expect(try needs("{'-5': {topics: {'3': {requireMention: false}}}}"))
        #expect(try !needs("{'-5': {requireMention: false, enabled: false}}"))
        #expect(try !needs("{'-5': {requireMention: true}}"))
        #expect(try needs("{'-5': {}}", ", messages: {groupChat: {mentionPatterns: ['claw']}}"))
    }

    @Test("groups with numbers are those to ask about; the size of files is bounded; pacing is our own setting")
    func others() throws {
        let set = try account(
            "{botToken: '1:a', mediaMaxMb: 900, groups: {'-7': {}, '*': {}, '-1001': {}, 'x': {}}}",
            own: "{channels: {telegram: {pacing: false}}}"
        )
        #expect(set.config.groups == [-1001, -7] && set.config.mediaMaxMegabytes == 50 && set.config.pacing == false)
        let fraction = try account("{botToken: '1:a', mediaMaxMb: 0.5}")
        #expect(fraction.config.mediaMaxMegabytes == 1 && fraction.config.pacing == nil)
    }
}
