import Glibc
import IPCControl
import Testing

extension SystemTests {
    /// Our worker against the fake that discord.py accepts.
    @Suite("Discord", .serialized)
    struct DiscordTests {
        @Test(
            "a direct message: answered in place with a nonce, shown typing, written down; a stop keeps the session alive"
        )
        func directMessage() async throws {
            let world = try await World.start(on: [.discord])
            let discord = try world.discord
            try await discord.ready()
            let message = try await discord.write("hello there", ["dm": true])
            let sent = try await discord.sent(count: 1)
            #expect(sent[0]["content"]?.string?.hasPrefix("echo: ") == true)
            #expect(sent[0]["content"]?.string?.contains("hello there") == true)
            #expect(sent[0]["reply_to"] == .null, "replies are off unless replyToMode says otherwise")
            #expect(sent[0]["channel_id"] == message["channel_id"])
            let nonce = sent[0]["nonce"]?.string ?? ""
            #expect((1...25).contains(nonce.count))
            let call = try await discord.calls("POST /channels/{}/messages")[0]
            #expect(call["body"]?["enforce_nonce"] == true)
            #expect(try await !discord.calls("POST /channels/{}/typing").isEmpty)
            #expect(try world.transcript("user", containing: "hello there").count == 1)
            #expect(try world.transcript("assistant", containing: "hello there").count == 1)
            try await world.gateway.process.line(containing: "[discord] logged in to discord as clawhold")
            #expect(try await discord.log("connected")[0]["compress"] == "zlib-stream")
            let everything = world.gateway.process.lines.items.joined(separator: "\n")
            #expect(
                !everything.contains(DiscordFake.token) && !everything.contains(ModelFake.key),
                "no secret in the log"
            )
            #expect(try await world.gateway.stop() == 0)
            let closed = try await discord.log("closed")[0]
            #expect(closed["code"]?.integer != 1000 && closed["code"]?.integer != 1001, "\(closed)")
            let state = try await discord.state()
            #expect(state["violations"]?.array == [] && state["sessions"] == 1, "\(state)")
        }

