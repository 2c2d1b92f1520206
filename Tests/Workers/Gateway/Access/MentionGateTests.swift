import Config
import IPCHub
import Testing

@testable import Gateway

@Suite("mentions and commands")
struct MentionGateTests {
    private func group(_ text: String, _ change: (inout HubChatMessage) -> Void = { _ in }) -> HubChatMessage {
        var message = Bench.message(text, from: "7", chat: "-100")
        message.chatType = .group
        change(&message)
        return message
    }

    private func decide(
        _ message: HubChatMessage,
        allowFrom: [String] = ["7"],
        policy: ChannelAccess.GroupPolicy = .open,
        channel: String = "telegram",
        commands: CommandsConfig = CommandsConfig(),
        _ change: (inout AccessPolicy.Circumstances) -> Void = { _ in }
    ) -> AccessDecision {
        var access = ChannelAccess(channel: channel, account: "default")
        access.allowFrom = allowFrom
        access.groupPolicy = policy
        var circumstances = AccessPolicy.Circumstances()
        change(&circumstances)
        return AccessPolicy(access: access, commands: commands).decide(message, circumstances)
    }

    private let called = AccessGrant(mayCommand: true, wasMentioned: true)
    private let uncalled = AccessGrant(mayCommand: true, wasMentioned: false)

    private func isQuiet(_ decision: AccessDecision) -> Bool { if case .quiet = decision { true } else { false } }

    @Test("a pattern of the agent counts as a mention, in any case, and other words do not")
    func patterns() throws {
        let pattern = try MentionPattern("\\bclawd\\b")
        #expect(decide(group("hey Clawd!")) { $0.patterns = [pattern] } == .allow(called))
        #expect(isQuiet(decide(group("hey clawdia")) { $0.patterns = [pattern] }))
        #expect(decide(group("hey", { $0.mentioned = true })) == .allow(called))
    }

    @Test("where nobody can be seen to mention the bot the gate stands open, unless there are patterns")
    func blind() throws {
        let pattern = try MentionPattern("clawd")
        #expect(decide(group("hi")) { $0.canSeeMentions = false } == .allow(uncalled))
        #expect(
            isQuiet(
                decide(group("hi")) {
                    $0.canSeeMentions = false; $0.patterns = [pattern]
                }
            )
        )
    }

    @Test("/activation of the session goes before the configuration")
    func activation() {
        #expect(decide(group("hi")) { $0.activation = false } == .allow(uncalled))
        var access = ChannelAccess(channel: "telegram", account: "default")
        access.groupPolicy = .open
        var free = GroupAccess()
        free.requireMention = false
        access.groups = ["*": free]
        var circumstances = AccessPolicy.Circumstances()
        circumstances.activation = true
        #expect(isQuiet(AccessPolicy(access: access).decide(group("hi"), circumstances)))
    }

    @Test("only on WhatsApp a pattern yields to the mention of somebody else")
    func yields() throws {
        let pattern = try MentionPattern("clawd")
        let message = group("clawd, ask @bob", { $0.mentionsOthers = true })
        #expect(decide(message) { $0.patterns = [pattern] } == .allow(called))
        #expect(
            isQuiet(
                decide(message) {
                    $0.patterns = [pattern]; $0.patternsYieldToMentions = true
                }
            )
        )
    }

    @Test("a native command and a button are meant for the bot", arguments: [HubChatMessage.Kind.command, .button])
    func native(kind: HubChatMessage.Kind) {
        #expect(decide(group("/status") { $0.kind = kind }) == .allow(called))
    }

    @Test("a command of somebody who may needs no mention, unless it names somebody else")
    func bypass() {
        #expect(decide(group("/new")) == .allow(uncalled))
        #expect(decide(group("/stop@my_bot")) == .allow(uncalled))
        #expect(isQuiet(decide(group("/new", { $0.mentionsOthers = true }))))
        #expect(isQuiet(decide(group("/unknown"))))
        #expect(isQuiet(decide(group("say /new"))))
    }

    @Test("a command of somebody on no list is dropped in a group, with the reason; anything else he may say")
    func unauthorized() {
        guard case .deny(let refusal) = decide(group("/new", { $0.mentioned = true }), allowFrom: ["8"]) else {
            return #expect(Bool(false))
        }
        #expect(refusal.kind == .command)
        #expect(!refusal.isAnswered)
        #expect(refusal.admit == "add \"7\" to channels.telegram.allowFrom")
        #expect(
            decide(group("hi", { $0.mentioned = true }), allowFrom: ["8"])
                == .allow(AccessGrant(mayCommand: false, wasMentioned: true))
        )
        guard case .deny(let native) = decide(group("/new", { $0.kind = .command }), allowFrom: ["8"]) else {
            return #expect(Bool(false))
        }
        #expect(native.isAnswered)
    }

    @Test("in a direct chat an unauthorized command is plain text, a native one is answered")
    func direct() {
        var access = ChannelAccess(channel: "telegram", account: "default")
        access.dmPolicy = .open
        #expect(
            AccessPolicy(access: access).decide(Bench.message("/new"))
                == .allow(AccessGrant(mayCommand: false, wasMentioned: true))
        )
        var native = Bench.message("/new")
        native.kind = .command
        guard case .deny(let refusal) = AccessPolicy(access: access).decide(native) else { return #expect(Bool(false)) }
        #expect(refusal.isAnswered)
    }

    @Test("without access groups everybody may, on Discord only where nothing is listed")
    func accessGroups() {
        var off = CommandsConfig()
        off.useAccessGroups = false
        let message = group("/new", { $0.mentioned = true })
        #expect(decide(message, allowFrom: ["8"], commands: off) == .allow(called))
        let guild = group("/new") {
            $0.mentioned = true; $0.place.guildID = "1"
        }
        #expect(decide(guild, allowFrom: [], channel: "discord", commands: off) == .allow(called))
        guard case .deny = decide(guild, allowFrom: ["8"], channel: "discord", commands: off) else {
            return #expect(Bool(false))
        }
        guard case .deny = decide(guild, allowFrom: [], channel: "discord") else { return #expect(Bool(false)) }
    }

    @Test(
        "commands are known by their first word",
        arguments: ["/new", " /NEW opus", "/status:", "/model@bot x", "/dock-telegram", "/t"]
    )
    func commands(text: String) {
        #expect(ControlCommand.isOne(text))
    }

    @Test("other words with a slash are text", arguments: ["/", "/newer", "new", "a /new", "", "//new", "/ new"])
    func noCommands(text: String) {
        #expect(!ControlCommand.isOne(text))
    }
}
