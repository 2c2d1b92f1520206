import Testing

extension SystemTests {
    /// A request of ours is compared field by field with what python-telegram-bot 22.8 and discord.py 2.7.1 send for the same
    /// operation: what differs is named here, with the reason.
    @Suite("Our requests beside those of the libraries", .serialized)
    struct RequestTests {
        /// What may differ in one operation.
        struct Difference: Sendable {
            /// Fields that only we send, and only the library.
            var ours: Set<String> = []
            var theirs: Set<String> = []
            /// Fields of both whose values are free: texts, ids.
            var free: Set<String> = []
        }

        @Test("Telegram")
        func telegram() async throws {
            let library = try await BotAPI()
            let reference = try await Self.reference("telegram", library.root, BotAPI.token)
            try await converse(library)
            try await reference.line(containing: "DONE", within: 30)
            let world = try await World.start { setup in
                setup.config = setup.config?.with("messages", "ackReaction", value: "👀")
                    .with("messages", "ackReactionScope", value: "all")
            }
            let ours = try world.telegram
            try await ours.write("write **answer**")
            _ = try await ours.sent(count: 1)
            for (method, difference) in [
                ("getMe", Difference()),
                // The first poll confirms nothing: we leave the offset out, the library says 0. The limit is the default's.
                (
                    "getUpdates",
                    Difference(ours: ["limit"], theirs: ["offset"], free: ["timeout", "allowed_updates"])
                ),
                // A preview of every link in an answer would be noise; the answer is the model's text.
                ("sendMessage", Difference(ours: ["link_preview_options"], theirs: ["reply_markup"], free: ["text"])),
                ("sendChatAction", Difference()),
                ("setMyCommands", Difference(free: ["commands"])),
                ("setMessageReaction", Difference(theirs: ["is_big"])),
            ] {
                try compare(
                    method,
                    try await ours.calls(method, within: 5).first?["params"],
                    try await library.calls(method, within: 0).first?["params"],
                    difference
                )
            }
        }

        @Test("Discord")
        func discord() async throws {
            let library = try await DiscordFake()
            let reference = try await Self.reference("discord", library.root, DiscordFake.token)
            try await library.write("hello", ["dm": true])
            _ = try await library.sent(count: 2)
            try await library.control("slash", ["command": "status", "dm": true])
            try await reference.line(containing: "DONE", within: 30)
            let world = try await World.start(on: [.discord]) { setup in
                setup.config = setup.config?.with("messages", "ackReaction", value: "👀")
                    .with("messages", "ackReactionScope", value: "all")
                    .with("channels", "discord", "replyToMode", value: "first")
            }
            let ours = try world.discord
            try await ours.ready()
            try await ours.write("hello", ["dm": true])
            _ = try await ours.sent(count: 1)
            try await ours.control("slash", ["command": "status", "dm": true])
            _ = try await ours.sent(count: 2)
            for (route, difference) in [
                // The library writes fields that stand at their default.
                (
                    "POST /channels/{}/messages",
                    Difference(
                        ours: ["flags"],
                        theirs: ["components", "tts"],
                        free: ["content", "nonce", "allowed_mentions", "message_reference"]
                    )
                ),
                ("POST /channels/{}/typing", Difference()),
                ("PUT /channels/{}/messages/{}/reactions/{}/@me", Difference()),
                ("PUT /applications/{}/commands", Difference()),
                ("POST /interactions/{}/{}/callback", Difference(theirs: ["data"])),
                (
                    "PATCH /webhooks/{}/{}/messages/@original",
                    Difference(ours: ["allowed_mentions"], theirs: ["tts"], free: ["content"])
                ),
            ] {
                let (mine, other) = (
                    try await ours.calls(route, within: 5).first, try await library.calls(route, within: 0).first
                )
                try compare(route, mine?["body"], other?["body"], difference)
                guard let body = mine?["body"], body != .null else { continue }
                #expect(mine?["headers"]?["content-type"] == other?["headers"]?["content-type"], "\(route)")
                // Discord takes channel and type of the referenced message for granted, the library writes them.
                if let reference = body["message_reference"] {
                    #expect(reference["fail_if_not_exists"] == false && reference["message_id"] != nil, "\(reference)")
                }
            }
            // What identifies us to the gateway, but for the name of the program and what we do not need.
            func identify(_ fake: DiscordFake) async throws -> JSONValue? {
                try await fake.server.rows("frames", from: 0, within: 5).first { $0["op"] == 2 }?["d"]
            }
            try compare(
                "identify",
                try await identify(ours),
                try await identify(library),
                Difference(free: ["properties", "compress", "large_threshold"])
            )
        }

        /// On Telegram's side: a private message, and a press of the button under its answer.
        private func converse(_ fake: BotAPI) async throws {
            try await fake.write("hello")
            let sent = try await fake.sent(count: 3)
            try await fake.control(
                "press",
                ["chat_id": 42, "message_id": sent[0]["message_id"] ?? .null, "data": "yes"]
            )
        }

        private static func reference(_ network: String, _ root: String, _ token: String) async throws -> ChildProcess {
            let process = try ChildProcess(
                [
                    try await Peers.shared.interpreter(), Place.root + "/Tests/peers/reference_bots.py", network, root,
                    token,
                ],
                environment: ["PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"]
            )
            try await process.line(containing: "STARTED", within: 30)
            return process
        }

        private func compare(_ what: String, _ ours: JSONValue?, _ theirs: JSONValue?, _ difference: Difference) throws
        {
            guard let ours, let theirs else {
                Issue.record("\(what): \(ours == nil ? "we" : "the library") never sent it")
                return
            }
            guard case .object(let mine) = ours, case .object(let other) = theirs else {
                if case .array = ours, case .array = theirs { return }
                #expect(ours == theirs, "\(what)")
                return
            }
            let onlyOurs = Set(mine.keys).subtracting(other.keys).subtracting(difference.ours)
            let onlyTheirs = Set(other.keys).subtracting(mine.keys).subtracting(difference.theirs)
            #expect(onlyOurs.isEmpty, "\(what): only we send \(onlyOurs.sorted()): \(ours.text)")
            #expect(onlyTheirs.isEmpty, "\(what): only the library sends \(onlyTheirs.sorted()): \(theirs.text)")
            for (name, value) in mine where !difference.free.contains(name) {
                guard let beside = other[name] else { continue }
                let (one, another) = (Self.plain(value), Self.plain(beside))
                // Ids of messages, channels and applications are their server's.
                #expect(one == another, "\(what).\(name): \(value.text) beside \(beside.text)")
            }
        }

        /// A form's text as the JSON that it stands for; ids as one and the same.
        private static func plain(_ value: JSONValue) -> JSONValue {
            switch value {
            case .string(let text):
                if text.count >= 17, text.allSatisfy(\.isNumber) { return "id" }
                if let inner = try? JSONValue(text.utf8) { return plain(inner) }
                return value
            case .object(let members): return .object(members.mapValues(plain))
            case .array(let items): return .array(items.map(plain))
            default: return value
            }
        }
    }
}