        @Test("in a guild, a thread and a forum post the bot answers who mentions it, where they did, and nobody else")
        func guild() async throws {
            let world = try await World.start(on: [.discord])
            let discord = try world.discord
            try await discord.ready()
            try await discord.write("not-for-the-bot")
            try await discord.write("for-the-bot", ["mention": true])
            let thread = try await discord.control("thread", ["name": "a thread"])
            let post = try await discord.control(
                "thread",
                ["name": "a post", "channel": "ideas", "text": "unanswered"]
            )
            for place in [thread, post] {
                try await discord.write(
                    "in-\(place["name"]?.string ?? "")",
                    [
                        "mention": true, "channel": place["id"] ?? .null,
                    ]
                )
            }
            for (word, channel) in [
                ("for-the-bot", JSONValue.string(DiscordFake.general)), ("in-a thread", thread["id"] ?? .null),
                ("in-a post", post["id"] ?? .null),
            ] {
                #expect(try await discord.answer(to: word, within: 30) != nil, "\(world.gateway.process.tail())")
                let rows = try await discord.sent(from: 0, within: 0).filter {
                    discord.text($0)?.contains(word) == true
                }
                #expect(rows.count == 1 && rows[0]["channel_id"] == channel, "\(rows)")
            }
            #expect(try await discord.answers(to: "not-for-the-bot (").isEmpty)
            #expect(try await discord.sent(from: 0, within: 0).count == 3)
            #expect(try await discord.state()["violations"]?.array == [])
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("a long answer comes in chunks of at most 2,000, in order, and only the first one marks the question")
        func chunks() async throws {
            let world = try await World.start(on: [.discord]) { setup in
                setup.config = setup.config?.with("channels", "discord", "replyToMode", value: "first")
            }
            let discord = try world.discord
            try await discord.ready()
            let words = (0..<300).map { "word\($0)" }
            for (count, repeats) in [(2, 1)] {
                let text = Array(repeating: words.joined(separator: " "), count: repeats).joined(separator: " ")
                // A user writes at most 2,000 characters; the answer is longer by what the envelope says.
                let message = try await discord.write(String(text.prefix(1990)), ["dm": true])
                let sent = try await discord.sent(count: count)
                #expect(sent.allSatisfy { ($0["content"]?.string?.count ?? 0) <= 2000 })
                #expect(sent[0]["reply_to"] == message["id"])
                #expect(sent.dropFirst().allSatisfy { $0["reply_to"] == .null })
                #expect(Set(sent.compactMap { $0["nonce"]?.string }).count == sent.count)
            }
            #expect(try await discord.state()["violations"]?.array == [])
        }

        @Test("a slash command is deferred within its three seconds and then answered in its place")
        func slashCommand() async throws {
            let world = try await World.start(on: [.discord])
            let discord = try world.discord
            try await discord.ready()
            #expect(try await !discord.calls("PUT /applications/{}/commands", within: 15).isEmpty)
            try await discord.control("slash", ["command": "status", "dm": true])
            let sent = try await discord.sent(count: 1)
            #expect(sent[0]["via"] == "original", "\(sent)")
            let row = try await discord.server.rows("interactions", from: 0, within: 0)[0]
            #expect(row["answered"] == 5, "deferred")
            let after = if case .number(let seconds)? = row["after"] { seconds } else { 9.0 }
            #expect(after < 1.5, "after \(after) s")
            #expect(try await discord.state()["violations"]?.array == [])
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("a killed worker resumes its session: no identify, and what was said meanwhile is answered once")
        func resume() async throws {
            let world = try await World.start(on: [.discord])
            let discord = try world.discord
            try await discord.ready()
            #expect(try await world.ask("first", on: .discord).contains("first"))
            for round in 0..<3 {
                try await world.gateway.kill(Chat.discord.worker)
                try await discord.say("while-dead-\(round)-end")
                #expect(
                    try await discord.answer(to: "while-dead-\(round)-end", within: 30) != nil,
                    "\(world.gateway.process.tail())"
                )
                #expect(try await discord.log("resumed", from: round).count == 1)
            }
            let state = try await discord.state()
            #expect(state["identifies"] == 1 && state["violations"]?.array == [], "\(state)")
            for round in 0..<3 { #expect(try await discord.answers(to: "while-dead-\(round)-end").count == 1) }
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("a session that is gone: a new one, and what was said between them is fetched and answered once")
        func backfill() async throws {
            let world = try await World.start(on: [.discord])
            let discord = try world.discord
            try await discord.ready()
            #expect(try await world.ask("first", on: .discord).contains("first"))
            // The new connection gets no HELLO, so nothing is heard until the session is gone.
            try await discord.control("hello", ["on": false])
            try await discord.control("close", ["code": 4000])
            _ = try await discord.log("connected", from: 1)
            for number in 0..<3 { try await discord.say("in-the-gap-\(number)-end") }
            try await discord.control("expire")
            try await discord.control("hello", ["on": true])
            try await discord.control("close", [:])
            for number in 0..<3 {
                #expect(
                    try await discord.answer(to: "in-the-gap-\(number)-end", within: 40) != nil,
                    "\(world.gateway.process.tail())"
                )
                #expect(try await discord.answers(to: "in-the-gap-\(number)-end").count == 1)
            }
            let state = try await discord.state()
            #expect(state["identifies"] == 2 && state["violations"]?.array == [], "\(state)")
            #expect(try await world.ask("last", on: .discord).contains("last"))
            #expect(try await world.gateway.stop() == 0)
        }

        @Test("a worker that is killed while it fetches what was missed fetches the rest when it is back")
        func killedBackfill() async throws {
            let world = try await World.start(on: [.discord])
            let discord = try world.discord
            try await discord.ready()
            let direct = try await discord.write("first-direct-end", ["dm": true])["channel_id"]?.string ?? ""
            #expect(try await discord.answer(to: "first-direct-end", within: 40) != nil)
            try await discord.write("first-room-end", ["mention": true])
            #expect(try await discord.answer(to: "first-room-end", within: 40) != nil)
            try await discord.control("hello", ["on": false])
            try await discord.control("close", ["code": 4000])
            _ = try await discord.log("connected", from: 1)
            try await discord.say("missed-direct-end")
            try await discord.write("missed-room-end", ["mention": true])
            // The room is asked for first, because it was heard last; the direct chat is not answered.
            try await discord.fault(["path": .string("/channels/\(direct)/messages"), "method": "GET", "mode": "hang"])
            try await discord.control("expire")
            try await discord.control("hello", ["on": true])
            try await discord.control("close", [:])
            #expect(try await discord.answer(to: "missed-room-end", within: 40) != nil)
            _ = try await discord.calls("GET /channels/{}/messages", from: 1)
            try await world.gateway.kill(Chat.discord.worker)
            #expect(
                try await discord.answer(to: "missed-direct-end", within: 40) != nil,
                "\(world.gateway.process.tail())"
            )
            for word in ["missed-room-end", "missed-direct-end"] {
                #expect(try await discord.answers(to: word).count == 1)
            }
            #expect(try await world.gateway.stop() == 0)
        }
    }
}
