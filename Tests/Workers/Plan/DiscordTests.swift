import Config
import Testing

@testable import Plan

@Suite("Discord in the plan")
struct DiscordPlanTests {
    private let token = "MTA.discord.token"

    @Test("a token in the environment alone is an account, closed to groups that nobody named")
    func environmentAlone() throws {
        let plan = try makePlan(environment: ["DISCORD_BOT_TOKEN": "Bot \(token)"])
        #expect(plan.workers.contains("channel:discord:default"))
        #expect(plan.secrets("channel:discord:default") == ["DISCORD_BOT_TOKEN": token])
        let access = try #require(try plan.gateway().channels.first)
        #expect(access.channel == "discord" && access.groupPolicy == .allowlist && access.dmPolicy == .pairing)
        #expect(access.textChunkLimit == 2000 && access.maxLines == 17 && access.historyLimit == 20)
        let config = try plan.config("channel:discord:default", as: DiscordConfig.self)
        #expect(config.apiRoot == "https://discord.com" && config.commands?.contains { $0.name == "status" } == true)
    }

    @Test("every access key of the file reaches the gateway, and rooms named by id are watched")
    func accessKeys() throws {
        let plan = try makePlan(
            """
            { channels: { discord: { token: "\(token)", allowBots: true, maxLinesPerMessage: 5, replyToMode: "first",
              mediaMaxMb: 3, intents: { guildMembers: true }, commands: { native: false },
              dm: { policy: "allowlist", allowFrom: [123], groupEnabled: true, groupChannels: ["team"] },
              guilds: { "*": { requireMention: false, users: ["ada"], roles: [7], channels: {
                "820000000000000001": { allow: true, systemPrompt: "Be brief", autoThread: true }, general: { allow: false } } } } } } }
            """,
            environment: ["ANTHROPIC_API_KEY": "k"]
        )
        #expect(plan.complaints == [])
        let access = try #require(try plan.gateway().channels.first)
        #expect(access.dmPolicy == .allowlist && access.allowFrom == ["123"])
        #expect(access.groupDMs && access.groupDMChannels == ["team"] && access.allowBots && access.maxLines == 5)
        let guild = try #require(access.guilds?["*"])
        #expect(guild.requireMention == false && guild.users == ["ada"] && guild.roles == ["7"])
        let room = try #require(guild.channels?["820000000000000001"])
        #expect(room.systemPrompt == "Be brief" && room.autoThread)
        #expect(guild.channels?["general"]?.isAllowed == false)
        let config = try plan.config("channel:discord:default", as: DiscordConfig.self)
        #expect(config.watchedChannels == ["820000000000000001"] && config.replyToMode == "first")
        #expect(config.mediaMaxMegabytes == 3 && config.guildMembersIntent && config.commands == [])
    }

    @Test("apiRoot counts in clawhold.json only, and a wrong one keeps the channel off")
    func apiRoot() throws {
        func plan(_ own: String) throws -> MadePlan {
            try makePlan(
                "{ channels: { discord: { token: \"\(token)\" } } }",
                files: ["/data/clawhold.json": own]
            )
        }
        let good = try plan(#"{ channels: { discord: { apiRoot: "http://127.0.0.1:9/" } } }"#)
        #expect(try good.config("channel:discord:default", as: DiscordConfig.self).apiRoot == "http://127.0.0.1:9")
        let bad = try plan(#"{ channels: { discord: { apiRoot: "ftp://x" } } }"#)
        #expect(!bad.workers.contains("channel:discord:default"))
    }

    @Test("accounts have tokens of their own; the same token twice, none, or an impossible one is off and said")
    func accounts() throws {
        let plan = try makePlan(
            """
            { channels: { discord: { accounts: { one: { token: "MTA.a.b" }, two: { token: "MTA.a.b" }, three: {},
              four: { token: "MTA a" } } } } }
            """
        )
        #expect(plan.workers.filter { $0.hasPrefix("channel:") } == ["channel:discord:one"])
        #expect(
            try plan.gateway().file.problems.map(\.disables) == [
                "channel:discord:two", "channel:discord:three", "channel:discord:four",
            ]
        )
    }

    @Test("a wrong value keeps the whole channel off: access never falls open")
    func wrongValue() throws {
        let plan = try makePlan("{ channels: { discord: { token: \"\(token)\", guilds: { \"1\": { users: 5 } } } } }")
        #expect(!plan.workers.contains("channel:discord:default"))
    }
}
