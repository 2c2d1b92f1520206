import FoundationEssentials
import IPCHub
import NIOCore
import Runtime
import SwiftProtobuf
import Testing

@testable import Discord

@Suite("What goes out")
struct SendTests {
    private func result(_ failure: CallFailure) -> HubSendResult {
        SendPlan.result(.failure(failure), place: "channel 1", random: 0)
    }

    @Test("an unknown outcome is tried again without a mark: the nonce makes it harmless")
    func unknown() {
        let result = result(.unknown("no answer"))
        #expect(result.outcome == .retry && !result.possibleDuplicate && result.retryAfterMs >= 1000)
    }

    @Test("after two minutes the channel is looked through first, whoever says it is not in doubt")
    func looks() {
        #expect(!SendPlan.needsLook(firstTried: 0, now: 5))
        #expect(!SendPlan.needsLook(firstTried: 1_000_000, now: 1_100_000))
        #expect(SendPlan.needsLook(firstTried: 1_000_000, now: 1_120_000))
        #expect(SendPlan.needsLook(firstTried: 1_000_000, now: 900_000), "a clock that went back proves nothing")
    }

    @Test(
        "an own message that the gateway has told of is known by its nonce, whatever became of the answer to sending it"
    )
    func nonces() throws {
        let names = NameCache()
        func take(_ json: String) { names.take("MESSAGE_CREATE", RawJSON(Array(json.utf8)), bot: "7") }
        take(#"{"id":"100","author":{"id":"7"},"nonce":"row-1","content":"same"}"#)
        take(#"{"id":"101","author":{"id":"7"},"nonce":5}"#)
        take(#"{"id":"102","author":{"id":"8"},"nonce":"row-2"}"#)
        take(#"{"id":"103","author":{"id":"7"}"#)
        #expect(names.message(bearing: "row-1") == "100" && names.isOwn("100"))
        #expect(names.isOwn("101") && !names.isOwn("102") && names.message(bearing: "row-2") == nil)
        #expect(names.message(bearing: "") == nil && names.message(bearing: "5") == nil)
    }

    @Test("429 waits as long as Discord says; refusals are for good and say what to click")
    func failures() {
        #expect(result(.tooMany(after: .milliseconds(2500), isGlobal: false)).retryAfterMs == 2500)
        #expect(result(.unreached("x")).outcome == .retry)
        for (code, words) in [(50013, "Permissions"), (50001, "View Channel"), (50007, "Privacy Settings")] {
            let result = result(.refused(status: 403, code: code, message: "no"))
            #expect(result.outcome == .rejected && result.error.contains(words))
        }
    }

    @Test("what is worth another try waits as long as Discord says, or as we do")
    func pauses() {
        let own = Duration.seconds(4)
        #expect(CallFailure.tooMany(after: .seconds(9), isGlobal: false).pause(or: own) == .seconds(9))
        #expect(CallFailure.unreached("x").pause(or: own) == own && CallFailure.unknown("x").pause(or: own) == own)
        #expect(CallFailure.badToken("x").pause(or: own) == nil)
        #expect(CallFailure.refused(status: 403, code: 0, message: "x").pause(or: own) == nil)
    }

    @Test(
        "an answer's failure is read from any body",
        arguments: [
            (
                429, #"{"message":"x","retry_after":1.5,"global":true}"#,
                CallFailure.tooMany(after: .milliseconds(1500), isGlobal: true)
            ),
            (401, "{}", .badToken("401 HTTP status 401")),
            (
                403, #"{"code":50013,"message":"Missing\nPermissions"}"#,
                .refused(status: 403, code: 50013, message: "Missing Permissions")
            ),
            (502, "[]", .unknown("502 HTTP status 502")),
            (429, #"{"retry_after":1e999}"#, .tooMany(after: .seconds(5), isGlobal: false)),
            (
                400,
                #"{"code":50035,"message":"Invalid Form Body","errors":{"content":{"_errors":[{"message":"too long"}]}}}"#,
                .refused(status: 400, code: 50035, message: "Invalid Form Body (content: too long)")
            ),
        ]
    )
    func bodies(_ status: Int, _ body: String, _ failure: CallFailure) throws {
        #expect(CallFailure(status: status, body: try JSON(parsing: body.utf8), after: nil) == failure)
    }

    @Test("a message bears its nonce, pings nobody, marks what it answers, and its buttons come back")
    func body() throws {
        var content = HubOutgoing()
        content.text = "hi @everyone"
        var row = HubButtonRow()
        row.buttons = [
            .with {
                $0.label = "Yes"; $0.data = "y"
            },
            .with {
                $0.label = "Yes"; $0.data = "y"
            },
        ]
        content.buttons = [row]
        var body = MessageBody(content: content, text: content.text, nonce: "n-1")
        body.reply = "9"
        let json = body.message
        #expect(json["nonce"]?.string == "n-1" && json["enforce_nonce"]?.bool == true)
        #expect(json["allowed_mentions"]?["parse"]?.array?.isEmpty == true)
        #expect(json["message_reference"]?["message_id"]?.string == "9")
        #expect(json["message_reference"]?["fail_if_not_exists"]?.bool == false)
        let ids = json["components"]?.array?.first?["components"]?.array?.compactMap { $0["custom_id"]?.string } ?? []
        #expect(Set(ids).count == 2 && ids.allSatisfy { ButtonData.data(of: $0) == "y" })
        #expect(body.answer["nonce"] == nil && body.answer["message_reference"] == nil)
    }

    @Test(
        "a form has the length that it says, its files in their places, and names that cannot break out",
        .timeLimit(.minutes(1))
    )
    func form() async throws {
        let files = [
            MultipartForm.File(name: "a\"\r\n/b.txt", mime: "text/plain", size: 3, bytes: .here([1, 2, 3])),
            MultipartForm.File(
                name: "big",
                mime: "x\r\ny",
                size: 600_000,
                bytes: .elsewhere { chunk in for _ in 0..<6 { try await chunk([UInt8](repeating: 7, count: 100_000)) } }
            ),
        ]
        let form = MultipartForm(payload: ["content": "x"], files: files)
        var all: [UInt8] = []
        for try await part in form.parts { all += part.readableBytesView }
        #expect(Int64(all.count) == form.length)
        let text = String(decoding: all, as: UTF8.self)
        #expect(text.contains("name=\"files[0]\"; filename=\"a____b.txt\""))
        #expect(text.contains("name=\"files[1]\"; filename=\"big\"\r\ncontent-type: application/octet-stream\r\n"))
    }

    @Test("whoever stops reading a form stops the one who writes it", .timeLimit(.minutes(1)))
    func abandonedForm() async throws {
        let (ends, ended) = AsyncStream.makeStream(of: Void.self)
        let file = MultipartForm.File(
            name: "endless",
            mime: "",
            size: 1,
            bytes: .elsewhere { chunk in
                defer { ended.finish() }
                while true { try await chunk([1]) }
            }
        )
        do {
            let form = MultipartForm(payload: [:], files: [file])
            var count = 0
            for try await _ in form.parts {
                count += 1
                if count == 5 { break }
            }
        }
        for await _ in ends {}
    }

    @Test(
        "emoji in addresses",
        arguments: [
            ("👍", "%F0%9F%91%8D"), ("<:cat:123>", "cat%3A123"), ("<a:dog:5>", "dog%3A5"), ("cat:123", "cat%3A123"),
            ("../x", "%2E%2E%2Fx"),
        ]
    )
    func emoji(_ text: String, _ path: String) {
        #expect(EmojiName.path(text) == path)
    }

    @Test("targets: small JSON, words for messages that answer nothing, and nothing else")
    func targets() {
        let interaction = ReplyTarget.Interaction(application: "1", token: "a.b-c_=", made: 5, isDeferred: true)
        let target = ReplyTarget(channel: "60", message: "9", interaction: interaction)
        #expect(ReplyTarget(decoding: target.encoded()) == target)
        #expect(ReplyTarget(decoding: "user:5".utf8)?.user == "5")
        #expect(
            ReplyTarget(decoding: "channel:60".utf8)?.channel == "60"
                && ReplyTarget(decoding: "60".utf8)?.channel == "60"
        )
        for bad in [
            "", "{}", "[]", "user:", "user:x", #"{"c":"../1"}"#, #"{"c":5}"#, String(repeating: "9", count: 5000),
        ] {
            #expect(ReplyTarget(decoding: bad.utf8) == nil)
        }
        #expect(ReplyTarget(decoding: #"{"c":"1","i":{"t":"a/../b","a":"1"}}"#.utf8)?.interaction == nil)
    }

    @Test(
        "only Discord's file servers and the stand-in are fetched from",
        arguments: [
            ("https://cdn.discordapp.com/a?b", true), ("https://media.discordapp.net/x", true),
            ("http://cdn.discordapp.com/a", false),
            ("https://cdn.discordapp.com@evil.example/a", false), ("https://cdn.discordapp.com.evil.example/a", false),
            ("http://127.0.0.1:9/attachments/1", true), ("http://127.0.0.1:99/attachments/1", false),
            ("https://127.0.0.1:9/x", false),
            ("http://169.254.169.254/latest", false), ("file:///etc/passwd", false),
            ("https://cdn.discordapp.com\\@x/", false), ("", false),
        ]
    )
    func addresses(_ url: String, _ isAllowed: Bool) {
        #expect(MediaRef.isAllowed(url, apiHost: "127.0.0.1:9", apiIsSecure: false) == isAllowed)
    }

    @Test("a file's name survives, a long address is had again from its message")
    func refs() {
        let ref = MediaRef(channel: "1", message: "2", attachment: "3", url: "https://cdn.discordapp.com/x")
        #expect(MediaRef(decoding: Array(ref.encoded())) == ref)
        let long = MediaRef(channel: "1", message: "2", attachment: "3", url: String(repeating: "u", count: 5000))
        #expect(long.encoded().count < 4096 && MediaRef(decoding: Array(long.encoded()))?.url == "")
        #expect(MediaRef(decoding: []) == nil && MediaRef(decoding: Array("{}".utf8)) == nil)
    }

    @Test(
        "addresses of the gateway",
        arguments: [
            ("wss://gateway.discord.gg", "gateway.discord.gg", 443, "/"),
            ("ws://127.0.0.1:80/resume?x=1", "127.0.0.1", 80, "/resume"),
            ("wss://[::1]:9/", "::1", 9, "/"),
        ]
    )
    func gateway(_ url: String, _ host: String, _ port: Int, _ path: String) throws {
        let address = try #require(GatewaySocket.Address(url))
        #expect(
            address.host == host && address.port == port
                && address.path == path + "?v=10&encoding=json&compress=zlib-stream"
        )
    }

    @Test(
        "no address",
        arguments: ["", "http://x", "wss://", "wss://h:0", "wss://h:99999", "wss://a@b", "wss://a b", "wss://h\r\nx"]
    )
    func noGateway(_ url: String) {
        #expect(GatewaySocket.Address(url) == nil)
    }

    @Test("flags: what is off is not asked for, and the switch is named")
    func flags() {
        let (none, warnings) = ApplicationFlags(bits: 0).granted(Intents(guildMembers: true))
        #expect(none == Intents(messageContent: false) && warnings.count == 2)
        #expect(warnings[0].contains("MESSAGE CONTENT INTENT") && warnings[0].contains("Privileged Gateway Intents"))
        #expect(ApplicationFlags(bits: 1 << 19).granted(Intents()).warnings.isEmpty)
        #expect(Intents().bits == 46593)
    }

    @Test("permissions: role, channel and own overwrites in Discord's order; owner and administrator may all")
    func permissions() throws {
        func missing(_ roles: String, _ overwrites: String, owner: String = "1") throws -> [String] {
            let guild = try JSON(parsing: #"{"id":"70","owner_id":"\#(owner)","roles":\#(roles)}"#.utf8)
            let member: JSON = ["roles": ["71"]]
            let channel = try JSON(parsing: #"{"permission_overwrites":\#(overwrites)}"#.utf8)
            return Permissions(guild: guild, member: member, channel: channel, user: "800").missing
        }
        let all = String(1 << 10 | 1 << 11 | 1 << 16)
        #expect(try missing(#"[{"id":"70","permissions":"\#(all)"}]"#, "[]") == [])
        #expect(try missing(#"[{"id":"70","permissions":"1024"}]"#, "[]") == ["SendMessages", "ReadMessageHistory"])
        #expect(
            try missing(#"[{"id":"70","permissions":"\#(all)"}]"#, #"[{"id":"70","type":0,"deny":"2048","allow":"0"}]"#)
                == ["SendMessages"]
        )
        #expect(
            try missing(
                #"[{"id":"70","permissions":"\#(all)"}]"#,
                #"[{"id":"70","type":0,"deny":"2048","allow":"0"},{"id":"800","type":1,"allow":"2048","deny":"0"}]"#
            ) == []
        )
        #expect(try missing(#"[{"id":"71","permissions":"8"}]"#, "[]") == [] && missing("[]", "[]", owner: "800") == [])
    }
}
