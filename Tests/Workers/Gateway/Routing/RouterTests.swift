import Config
import IPCHub
import Testing

@testable import Gateway

@Suite("routing")
struct RouterTests {
    private let access = ChannelAccess(channel: "telegram", account: "default")

    private func key(_ scope: SessionConfig.DMScope) -> String {
        var config = Bench.config()
        config.session.dmScope = scope
        return Router(config: config).route(Bench.message(from: "ABC"), access: access).sessionKey
    }

    @Test("direct messages go to the session that dmScope says")
    func scopes() {
        #expect(key(.main) == "agent:main:main")
        #expect(key(.perPeer) == "agent:main:dm:abc")
        #expect(key(.perChannelPeer) == "agent:main:telegram:dm:abc")
        #expect(key(.perAccountChannelPeer) == "agent:main:telegram:default:dm:abc")
    }

    @Test("a linked identity is one person over channels, but never in a group")
    func identityLinks() {
        var config = Bench.config()
        config.session.dmScope = .perPeer
        config.session.identityLinks = ["ann": ["telegram:7", "discord:8"]]
        let router = Router(config: config)
        #expect(router.route(Bench.message(from: "7"), access: access).sessionKey == "agent:main:dm:ann")
        var message = Bench.message(from: "7", chat: "-100:topic:42")
        message.chatType = .group
        #expect(router.route(message, access: access).sessionKey == "agent:main:telegram:group:-100:topic:42")
    }

    @Test("bindings: the peer, then the account, then any account; an absent account is only the default one")
    func bindings() {
        var config = Bench.config()
        config.agents += [AgentRoute(id: "peer"), AgentRoute(id: "account"), AgentRoute(id: "any")]
        var peer = BindingRule(agentID: "peer", channel: "telegram")
        peer.peerKind = "dm"
        peer.peerID = "7"
        var any = BindingRule(agentID: "any", channel: "telegram")
        any.accountID = "*"
        config.bindings = [any, BindingRule(agentID: "account", channel: "telegram"), peer]
        let router = Router(config: config)
        var work = access
        work.account = "work"
        #expect(router.route(Bench.message(from: "7"), access: access).agentID == "peer")
        #expect(router.route(Bench.message(from: "8"), access: access).agentID == "account")
        #expect(router.route(Bench.message(from: "8"), access: work).agentID == "any")
        config.bindings = [BindingRule(agentID: "gone", channel: "telegram")]
        #expect(Router(config: config).route(Bench.message(), access: access).agentID == "main")
        config.bindings = [BindingRule(agentID: "any", channel: "discord")]
        #expect(Router(config: config).route(Bench.message(), access: access).agentID == "main")
    }

    @Test("every tier of the bindings, the first of each counts, and what decided is told")
    func tiers() {
        func rule(_ agent: String, _ change: (inout BindingRule) -> Void) -> BindingRule {
            var rule = BindingRule(agentID: agent, channel: "discord")
            change(&rule)
            return rule
        }
        var config = Bench.config()
        let names = ["p", "p2", "g", "a", "c"]
        config.agents += names.map { AgentRoute(id: $0) }
        config.bindings = [
            rule("c") { $0.accountID = "*" },
            rule("a") { $0.accountID = "Work" },
            rule("g") {
                $0.accountID = "*"
                $0.guildID = "123"
            },
            rule("p") {
                $0.accountID = "*"
                $0.peerKind = "channel"
                $0.peerID = "456"
            },
            rule("p2") {
                $0.accountID = "*"
                $0.peerKind = "channel"
                $0.peerID = "456"
            },
        ]
        var work = ChannelAccess(channel: "discord", account: "work")
        var message = Bench.message(from: "7", chat: "456")
        message.chatType = .channel
        message.place.guildID = "123"
        message.place.channelID = "456"
        func decided() -> String {
            let route = Router(config: config).route(message, access: work)
            return "\(route.agentID) \(route.matchedBy.rawValue)"
        }
        #expect(decided() == "p binding.peer")
        // A thread is a peer of its own, and inherits nothing of its channel but the guild.
        message.place.parentID = "456"
        message.place.channelID = "789"
        #expect(decided() == "g binding.guild")
        message.place.guildID = "124"
        #expect(decided() == "a binding.account")
        work.account = "home"
        #expect(decided() == "c binding.channel")
        config.bindings = []
        #expect(decided() == "main default")
    }

