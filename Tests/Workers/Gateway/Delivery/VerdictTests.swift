import Config
import IPCHub
import Testing

@testable import Gateway
@testable import Journal

@Suite("verdicts")
struct VerdictTests {
    private func notes(_ bench: Bench) throws -> [IgnoredItem] {
        try bench.journal.ignored(of: [Bench.channel], limit: 500)
    }

    @Test("a stranger gets a pairing code once, is let in by it at once, and is an owner then")
    func pairing() throws {
        let bench = try Bench()
        let channel = bench.link(Bench.channel)
        let agent = bench.link(Bench.agent)
        func write(_ key: String) {
            bench.inbound(channel, key: key)
            bench.parse(channel) { _ in Bench.message(from: "99") }
        }
        write("a")
        let reply = try #require(bench.sends(channel).first)
        #expect(
            reply.content.text.hasPrefix(
                "OpenClaw: access not configured.\n\nYour Telegram user id: 99\n\nPairing code: "
            )
        )
        bench.result(channel, reply.row)
        write("b")
        #expect(bench.sends(channel).isEmpty)
        #expect(bench.turns(agent).isEmpty)
        let note = try #require(try notes(bench).first)
        #expect(note.note.code == "pairing")
        #expect(note.count == 2)
        let words = reply.content.text.split(separator: "\n")
        let code = try #require(
            words.first { $0.hasPrefix("Pairing code: ") }?.split(separator: " ").last.map(String.init)
        )
        #expect(note.note.command == "clawhold pairing approve telegram \(code)")
        let store = PairingStore(stateDirectory: bench.directory) { _ in }
        #expect(try store.approve("telegram", code: code, now: bench.now)?.id == "99")
        // No event tells the engine: the stranger's next message finds him on the list.
        write("c")
        #expect(bench.turns(agent).count == 1)
        #expect(bench.core.paired[Bench.channel]?.names(id: "99", username: "") == true)
        #expect(try bench.journal.owners().map(\.conversation) == ["99"])
    }

    @Test("who was paired for direct chats is not thereby let into groups")
    func pairedInGroup() throws {
        let bench = try Bench()
        let channel = bench.link(Bench.channel)
        bench.apply(.admitted([Bench.channel: ["99"]]))
        bench.inbound(channel, key: "g")
        bench.parse(channel) { _ in
            var message = Bench.message(from: "99", chat: "-100")
            message.chatType = .group
            message.mentioned = true
            return message
        }
        #expect(try notes(bench).map(\.note.code) == ["group-sender-not-listed"])
    }

    @Test("every message that starts no turn leaves who, where, why and the line that admits it, over a restart")
    func reasons() throws {
        var config = Bench.config()
        config.channels[0].dmPolicy = .allowlist
        config.channels[0].groups = ["-200": GroupAccess()]
        config.channels[0].line = 12
        let bench = try Bench(config: config)
        let channel = bench.link(Bench.channel)
        bench.inbound(channel, key: "a")
        bench.parse(channel) { _ in Bench.message(from: "99") }
        bench.now += 1
        bench.inbound(channel, key: "b")
        bench.parse(channel) { _ in
            var message = Bench.message(from: "1", chat: "-100")
            message.chatType = .group
            message.conversationLabel = "Friends\u{202E}\nX"
            return message
        }
        bench.now += 1
        bench.inbound(channel, key: "c")
        for case .normalize(let asked) in bench.take(channel) {
            var parsed = HubNormalized()
            parsed.row = asked.row
            parsed.ignored = "an edit"
            // Whose it was, where the worker says so.
            parsed.message.senderID = "77"
            parsed.message.conversationLabel = "Ada\u{1B}"
            bench.receive(Bench.channel, channel, .normalized(parsed))
        }
        try bench.restart()
        let found = try notes(bench)
        #expect(found.map(\.note.code) == ["unsupported", "group-not-listed", "sender-not-listed"])
        #expect(found[0].note.sender == "77" && found[0].note.label.hasPrefix("Ada"))
        #expect(!found[0].note.label.contains("\u{1B}") && found[0].note.reason == "an edit")
        #expect(found[1].note.label == "Friends X")
        #expect(
            found[1].note.admit
                == "channels.telegram.groups.\"-100\": {}; channels.telegram.groups.\"-100\".requireMention: false"
        )
        #expect(found[2].note.place == "channels.telegram.allowFrom (the account is on line 12)")
        #expect(
            try bench.journal.ignoredCounts(of: [Bench.channel]) == [
                "unsupported": 1, "group-not-listed": 1, "sender-not-listed": 1,
            ]
        )
    }

    @Test("what is kept of one channel is bounded, the same again is one row")
    func bounded() throws {
        let bench = try Bench()
        for index in 0..<(SQLiteJournal.mostIgnored + 50) {
            for _ in 0..<2 {
                var note = IgnoredNote(code: "bot", reason: "written by a bot")
                note.sender = "\(index)"
                try bench.journal.note(note, channel: Bench.channel, now: Int64(index))
            }
        }
        let found = try notes(bench)
        #expect(found.count == SQLiteJournal.mostIgnored)
        #expect(found.first?.note.sender == "\(SQLiteJournal.mostIgnored + 49)")
        #expect(found.allSatisfy { $0.count == 2 })
    }

    @Test("a native command of somebody who may not is answered with that sentence")
    func notAuthorized() throws {
        var config = Bench.config()
        config.channels[0].groupPolicy = .open
        let bench = try Bench(config: config)
        let channel = bench.link(Bench.channel)
        bench.inbound(channel, key: "a")
        bench.parse(channel) { _ in
            var message = Bench.message("/new", from: "99", chat: "-100")
            message.chatType = .group
            message.kind = .command
            return message
        }
        #expect(bench.sends(channel).map(\.content.text) == ["You are not authorized to use this command."])
    }

    @Test("the agent is told whether commands count, whatever the worker says")
    func mayCommand() throws {
        var config = Bench.config()
        config.channels[0].groupPolicy = .open
        let bench = try Bench(config: config)
        let channel = bench.link(Bench.channel)
        let agent = bench.link(Bench.agent)
        for (index, sender) in ["1", "99"].enumerated() {
            bench.inbound(channel, key: "k\(index)")
            bench.parse(channel) { _ in
                var message = Bench.message("hi /status", from: sender, chat: "-10\(index)")
                message.chatType = .group
                message.mentioned = true
                message.mayCommand = true
                return message
            }
        }
        #expect(bench.turns(agent).map(\.message.mayCommand) == [true, false])
    }

    @Test(
        "a message is marked as seen where the scope says so, and only what starts a turn",
        arguments: [
            ("all", true, true), ("direct", true, false), ("group-all", false, true), ("group-mentions", false, true),
            ("off", false, false),
        ]
    )
    func seen(scope: String, inDirect: Bool, inGroup: Bool) throws {
        var config = Bench.config()
        config.channels[0].ackReaction = "👀"
        config.channels[0].ackReactionScope = scope
        let bench = try Bench(config: config)
        let channel = bench.link(Bench.channel)
        func reactions(_ key: String, _ change: @escaping (inout HubChatMessage) -> Void) -> [String] {
            bench.inbound(channel, key: key)
            bench.parse(channel) { _ in
                var message = Bench.message(from: "1")
                message.messageID = "m\(key)"
                change(&message)
                return message
            }
            let sends = bench.sends(channel)
            for send in sends { bench.result(channel, send.row) }
            return sends.filter { $0.content.kind == .reaction }.map { "\($0.content.emoji) \($0.content.messageID)" }
        }
        #expect(reactions("1") { _ in } == (inDirect ? ["👀 m1"] : []))
        #expect(
            reactions("2") {
                $0.chatType = .group
                $0.conversation = "-100"
                $0.mentioned = true
            } == (inGroup ? ["👀 m2"] : [])
        )
        #expect(reactions("3") { $0.kind = .reaction }.isEmpty)
    }

    @Test("with removeAckAfterReply the mark is taken away behind the answer")
    func removed() throws {
        var config = Bench.config()
        config.channels[0].ackReaction = "👀"
        config.channels[0].ackReactionScope = "all"
        config.channels[0].removeAckAfterReply = true
        let bench = try Bench(config: config)
        let channel = bench.link(Bench.channel)
        let agent = bench.link(Bench.agent)
        bench.inbound(channel, key: "1")
        bench.parse(channel) { _ in
            var message = Bench.message(from: "1")
            message.messageID = "m1"
            return message
        }
        let turn = try #require(bench.turns(agent).first)
        var all = bench.sends(channel)
        for send in all { bench.result(channel, send.row) }
        bench.done(agent, turn.turnID)
        for _ in 0..<3 {
            let sends = bench.sends(channel)
            all += sends
            for send in sends { bench.result(channel, send.row) }
        }
        #expect(
            all.map { $0.content.kind == .reaction ? ($0.content.remove ? "away" : "seen") : "answer" } == [
                "seen", "answer", "away",
            ]
        )
    }
}
