import Config
import IPCControl
import Testing

@testable import Plan

@Suite("A configuration that is not as it should be")
struct FailureTests {
    let good = #"{channels: {telegram: {botToken: "123456:ABC-def_ghi", allowFrom: [42]}}}"#

    @Test("a file that does not parse leaves the last accepted one in force, loudly, with the line")
    func lastAccepted() throws {
        let plan = try makePlan("{\n  channels: {\n", files: ["/data/clawhold/accepted-openclaw.json": good])
        #expect(plan.workers.contains("channel:telegram:default"))
        #expect(try plan.gateway().channels.first?.allowFrom == ["42"])
        #expect(try plan.gateway().file.state == .lastAccepted)
        #expect(
            plan.notices.first?.hasPrefix(
                "error /data/openclaw.json cannot be used: JSON5 parse failed: line 3, column 1:"
            ) == true
        )
        #expect(plan.accepted["openclaw.json"] == nil)
    }

    @Test(
        "without an accepted one there are no channels, not even those of the environment, and the port opens",
        arguments: ["", "{", "[]", "null", "{$include: './missing.json'}"]
    )
    func unusable(text: String) throws {
        let plan = try makePlan(text, arguments: [], environment: ["TELEGRAM_BOT_TOKEN": telegramToken])
        #expect(!plan.workers.contains { $0.hasPrefix("channel:") })
        #expect(plan.workers.contains("gateway"))
        #expect(try plan.gateway().file.state == .unusable)
        #expect(try plan.gateway().auth.usable)
        #expect(plan.notices.first?.contains("No configuration was ever accepted: no channel is started.") == true)
    }

    @Test("when the token stands in a file that cannot be read, the port opens and nobody gets in")
    func unusableToken() throws {
        let plan = try makePlan("{gateway: {auth: {token:", environment: ["OPENCLAW_GATEWAY_TOKEN": ""])
        #expect(try plan.gateway().auth.usable == false)
        #expect(plan.secrets("gateway") == [:])
        let unmet = try makePlan("{gateway: {auth: {token: '${NOT_SET}'}}}")
        #expect(try unmet.gateway().auth.usable == false)
        #expect(
            unmet.complaints.contains { $0.hasPrefix("error line 1: gateway.auth.token: Missing env var \"NOT_SET\"") }
        )
    }

    @Test("strict, the same is exit code 78")
    func strict() throws {
        let arguments = ["--allow-unconfigured", "--strict-config"]
        #expect(refusal("{", arguments: arguments, environment: [:])?.code == 78)
        #expect(
            refusal("{foo: 1}", arguments: arguments, environment: [:])?.text.contains(
                "  - foo: Unrecognized key: \"foo\""
            ) == true
        )
    }

    @Test("an unknown key is one warning with path and line, and costs nothing")
    func unknownKey() throws {
        let plan = try makePlan(
            """
            {
              channels: { telegram: {
                botToken: "123456:ABC-def_ghi",
                alowFrom: [1],
              } },
              gatewey: {},
            }
            """,
            environment: ["ANTHROPIC_API_KEY": "k"]
        )
        #expect(
            plan.complaints == [
                "warn line 4: channels.telegram.alowFrom: Unrecognized key: \"alowFrom\"",
                "warn line 6: gatewey: Unrecognized key: \"gatewey\"",
            ]
        )
        #expect(plan.workers.contains("channel:telegram:default"))
    }

    @Test("a wrong type costs one account, one provider, one binding, and nothing beside it")
    func smallestPart() throws {
        let plan = try makePlan(
            """
            {
              channels: { telegram: { accounts: {
                good: { botToken: "1:a" }, typed: { botToken: "2:b", allowFrom: "123" },
                unset: { botToken: "${MISSING_TOKEN}" }, open: { botToken: "3:c", dmPolicy: "open" },
              } } },
              models: { providers: { anthropic: { baseUrl: 7 } } },
              bindings: [{ agentId: "main" }, { agentId: "main", match: { channel: "Telegram" } }, 7],
              agents: { list: [{ id: 5 }, { id: "Work Agent", default: true, model: 7 }] },
              session: { dmScope: "everyone" },
            }
            """,
            environment: ["ANTHROPIC_API_KEY": "k"]
        )
        #expect(plan.workers == ["gateway", "agent:work-agent", "channel:telegram:good"])
        let gateway = try plan.gateway()
        #expect(gateway.bindings == [BindingRule(agentID: "main", channel: "telegram")])
        #expect(gateway.session.dmScope == .perAccountChannelPeer)
        #expect(gateway.demoModel == nil)
        #expect(gateway.agent("work-agent").model.primary.unavailable.contains("cannot be read"))
        #expect(
            Set(gateway.file.problems.map(\.disables).filter { !$0.isEmpty }) == [
                "channel:telegram:typed", "channel:telegram:unset", "channel:telegram:open", "model:anthropic",
                "bindings.0",
                "bindings.2", "agents.list.0.id", "agents.list.1.model", "session.dmScope",
            ]
        )
        #expect(
            gateway.file.problems.first { $0.disables == "channel:telegram:unset" }?.text
                == "Missing env var \"MISSING_TOKEN\" referenced at config path: channels.telegram.accounts.unset.botToken"
        )
    }

    @Test(
        "a wrong access list of the channel stops every account that inherits it",
        arguments: [
            "allowFrom: [{}]", "allowFrom: ['${NOBODY}']", "dmPolicy: 'everybody'", "groups: []", "dmPolicy: 'open'",
        ]
    )
    func failsClosed(setting: String) throws {
        let plan = try makePlan("{channels: {telegram: {\(setting), accounts: {a: {botToken: '1:a'}}}}}")
        #expect(!plan.workers.contains { $0.hasPrefix("channel:") })
    }

    @Test("a broken default for groups closes groups")
    func groupDefault() throws {
        let telegram = "telegram: {botToken: '1:a'}"
        let broken = try makePlan("{channels: {defaults: {groupPolicy: 5}, \(telegram)}}")
        #expect(try broken.gateway().channels.first?.groupPolicy == .disabled)
        let open = try makePlan("{channels: {defaults: {groupPolicy: 'open'}, \(telegram)}}")
        #expect(try open.gateway().channels.first?.groupPolicy == .open)
    }

    @Test("hostile keys cannot break a log line, and thousands of faults are not thousands of lines")
    func hostileKeys() throws {
        let many = (0..<9000).map { "{agentId: \($0)}" }.joined(separator: ",")
        let plan = try makePlan("{\"a\\n[gateway] listening\\u0007\": 1, bindings: [\(many)]}")
        #expect(plan.notices.allSatisfy { !$0.contains("\n") && !$0.contains("\u{7}") })
        #expect(plan.notices.count < 110)
        #expect(try plan.gateway().auth.usable == false)
    }
}