    @Test("a binding with a peer and a guild counts for either; a team is a team only where there are teams")
    func independent() {
        var config = Bench.config()
        config.agents.append(AgentRoute(id: "both"))
        var both = BindingRule(agentID: "both", channel: "discord")
        both.peerKind = "channel"
        both.peerID = "999"
        both.guildID = "123"
        config.bindings = [both]
        let discord = ChannelAccess(channel: "discord", account: "default")
        var message = Bench.message(from: "7", chat: "456")
        message.chatType = .channel
        message.place.guildID = "123"
        #expect(Router(config: config).route(message, access: discord).matchedBy == .guild)
        var team = BindingRule(agentID: "both", channel: "slack")
        team.teamID = "123"
        config.bindings = [team]
        #expect(Router(config: config).route(message, access: discord).matchedBy == .default)
        let slack = ChannelAccess(channel: "slack", account: "default")
        #expect(Router(config: config).route(message, access: slack).matchedBy == .team)
    }

    @Test(
        "threads: Discord's are channels of their own, Telegram's topics are in the group's id, those of direct chats a suffix"
    )
    func threads() {
        let router = Router(config: Bench.config())
        var thread = Bench.message(from: "7", chat: "789")
        thread.chatType = .channel
        thread.thread = "789"
        thread.place.channelID = "789"
        thread.place.parentID = "456"
        let discord = ChannelAccess(channel: "discord", account: "default")
        #expect(router.route(thread, access: discord).sessionKey == "agent:main:discord:channel:789")
        var topic = Bench.message(from: "7", chat: "-100:topic:42")
        topic.chatType = .group
        topic.thread = "42"
        #expect(router.route(topic, access: access).sessionKey == "agent:main:telegram:group:-100:topic:42")
        var direct = Bench.message(from: "7")
        direct.thread = "5"
        #expect(router.route(direct, access: access).sessionKey == "agent:main:main:thread:5")
    }

    @Test("linked identities count in every scope but main, and never leave their account's part of the key")
    func linkedScopes() {
        var config = Bench.config()
        config.session.identityLinks = [" Ann ": ["Telegram:7"]]
        var work = access
        work.account = "work"
        func key(_ scope: SessionConfig.DMScope) -> String {
            config.session.dmScope = scope
            return Router(config: config).route(Bench.message(from: "7"), access: work).sessionKey
        }
        #expect(key(.main) == "agent:main:main")
        #expect(key(.perPeer) == "agent:main:dm:ann")
        #expect(key(.perChannelPeer) == "agent:main:telegram:dm:ann")
        #expect(key(.perAccountChannelPeer) == "agent:main:telegram:work:dm:ann")
    }

    @Test(
        "a client's key in its canonical form",
        arguments: [
            ("main", "agent:main:main"), ("", "agent:main:main"), (" Main ", "agent:main:main"),
            ("agent:main:X", "agent:main:x"), ("AGENT:MAIN:", "agent:main:main"), ("agent:main:a:b", "agent:main:a:b"),
        ]
    )
    func canonical(raw: String, canonical: String) {
        #expect(Router(config: Bench.config()).canonical(raw)?.sessionKey == canonical)
    }

    @Test(
        "stop words are whole messages",
        arguments: ["/stop", " STOP ", "/stop@my_bot", "/stop:", "esc\n", "Interrupt"]
    )
    func stop(text: String) {
        #expect(StopWord.isStop(text))
    }

    @Test("a sentence with a stop word is none", arguments: ["stop it", "/stopped", "", "@stop", "please stop", "/"])
    func noStop(text: String) {
        #expect(!StopWord.isStop(text))
    }
}
