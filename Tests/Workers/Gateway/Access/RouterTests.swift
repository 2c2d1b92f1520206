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
