import FoundationEssentials
import IPCHub
import TestSupport
import Testing

@testable import Telegram

@Suite("What a message tells the gateway")
struct MessageFactsTests {
    private let reader = UpdateReader(
        owner: "channel:telegram:default",
        commands: ["status"],
        seal: FileSeal(token: "1:a")
    )

    private func read(_ update: String) -> UpdateReading {
        reader.read(
            UpdateReader.journaled(
                Array(#"{"update_id":1,\#(update)}"#.utf8),
                to: Bot.User(id: 99, username: "ClawBot")
            )
        )
    }

    private func message(_ update: String) throws -> HubChatMessage {
        let reading = read(update)
        guard case .message(let message) = reading else {
            Issue.record("not a message: \(reading)")
            throw CancellationError()
        }
        return message
    }

    private func group(_ body: String) throws -> HubChatMessage {
        try message(#""message":{\#(Fixture.group),\#(body)}"#)
    }

    @Test("a photo comes in its largest size, with a sealed name, and needs no words")
    func photo() throws {
        let sizes =
            #"{"file_id":"s","width":90,"height":90},{"file_id":"L","width":900,"height":800,"file_size":5000},{"file_id":"m","width":320,"height":320}"#
        let photo = try group(#""photo":[\#(sizes)],"media_group_id":"g1","caption":"look""#)
        #expect(photo.text == "look" && photo.album == "g1")
        let media = try #require(photo.media.first)
        #expect(photo.media.count == 1 && media.kind == .image && media.mime == "image/jpeg" && media.size == 5000)
        #expect(media.owner == "channel:telegram:default")
        #expect(FileSeal(token: "1:a").id(in: Array(media.ref)) == "L")
        #expect(FileSeal(token: "1:b").id(in: Array(media.ref)) == nil, "another bot's file")
        #expect(try group(#""photo":[\#(sizes)]"#).text.isEmpty)
    }

    @Test(
        "every kind of file is one",
        arguments: [
            (
                #""document":{"file_id":"f","file_name":"a.pdf","mime_type":"application/pdf"}"#, HubMedia.Kind.file,
                "application/pdf", "a.pdf"
            ),
            (#""document":{"file_id":"f","file_name":"a.png","mime_type":"image/png"}"#, .image, "image/png", "a.png"),
            (#""voice":{"file_id":"f","mime_type":"audio/ogg"}"#, .voice, "audio/ogg", ""),
            (#""audio":{"file_id":"f","title":"Song"}"#, .audio, "audio/mpeg", "Song"),
            (#""video":{"file_id":"f"}"#, .video, "video/mp4", ""),
            (#""video_note":{"file_id":"f"}"#, .video, "video/mp4", ""),
            (#""animation":{"file_id":"f"},"document":{"file_id":"g"}"#, .video, "video/mp4", ""),
            (
                #""sticker":{"file_id":"f","emoji":"😀","is_animated":false,"is_video":false}"#, .sticker, "image/webp",
                "😀"
            ),
        ]
    )
    func files(_ body: String, _ kind: HubMedia.Kind, _ mime: String, _ name: String) throws {
        let media = try group(body).media
        #expect(media.count == 1)
        #expect(media.first?.kind == kind && media.first?.mime == mime && media.first?.name == name)
        #expect(FileSeal(token: "1:a").id(in: Array(media.first?.ref ?? .init())) == "f")
    }

    @Test(
        "what is neither text nor file is said in words",
        arguments: [
            (
                #""location":{"latitude":52.5200066,"longitude":13.4049540,"horizontal_accuracy":12.4}"#,
                "📍 52.52001, 13.40495 ±12 m"
            ),
            (#""location":{"latitude":1e300,"longitude":13}"#, "📍 ?, 13.0"),
            (
                #""venue":{"location":{"latitude":1,"longitude":2},"title":"Tower","address":"Main St"},"location":{"latitude":1,"longitude":2}"#,
                "📍 Tower, Main St (1.0, 2.0)"
            ),
            (#""contact":{"phone_number":"+49 30","first_name":"Ada"}"#, "[contact: Ada +49 30]"),
            (#""poll":{"question":"Q?","options":[{"text":"a"},{"text":"b"}]}"#, "[poll: Q?]\n- a\n- b"),
            (#""dice":{"emoji":"🎯","value":4}"#, "[🎯 shows 4]"),
            (#""sticker":{"file_id":"f","emoji":"😀","is_animated":true}"#, "[animated sticker 😀]"),
        ]
    )
    func words(_ body: String, _ words: String) throws {
        #expect(try group(body).text == words)
    }

    @Test("an answer carries what it answers, a quote the part that is meant, a topic's first message neither")
    func replies() throws {
        let answered =
            #""reply_to_message":{"message_id":2,"from":{"id":99,"first_name":"Claw"},"text":"the long answer"}"#
        let reply = try group(#""text":"x",\#(answered)"#)
        #expect(reply.reply.messageID == "2" && reply.reply.text == "the long answer" && reply.reply.isOwn)
        #expect(reply.mentioned && !reply.reply.isQuote)
        let quote = try group(#""text":"x",\#(answered),"quote":{"text":"long","position":4}"#)
        #expect(quote.reply.text == "long" && quote.reply.isQuote)
        let topic = try group(#""text":"x","is_topic_message":true,"message_thread_id":2,\#(answered)"#)
        #expect(!topic.hasReply && !topic.mentioned)
        let external = try group(
            #""text":"x","external_reply":{"origin":{"type":"hidden_user","sender_user_name":"Bob"},"message_id":8}"#
        )
        #expect(external.reply.sender == "Bob" && external.reply.messageID == "8")
    }

    @Test("who wrote what is passed on is said")
    func forwards() throws {
        func from(_ origin: String) throws -> String {
            try group(#""text":"x","forward_origin":\#(origin)"#).forwardedFrom
        }
        #expect(
            try from(#"{"type":"user","sender_user":{"id":4,"first_name":"Bob","username":"bob"}}"#) == "Bob (@bob)"
        )
        #expect(
            try from(#"{"type":"channel","chat":{"id":-9,"type":"channel","title":"News"},"author_signature":"Eve"}"#)
                == "News (Eve)"
        )
        #expect(try from("7").isEmpty, "what is not as described is passed over")
    }

    @Test("a command in the menu or with the bot's name is one, another bot's is not")
    func commands() throws {
        func command(_ text: String, _ length: Int) throws -> HubChatMessage {
            try group(#""text":"\#(text)","entities":[{"type":"bot_command","offset":0,"length":\#(length)}]"#)
        }
        let known = try command("/status now", 7)
        #expect(known.kind == .command && known.text == "/status now")
        let named = try command("/think@clawbot hard", 14)
        #expect(named.kind == .command && named.text == "/think hard" && named.mentioned)
        #expect(try command("/play x", 5).kind == .message)
        let other = try command("/status@OtherBot", 16)
        #expect(other.kind == .message && other.mentionsOthers && !other.mentioned)
    }

    @Test("naming somebody else is told apart from naming the bot")
    func others() throws {
        let other = try group(#""text":"@bob hi","entities":[{"type":"mention","offset":0,"length":4}]"#)
        #expect(other.mentionsOthers && !other.mentioned)
        let both = try group(
            #""text":"@bob @clawbot","entities":[{"type":"mention","offset":0,"length":4},{"type":"mention","offset":5,"length":8}]"#
        )
        #expect(both.mentioned && !both.mentionsOthers)
    }

    @Test("a group's place is its number and title, with the topic apart")
    func place() throws {
        let topic = try message(
            #""message":{\#(Fixture.forum),"text":"x","message_thread_id":42,"is_topic_message":true}"#
        )
        #expect(topic.place.channelID == "-1001" && topic.place.channelName == "W" && topic.thread == "42")
        #expect(try !message(#""message":{\#(Fixture.direct),"text":"x"}"#).hasPlace)
        let bot = #""message_id":3,"date":1,"text":"x","from":{"id":8,"is_bot":true},"chat":{"id":8,"type":"private"}"#
        #expect(try message(#""message":{\#(bot)}"#).senderIsBot)
    }

    @Test("a pressed button is its data, in its message's conversation")
    func button() throws {
        let press =
            #""callback_query":{"id":"77","from":{"id":5,"first_name":"Ada"},"data":"yes","message":{"message_id":6,"date":0,"chat":{"id":-1001,"type":"supergroup","title":"W","is_forum":true},"message_thread_id":42,"is_topic_message":true}}"#
        let button = try message(press)
        #expect(button.kind == .button && button.text == "yes" && button.mentioned && button.senderID == "5")
        #expect(button.conversation == "-1001:topic:42" && button.messageID == "6" && button.timestampMs == 0)
        #expect(ReplyTarget(decoding: button.replyTarget) == ReplyTarget(chat: -1001, thread: 42, message: 6))
        #expect(read(#""callback_query":{"id":"77","from":{"id":5}}"#) == .ignored("a pressed button without data"))
    }

    @Test("a reaction says in words what was added and taken away, and which message is meant")
    func reaction() throws {
        let change =
            #""message_reaction":{"chat":{"id":-1001,"type":"supergroup","title":"W"},"message_id":12,"date":7,"user":{"id":5,"first_name":"Ada","username":"ada"},"old_reaction":[{"type":"emoji","emoji":"👎"}],"new_reaction":[{"type":"emoji","emoji":"👍"}]}"#
        let reaction = try message(change)
        #expect(reaction.kind == .reaction && reaction.reply.messageID == "12" && reaction.senderID == "5")
        #expect(reaction.text == "Telegram reaction added: 👍, reaction removed: 👎 by Ada (@ada) on message 12")
    }

    @Test("a group that became a supergroup says so, with both numbers, and answers go to the new one")
    func migration() throws {
        let moved = try message(#""message":{\#(Fixture.group),"migrate_to_chat_id":-1009}"#)
        #expect(moved.kind == .system && moved.conversation == "-1009" && moved.migratedFrom == "-1001")
        #expect(ReplyTarget(decoding: moved.replyTarget)?.chat == -1009)
    }

    @Test("what the chat says about itself is told with the next turn; what the bot's own place is, to the operator")
    func service() throws {
        let joined = try group(#""new_chat_members":[{"id":7,"first_name":"Eve"}]"#)
        #expect(joined.kind == .system && joined.text == "joined the chat: Eve (7)")
        #expect(try group(#""new_chat_title":"New""#).text == "Ada L (@ada) changed the chat's title to New")
        #expect(try group(#""pinned_message":{"message_id":3}"#).text == "Ada L (@ada) pinned message 3")
        #expect(
            read(
                #""my_chat_member":{"chat":{"id":-1001,"type":"supergroup","title":"W"},"from":{"id":5,"first_name":"Ada"},"new_chat_member":{"status":"member"}}"#
            )
                == .ignored(#"Ada (5) made the bot member of "W" (-1001)"#)
        )
    }

    @Test("a message that would fit into no frame is ignored with the reason, and endless lists of marks cost little")
    func huge() throws {
        let long = String(repeating: "a", count: UpdateReader.wordBytes + 1)
        guard case .ignored(let reason) = read(#""message":{\#(Fixture.direct),"text":"\#(long)"}"#) else {
            Issue.record("taken")
            return
        }
        #expect(reason.contains("bytes of words: at most 524288 are taken"))
        let marks = (0..<5000).map { #"{"type":"text_link","offset":\#($0),"length":1,"url":"https://a.b"}"# }
        let linked = try group(
            #""text":"\#(String(repeating: "a", count: 5000))","entities":[\#(marks.joined(separator: ","))]"#
        )
        #expect(linked.text.split(separator: "https").count == 513)
    }

    @Test("damaged updates of every kind never trap")
    func fuzz() {
        var random = SplitMix(seed: 5)
        let originals = [
            #""message":{\#(Fixture.forum),"caption":"c","photo":[{"file_id":"s","width":9223372036854775807,"height":3}],"reply_to_message":{"message_id":1},"forward_origin":{"type":"user"}}"#,
            #""callback_query":{"id":"7","from":{"id":5},"data":"x","message":{"message_id":1,"chat":{"id":5,"type":"private"}}}"#,
            #""message_reaction":{"chat":{"id":5,"type":"private"},"message_id":1,"date":1,"old_reaction":[],"new_reaction":[{"type":"emoji"}]}"#,
        ].map { UpdateReader.journaled(Array(#"{"update_id":1,\#($0)}"#.utf8), to: Bot.User(id: 99)) }
        for round in 0..<6_000 {
            var bytes = originals[round % originals.count]
            for _ in 0...Int.random(in: 0...2, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = reader.read(bytes)
            _ = UpdateScanner.callbackID(in: bytes)
        }
    }
}
