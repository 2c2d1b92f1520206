import FoundationEssentials
import IPCHub
import TestSupport
import Testing

@testable import Telegram

/// The unchanging parts of messages.
enum Fixture {
    static let ada = #""from":{"id":5,"is_bot":false,"first_name":"Ada","last_name":"L","username":"ada"}"#
    static let direct = #""message_id":3,"date":1700000000,\#(ada),"chat":{"id":5,"type":"private"}"#
    static let group =
        #""message_id":4,"date":1700000000,\#(ada),"chat":{"id":-1001,"type":"supergroup","title":"Workshop"}"#
    static let forum =
        #""message_id":4,"date":1,\#(ada),"chat":{"id":-1001,"type":"supergroup","title":"W","is_forum":true}"#
}

@Suite("What the reader makes of an update")
struct UpdateReaderTests {
    let reader = UpdateReader()

    private func journaled(_ update: String) -> [UInt8] {
        UpdateReader.journaled(Array(update.utf8)[...], to: Bot.User(id: 99, username: "ClawBot"))
    }

    private func read(_ message: String) -> UpdateReading {
        reader.read(journaled(#"{"update_id":1,"message":\#(message)}"#))
    }

    private func message(_ body: String) throws -> HubChatMessage {
        let reading = read(body)
        guard case .message(let message) = reading else {
            Issue.record("not a message: \(reading)")
            throw CancellationError()
        }
        return message
    }

    @Test("a direct message says who, where, when and what")
    func direct() throws {
        let message = try message(#"{\#(Fixture.direct),"text":"hello 👋"}"#)
        #expect(message.text == "hello 👋")
        #expect(message.chatType == .direct)
        #expect(message.conversation == "5")
        #expect(message.senderID == "5" && message.senderName == "Ada L" && message.senderUsername == "ada")
        #expect(message.messageID == "3" && message.timestampMs == 1_700_000_000_000)
        #expect(ReplyTarget(decoding: message.replyTarget) == ReplyTarget(chat: 5, message: 3))
        #expect(message.thread.isEmpty && !message.mentioned)
    }

    @Test("a group is its own conversation and each topic of a forum too; plain reply threads are not")
    func conversations() throws {
        #expect(try message(#"{\#(Fixture.group),"text":"x"}"#).conversation == "-1001")
        let thread = try message(#"{\#(Fixture.group),"text":"x","message_thread_id":70}"#)
        #expect(thread.conversation == "-1001" && ReplyTarget(decoding: thread.replyTarget)?.thread == nil)
        let topic = try message(#"{\#(Fixture.forum),"text":"x","message_thread_id":42,"is_topic_message":true}"#)
        #expect(topic.conversation == "-1001:topic:42" && topic.thread == "42" && topic.chatType == .group)
        #expect(ReplyTarget(decoding: topic.replyTarget) == ReplyTarget(chat: -1001, thread: 42, message: 4))
        #expect(try message(#"{\#(Fixture.forum),"text":"x"}"#).conversation == "-1001:topic:1")
    }

    @Test("the bot is mentioned by its name, a command, its id, an answer to it or a pattern, and not by others")
    func mentions() throws {
        func mentioned(_ rest: String) throws -> Bool { try message("{\(Fixture.group),\(rest)}").mentioned }
        let name = #""entities":[{"type":"mention","offset":3,"length":8}]"#
        #expect(try mentioned(#""text":"hi @clawbot","# + name))
        #expect(try !mentioned(#""text":"hi @clawbox","# + name))
        #expect(try !mentioned(#""text":"hi @clawbot""#), "only entities count: Telegram marks names itself")
        #expect(
            try mentioned(
                #""text":"/status@ClawBot","entities":[{"type":"bot_command","offset":0,"length":15}]"#
            )
        )
        #expect(
            try !mentioned(
                #""text":"/status@OtherBot","entities":[{"type":"bot_command","offset":0,"length":16}]"#
            )
        )
        #expect(
            try mentioned(
                #""text":"Claw?","entities":[{"type":"text_mention","offset":0,"length":4,"user":{"id":99}}]"#
            )
        )
        #expect(try mentioned(#""text":"yes","reply_to_message":{"message_id":2,"from":{"id":99}}"#))
        #expect(try !mentioned(#""text":"yes","reply_to_message":{"message_id":2,"from":{"id":98}}"#))
        #expect(
            try !mentioned(
                #""text":"yes","message_thread_id":2,"is_topic_message":true,"reply_to_message":{"message_id":2,"from":{"id":99}}"#
            ),
            "in a topic that the bot opened, everything answers its first message"
        )
    }

    @Test("hidden links come out, counted in UTF-16, and entities that lie do no harm")
    func entities() throws {
        let link = #"{"type":"text_link","offset":3,"length":4,"url":"https://a.b/c"}"#
        #expect(
            try message(#"{\#(Fixture.direct),"text":"👋 docs here","entities":[\#(link)]}"#).text
                == "👋 [docs](https://a.b/c) here"
        )
        let lies = #"""
            [{"type":"text_link","offset":-1,"length":4,"url":"u"},{"type":"text_link","offset":0,"length":900,"url":"u"},
            {"type":"text_link","offset":1,"length":1,"url":"u"},{"type":"mention","offset":9223372036854775807,"length":9},
            {"type":"text_link","offset":4,"length":9223372036854775807,"url":"u"}]
            """#
        #expect(try message(#"{\#(Fixture.direct),"text":"👋 docs","entities":\#(lies)}"#).text == "👋 docs")
    }

    @Test(
        "what starts no turn says why",
        arguments: [
            (#"{"update_id":1,"edited_message":{\#(Fixture.direct),"text":"x"}}"#, "was edited"),
            (#"{"update_id":1,"channel_post":{\#(Fixture.group),"text":"x"}}"#, "channel post"),
            (#"{"update_id":1,"poll_answer":{}}"#, "not a message"),
            (#"{"update_id":1,"message":{\#(Fixture.group),"new_chat_members":[]}}"#, "service message"),
            (#"{"update_id":1,"message":{\#(Fixture.direct),"text":" \n "}}"#, "service message"),
            (#"{"update_id":1,"message":{\#(Fixture.direct),"text":7}}"#, "cannot be read"),
            (#"{"update_id":1,"message":{"message_id":1}}"#, "cannot be read"),
            ("{", "cannot be read"), ("", "cannot be read"),
        ]
    )
    func ignored(_ raw: String, _ words: String) {
        guard case .ignored(let reason) = reader.read(journaled(raw)) else {
            Issue.record("taken: \(raw)")
            return
        }
        #expect(reason.contains(words))
    }

    @Test("an anonymous administrator speaks as the group")
    func anonymous() throws {
        let message = try message(
            #"""
            {"message_id":3,"date":1,"text":"x","from":{"id":1087968824,"is_bot":true},
            "sender_chat":{"id":-1001,"type":"supergroup","title":"Workshop"},"chat":{"id":-1001,"type":"supergroup"}}
            """#
        )
        #expect(message.senderID == "-1001" && message.senderName == "Workshop")
    }

    @Test("a clock that is out of range becomes 0")
    func clock() throws {
        let far = #"{"message_id":3,"date":9223372036854775807,"text":"x","chat":{"id":5,"type":"private"}}"#
        #expect(try message(far).timestampMs == 0)
    }

    @Test("damaged updates never trap")
    func fuzz() {
        var random = SplitMix(seed: 21)
        let original = journaled(
            #"{"update_id":1,"message":{\#(Fixture.forum),"text":"a @b","entities":[{"type":"mention","offset":2,"length":2}]}}"#
        )
        for _ in 0..<3_000 {
            var bytes = original
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            bytes.removeSubrange(bytes.count - Int.random(in: 0...3, using: &random)..<bytes.count)
            _ = reader.read(bytes)
        }
    }
}
