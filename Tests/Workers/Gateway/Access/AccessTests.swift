import Config
import IPCHub
import Testing

@testable import Gateway

@Suite("access")
struct AccessTests {
    private func decide(_ message: HubChatMessage, _ change: (inout ChannelAccess) -> Void = { _ in }) -> AccessDecision
    {
        var access = ChannelAccess(channel: "telegram", account: "default")
        change(&access)
        return AccessPolicy(access: access).decide(message)
    }

    private func group(_ sender: String = "1", id: String = "-100", mentioned: Bool = true) -> HubChatMessage {
        var message = Bench.message("hi", from: sender, chat: id)
        message.chatType = .group
        message.mentioned = mentioned
        return message
    }

    private func isDenied(_ decision: AccessDecision) -> Bool { if case .deny = decision { true } else { false } }

    @Test("without a configured sender nobody may talk")
    func defaultDeny() {
        #expect(
            decide(Bench.message(from: "123"))
                == .deny("not in channels.telegram.allowFrom — add \"123\" to it")
        )
        #expect(isDenied(decide(group())))
    }

    @Test(
        "a sender is admitted under every way to write it",
        arguments: ["1", "tg:1", "TG:1", "telegram:1", "name1", "@name1", "@NAME1", "telegram:@name1", "*"]
    )
    func spellings(entry: String) {
        #expect(decide(Bench.message(from: "1")) { $0.allowFrom = [entry] } == .allow)
    }

    @Test(
        "another's id or name admits nobody else",
        arguments: ["2", "11", "@name2", "name", "", "tg:", "@", "name1x"]
    )
    func others(entry: String) {
        #expect(isDenied(decide(Bench.message(from: "1")) { $0.allowFrom = [entry] }))
    }

    @Test("a sender without a name is not the empty entry")
    func nameless() {
        var message = Bench.message(from: "1")
        message.senderUsername = ""
        message.senderID = ""
        #expect(isDenied(decide(message) { $0.allowFrom = ["", "@", "tg:", "tg:@"] }))
    }

    @Test(
        "policies: open admits, disabled refuses those who are listed, pairing counts as an allowlist until it is built"
    )
    func dmPolicies() {
        #expect(decide(Bench.message()) { $0.dmPolicy = .open } == .allow)
        #expect(
            isDenied(
                decide(Bench.message()) {
                    $0.dmPolicy = .disabled
                    $0.allowFrom = ["1"]
                }
            )
        )
        #expect(
            decide(Bench.message()) {
                $0.dmPolicy = .pairing
                $0.allowFrom = ["1"]
            } == .allow
        )
    }

    @Test(
        "a group's sender must be on its list: the topic's, the group's, groupAllowFrom, allowFrom, the nearest counts"
    )
    func groupSenders() {
        var entry = GroupAccess()
        #expect(decide(group()) { $0.allowFrom = ["1"] } == .allow)
        #expect(
            isDenied(
                decide(group()) {
                    $0.allowFrom = ["1"]
                    $0.groupAllowFrom = []
                }
            )
        )
        entry.allowFrom = ["2"]
        let near = entry
        #expect(
            isDenied(
                decide(group()) {
                    $0.groupAllowFrom = ["1"]
                    $0.groups = ["-100": near]
                }
            )
        )
        var topic = GroupAccess()
        topic.allowFrom = ["1"]
        entry.topics = ["42": topic]
        let nearest = entry
        #expect(decide(group(id: "-100:topic:42")) { $0.groups = ["-100": nearest] } == .allow)
    }

    @Test("once groups are listed only these count, and a disabled one does not")
    func groupList() {
        var off = GroupAccess()
        off.enabled = false
        let disabled = off
        func change(_ groups: [String: GroupAccess]) -> (inout ChannelAccess) -> Void {
            {
                $0.allowFrom = ["1"]
                $0.groups = groups
            }
        }
        #expect(isDenied(decide(group(), change(["-200": GroupAccess()]))))
        #expect(decide(group(), change(["*": GroupAccess()])) == .allow)
        #expect(isDenied(decide(group(), change(["-100": disabled, "*": GroupAccess()]))))
        #expect(
            isDenied(
                decide(group()) {
                    $0.groupPolicy = .disabled; $0.groupAllowFrom = ["*"]
                }
            )
        )
        #expect(decide(group("99")) { $0.groupPolicy = .open } == .allow)
    }

    @Test("in a group the bot must be mentioned, unless topic, group or * says otherwise; that is no offence")
    func mention() {
        func with(_ groups: [String: GroupAccess]) -> AccessDecision {
            decide(group(mentioned: false)) {
                $0.allowFrom = ["1"]
                $0.groups = groups
            }
        }
        var free = GroupAccess()
        free.requireMention = false
        var strict = GroupAccess()
        strict.requireMention = true
        #expect(with([:]) == .quiet("the bot was not mentioned"))
        #expect(with(["*": free]) == .allow)
        #expect(with(["-100": free]) == .allow)
        #expect(with(["-100": strict, "*": free]) == .quiet("the bot was not mentioned"))
        #expect(with(["-100": GroupAccess(), "*": free]) == .allow)
    }

    @Test("one line per sender and ten minutes; senders remembered are bounded")
    func ignoredLog() {
        var ignored = IgnoredMessages()
        #expect(ignored.count(sender: "a", now: 0) == 0)
        #expect(ignored.count(sender: "a", now: 1) == nil)
        #expect(ignored.count(sender: "a", now: 600_000) == 1)
        for index in 0..<IgnoredMessages.senderLimit { _ = ignored.count(sender: "s\(index)", now: 700_000) }
        #expect(ignored.count(sender: "a", now: 700_001) == 0)
        #expect(ignored.total == 4 + IgnoredMessages.senderLimit)
    }
}

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
