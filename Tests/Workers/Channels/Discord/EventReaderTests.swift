import FoundationEssentials
import IPCHub
import Runtime
import SwiftProtobuf
import TestSupport
import Testing

@testable import Discord

/// Envelopes as `EventIntake` journals them, and what is read from them.
@Suite("Reading events")
struct EventReaderTests {
    static let bot = BotIdentity(id: "800", name: "clawhold", application: "801")
    private let reader = EventReader(owner: "channel:discord:default")

    static func envelope(
        _ type: String,
        _ event: String,
        channel: NameCache.Channel? = nil,
        _ change: (inout Envelope) -> Void = { _ in }
    ) throws -> [UInt8] {
        let bytes = Array(event.utf8)
        var envelope = Envelope(bot: bot, facts: try #require(Envelope.Facts(type, bytes)))
        envelope.channel = channel
        change(&envelope)
        return envelope.encoded(bytes)
    }

    private func read(
        _ event: String,
        type: String = "MESSAGE_CREATE",
        channel: NameCache.Channel? = nil,
        _ change: (inout Envelope) -> Void = { _ in }
    ) throws -> HubChatMessage {
        switch reader.read(try Self.envelope(type, event, channel: channel, change)) {
        case .message(let message): return message
        case .ignored(let reason), .refused(_, let reason):
            Issue.record("ignored: \(reason)")
            return HubChatMessage()
        }
    }

    private static let author = #""author":{"id":"5","username":"ada","global_name":"Ada"}"#

    @Test("a direct message: its peer is its sender, and the answer goes to the channel")
    func direct() throws {
        let message = try read(#"{"id":"175928847299117063","channel_id":"60","content":"hi",\#(Self.author)}"#)
        #expect(message.chatType == .direct && message.conversation == "5" && message.text == "hi")
        #expect(message.senderName == "Ada" && message.senderUsername == "ada" && !message.mentioned)
        #expect(message.timestampMs == 1_462_015_105_796)
        #expect(ReplyTarget(decoding: message.replyTarget) == ReplyTarget(channel: "60", message: "175928847299117063"))
    }

    @Test("a thread in a guild: place, parent, starter, roles, nickname")
    func thread() throws {
        let event =
            #"{"id":"9","channel_id":"61","guild_id":"70","content":"x",\#(Self.author),"member":{"nick":"Countess","roles":["71"]}}"#
        let channel = NameCache.Channel(name: "bug 7", type: 11, guild: "70", parent: "62", owner: "800")
        let message = try read(event, channel: channel) { envelope in
            envelope.guild = .init(name: "Workshop")
            envelope.parent = .init(name: "ideas", type: 15, topic: "What to build")
            envelope.starter = "It broke"
        }
        #expect(message.chatType == .channel && message.conversation == "61" && message.thread == "61")
        #expect(message.place.guildName == "Workshop" && message.place.parentName == "ideas")
        #expect(message.place.parentID == "62" && message.place.starter == "It broke" && message.place.isOwnThread)
        #expect(message.place.topic == "What to build" && message.senderRoles == ["71"])
        #expect(message.senderName == "Countess" && message.conversationLabel == "Workshop #bug 7")
    }

    @Test("mentions: of the bot, of its role, by a reply to it; of others only; of everybody is nobody's")
    func mentions() throws {
        func guild(_ more: String) throws -> HubChatMessage {
            try read(
                #"{"id":"9","channel_id":"61","guild_id":"70","content":"x",\#(Self.author),\#(more)}"#,
                channel: .init(name: "general", type: 0)
            ) { $0.guild = .init(name: "W", ownRole: "77") }
        }
        #expect(try guild(#""mentions":[{"id":"800","username":"clawhold"}]"#).mentioned)
        #expect(try guild(#""mention_roles":["77"]"#).mentioned)
        #expect(try guild(#""referenced_message":{"id":"8","author":{"id":"800"},"content":"q"}"#).mentioned)
        let other = try guild(#""mentions":[{"id":"6","username":"bob"}]"#)
        #expect(!other.mentioned && other.mentionsOthers)
        let everybody = try guild(#""mention_everyone":true"#)
        #expect(!everybody.mentioned && !everybody.mentionsOthers)
    }

    @Test("what is written is readable: people, roles, rooms, emoji by name; the unknown stays")
    func readable() throws {
        let event =
            #"{"id":"9","channel_id":"61","guild_id":"70","content":"<@6> <@!6> <@&77> <#62> <:cat:123> <a:dog:124> </new:5> <@999> < <@ a<b",\#(Self.author),"mentions":[{"id":"6","username":"bob","global_name":"Bob"}]}"#
        let message = try read(event, channel: .init(name: "general", type: 0)) {
            $0.roles = ["77": "helpers"]
            $0.channels = ["62": "ideas"]
        }
        #expect(message.text == "@Bob @Bob @helpers #ideas :cat: :dog: /new <@999> < <@ a<b")
        let named = Envelope.named(in: Array(event.utf8))
        #expect(named.channels == ["62"] && named.roles == ["77"])
    }

    @Test("a short mention of a long name, again and again, makes no text without end")
    func longNames() throws {
        let name = String(repeating: "n", count: 40_000)
        let mentions = String(repeating: "<@6>", count: 20_000)
        let event =
            #"{"id":"9","channel_id":"60","content":"\#(mentions)",\#(Self.author),"mentions":[{"id":"6","username":"\#(name)"}]}"#
        #expect(try read(event).text.utf8.count <= MessageText.limit + 4)
    }

    @Test("files, stickers, embeds, polls, passed-on messages and replies are told")
    func more() throws {
        let event = """
            {"id":"9","channel_id":"60",\(Self.author),"content":"look","flags":0,
            "attachments":[{"id":"31","filename":"a.png","content_type":"image/png; x=1","size":12,"url":"https://cdn.discordapp.com/a"},
            {"id":"32","filename":"v.ogg","content_type":"audio/ogg","size":5,"waveform":"aa","url":"https://cdn.discordapp.com/v"}],
            "sticker_items":[{"id":"41","name":"Wave","format_type":1}],
            "embeds":[{"type":"rich","title":"T","description":"D"},{"type":"link","title":"no"}],
            "message_reference":{"type":0,"message_id":"8"},
            "referenced_message":{"id":"8","author":{"id":"6","username":"bob"},"content":"the question"}}
            """
        let message = try read(event)
        #expect(message.text == "look\nT\nD\n[sticker: Wave]")
        #expect(message.media.map(\.kind) == [.image, .voice, .sticker])
        #expect(message.media[0].mime == "image/png" && message.media[0].size == 12)
        #expect(message.media.allSatisfy { $0.owner == "channel:discord:default" })
        #expect(MediaRef(decoding: Array(message.media[0].ref))?.attachment == "31")
        #expect(message.reply.sender == "bob" && message.reply.text == "the question" && !message.reply.isOwn)
        let forward = try read(
            #"{"id":"9","channel_id":"60",\#(Self.author),"content":"","message_reference":{"type":1,"channel_id":"62"},"message_snapshots":[{"message":{"content":"old words","attachments":[]}}]}"#
        )
        #expect(
            forward.text == "[forwarded] old words" && !forward.forwardedFrom.isEmpty && forward.reply.messageID.isEmpty
        )
    }

    @Test("bots, webhooks and Discord's own notes are named as such")
    func kinds() throws {
        let bot = #"{"id":"9","channel_id":"60","content":"x","author":{"id":"6","username":"b","bot":true}}"#
        #expect(try read(bot).senderIsBot)
        #expect(try read(#"{"id":"9","channel_id":"60","content":"x","webhook_id":"3",\#(Self.author)}"#).senderIsBot)
        let pin = try read(#"{"id":"9","channel_id":"60","type":6,"content":"",\#(Self.author)}"#)
        #expect(pin.kind == .system && pin.text == "Ada pinned a message")
    }

    @Test("a reaction is told in words, and whether it is to the bot's message")
    func reactions() throws {
        let event =
            #"{"user_id":"5","channel_id":"61","guild_id":"70","message_id":"9","message_author_id":"800","emoji":{"id":null,"name":"👍"},"member":{"user":{"id":"5","username":"ada"},"roles":[]}}"#
        let added = try read(event, type: "MESSAGE_REACTION_ADD")
        #expect(added.kind == .reaction && added.text == "ada reacted with 👍 to message 9" && added.reply.isOwn)
        let removed = try read(event, type: "MESSAGE_REACTION_REMOVE")
        #expect(removed.text == "ada took the reaction 👍 from message 9 away")
    }

    @Test("a slash command reads as it would be typed, a button as its data, and their answers know the token")
    func interactions() throws {
        let user = #""member":{"user":{"id":"5","username":"ada"},"roles":["71"]}"#
        let start =
            #"{"id":"175928847299117063","application_id":"801","channel_id":"61","guild_id":"70","token":"tok-1","#
        let command = try read(
            start
                + #""type":2,"data":{"name":"new","options":[{"name":"text","type":3,"value":"hello there"}]},\#(user)}"#,
            type: "INTERACTION_CREATE"
        )
        #expect(command.kind == .command && command.text == "/new hello there" && command.mentioned)
        #expect(command.senderRoles == ["71"])
        let target = try #require(ReplyTarget(decoding: command.replyTarget))
        #expect(target.interaction?.token == "tok-1" && target.interaction?.application == "801")
        #expect(target.interaction?.isDeferred == true)
        let button = try read(
            start + #""type":3,"data":{"custom_id":"cw0.1:yes:1"},"message":{"id":"44"},\#(user)}"#,
            type: "INTERACTION_CREATE"
        )
        #expect(button.kind == .button && button.text == "yes:1" && button.messageID == "44")
        #expect(ButtonData.data(of: ButtonData.id("yes:1", row: 4, column: 4)) == "yes:1")
    }

    @Test("without words it is left out, and in a guild the switch is named that may withhold them")
    func nothing() throws {
        let event = #"{"id":"9","channel_id":"61","guild_id":"70","content":"",\#(Self.author)}"#
        guard case .ignored(let reason) = reader.read(try Self.envelope("MESSAGE_CREATE", event)) else {
            Issue.record("taken")
            return
        }
        #expect(reason.contains("MESSAGE CONTENT INTENT"))
    }

    @Test("a thousand hostile events: nothing traps, nothing is more than a reason or a message")
    func hostile() throws {
        var generator = SplitMix(seed: 23)
        let values = [
            "null", "true", "-1", "1e400", "9223372036854775808", #""\u0000‮​""#, "[]", "{}", #"[{"id":{}}]"#,
            #"{"id":[],"author":{"id":5}}"#, "\"\(String(repeating: "é", count: 5000))\"",
            String(repeating: "[", count: 100) + String(repeating: "]", count: 100), #""<@""#, #""<:a:>""#,
        ]
        let names = [
            "author", "content", "member", "mentions", "mention_roles", "attachments", "embeds", "sticker_items",
            "poll",
            "message_snapshots", "message_reference", "referenced_message", "type", "flags", "webhook_id", "channel",
            "data", "token", "user", "emoji", "message", "application_id", "guild_id",
        ]
        for _ in 0..<1000 {
            var parts = [
                #""id":"9""#, #""channel_id":"60""#, #""message_id":"8""#, #""user_id":"5""#, #""emoji":{"name":"x"}"#,
            ]
            for name in names where Bool.random(using: &generator) {
                parts.append("\"\(name)\":\(values.randomElement(using: &generator) ?? "null")")
            }
            let event = Array("{\(parts.joined(separator: ","))}".utf8)
            for type in ["MESSAGE_CREATE", "INTERACTION_CREATE", "MESSAGE_REACTION_ADD", "MESSAGE_REACTION_REMOVE"] {
                guard let facts = Envelope.Facts(type, event) else { continue }
                _ = reader.read(Envelope(bot: Self.bot, facts: facts).encoded(event))
            }
        }
        for bytes in [
            [], Array("{}".utf8), Array(#"{"v":1,"event":{}}"#.utf8), Array(#"{"v":1,"type":"X","event":{}}"#.utf8),
        ] {
            guard case .ignored = reader.read(bytes) else {
                Issue.record("taken")
                continue
            }
        }
    }

    @Test("keys are unique for ever: a reaction that comes, goes and comes again has three")
    func keys() throws {
        let event = Array(#"{"user_id":"5","channel_id":"61","message_id":"9","emoji":{"name":"👍"}}"#.utf8)
        let added = try #require(Envelope.Facts("MESSAGE_REACTION_ADD", event))
        let removed = try #require(Envelope.Facts("MESSAGE_REACTION_REMOVE", event))
        let keys = [
            added.key(account: "a", seq: 1, session: "s1"), removed.key(account: "a", seq: 2, session: "s1"),
            added.key(account: "a", seq: 3, session: "s1"),
        ]
        #expect(Set(keys).count == 3 && keys[0] == "discord:a:react:9:5:👍:add:s1.1")
        let message = try #require(Envelope.Facts("MESSAGE_CREATE", Array(#"{"id":"9","channel_id":"61"}"#.utf8)))
        #expect(message.key(account: "a", seq: 4, session: "s") == message.key(account: "a", seq: 0, session: ""))
    }
}
