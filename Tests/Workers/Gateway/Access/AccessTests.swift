import Config
import IPCHub
import Testing

@testable import Gateway

@Suite("access")
struct AccessTests {
    private func decide(_ message: HubChatMessage, _ change: (inout ChannelAccess) -> Void = { _ in }) -> AccessDecision
    {
        var access = ChannelAccess(channel: "telegram", account: "default")
        access.dmPolicy = .allowlist
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
    private func isAllowed(_ decision: AccessDecision) -> Bool { if case .allow = decision { true } else { false } }
    private func isQuiet(_ decision: AccessDecision) -> Bool { if case .quiet = decision { true } else { false } }

    @Test("without a configured sender nobody may talk")
    func defaultDeny() {
        #expect(
            AccessPolicy(access: ChannelAccess(channel: "telegram", account: "a")).decide(Bench.message()) == .pairing
        )
        guard case .deny(let refusal) = decide(Bench.message(from: "123")) else {
            return #expect(Bool(false))
        }
        #expect(refusal.kind == .sender)
        #expect(refusal.text == "not in channels.telegram.allowFrom — add \"123\" to channels.telegram.allowFrom")
        #expect(isDenied(decide(group())))
    }

    @Test(
        "a sender is admitted under every way to write it",
        arguments: ["1", "tg:1", "TG:1", "telegram:1", "name1", "@name1", "@NAME1", "telegram:@name1", "*"]
    )
    func spellings(entry: String) {
        #expect(isAllowed(decide(Bench.message(from: "1")) { $0.allowFrom = [entry] }))
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
        #expect(isDenied(decide(message) { $0.dmPolicy = .pairing }))
    }

    @Test(
        "policies: open admits, disabled refuses those who are listed, pairing admits those who are listed"
    )
    func dmPolicies() {
        #expect(isAllowed(decide(Bench.message()) { $0.dmPolicy = .open }))
        #expect(
            isDenied(
                decide(Bench.message()) {
                    $0.dmPolicy = .disabled
                    $0.allowFrom = ["1"]
                }
            )
        )
        let listed = decide(Bench.message()) {
            $0.dmPolicy = .pairing
            $0.allowFrom = ["1"]
        }
        #expect(listed == .allow(AccessGrant(mayCommand: true, wasMentioned: true, isOwner: true)))
    }

    @Test(
        "a group's sender must be on its list: the topic's, the group's, groupAllowFrom, allowFrom, the nearest counts"
    )
    func groupSenders() {
        var entry = GroupAccess()
        #expect(isAllowed(decide(group()) { $0.allowFrom = ["1"] }))
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
        #expect(isAllowed(decide(group(id: "-100:topic:42")) { $0.groups = ["-100": nearest] }))
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
        #expect(isAllowed(decide(group(), change(["*": GroupAccess()]))))
        #expect(isDenied(decide(group(), change(["-100": disabled, "*": GroupAccess()]))))
        #expect(
            isDenied(
                decide(group()) {
                    $0.groupPolicy = .disabled; $0.groupAllowFrom = ["*"]
                }
            )
        )
        #expect(isAllowed(decide(group("99")) { $0.groupPolicy = .open }))
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
        #expect(isQuiet(with([:])))
        #expect(isAllowed(with(["*": free])))
        #expect(isAllowed(with(["-100": free])))
        #expect(isQuiet(with(["-100": strict, "*": free])))
        #expect(isAllowed(with(["-100": GroupAccess(), "*": free])))
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
