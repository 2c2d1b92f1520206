import Glibc
import Runtime
import Testing

@testable import CLI

@Suite("Pages of channels and queue")
struct ChannelPageTests {
    static let now: Int64 = 1_700_000_000_000

    static func json(_ text: String) throws -> JSON { try JSON(parsing: text.utf8) }

    static func channels() throws -> [ChannelAccount] {
        let minute = now - 60_000
        return ChannelAccount.all(
            in: try json(
                #"""
                {"ts":1,"channelOrder":["telegram","discord","webchat"],
                 "channelLabels":{"telegram":"Telegram","discord":"Discord","webchat":"WebChat"},
                 "channelAccounts":{
                  "telegram":[
                   {"accountId":"default","enabled":true,"configured":true,"running":true,"connected":true,"mode":"polling",
                    "lastInboundAt":\#(minute),"lastOutboundAt":\#(now - 5000),"lastError":null,"tokenSource":"env",
                    "bot":{"username":"my_bot"},"warnings":["privacy mode is on: click @BotFather, /setprivacy"],
                    "ignored":{"today":4,"lastAt":1,"lastReason":"not in the list"},"pairing":2,
                    "probe":{"ok":false,"status":401,"elapsedMs":12,"error":"Unauthorized"},
                    "worker":{"state":"ready","journalPending":1,"outboxPending":0,"deadLetters":3}},
                   {"accountId":"work","enabled":true,"configured":true,"running":false,"connected":false,
                    "lastError":"401: bad token\u001b[31m","worker":{"state":"parked"}}],
                  "discord":[{"accountId":"default","enabled":false,"configured":true,"running":false,
                    "lastError":"disabled"}],
                  "webchat":[{"accountId":"default","connected":true,"running":true,"mode":"websocket"}]}}
                """#
            )
        )
    }

    @Test("channels status: a line each, and below it what is wrong and what to type, within eighty columns")
    func status() throws {
        let accounts = try Self.channels()
        let page = ChannelPage.status(accounts, now: Self.now, style: .plain, width: 80)
        #expect(
            page.split(separator: "\n") == [
                "CHANNEL        STATE      MODE       IN  OUT  IGN  NAME",
                "telegram       connected  polling    1m   5s    4  @my_bot",
                "  privacy mode is on: click @BotFather, /setprivacy",
                "  probe failed in 12 ms: Unauthorized (HTTP 401)",
                "  1 to be answered, 3 given up (clawhold queue list telegram)",
                "  4 ignored today, last: not in the list. See: clawhold why telegram",
                "  2 wait to be let in. See: clawhold pairing list telegram",
                "telegram:work  parked     -           -    -    0  -",
                "  401: bad token [31m",
                "discord        disabled   -           -    -    0  -",
                "webchat        connected  websocket   -    -    0  -",
            ]
        )
        for width in 66...120 {
            let page = ChannelPage.status(accounts, now: Self.now, style: .plain, width: width)
            for line in page.split(separator: "\n") { #expect(line.count <= width, "\(line)") }
        }
        #expect(!page.contains("\u{1B}"))
        let coloured = ChannelPage.status(accounts, now: Self.now, style: Style(isColoured: true), width: 80)
        #expect(coloured.contains("\u{1B}[31mparked"))
        #expect(ChannelPage.status([], now: 0, style: .plain, width: 80).contains("No channel is configured"))
    }

    @Test("channels list in OpenClaw's words and shape; one line each for the overview")
    func list() throws {
        let accounts = try Self.channels()
        #expect(
            ChannelPage.list(accounts).split(separator: "\n") == [
                "- Telegram default: enabled, configured, running, bot:@my_bot, token:env",
                "- Telegram work: enabled, configured, stopped",
                "- Discord default: disabled, configured, stopped",
                "- WebChat default: enabled, configured, running",
            ]
        )
        #expect(
            ChannelPage.listJSON(accounts)
                == #"{"chat":{"telegram":["default","work"],"discord":["default"],"webchat":["default"]},"auth":[]}"#
        )
        let brief = ChannelPage.brief(accounts, style: .plain, width: 60)
        #expect(brief[0] == "telegram       connected as @my_bot; 1 warning; 4 ignored t~")
        #expect(brief[1] == "telegram:work  parked: 401: bad token [31m")
        #expect(brief[2] == "discord        disabled" && brief[3] == "webchat        connected")
        for line in brief { #expect(line.count <= 60) }
    }

    @Test("a channel is named by its network, its account, or as a worker; a typing error is told right")
    func names() throws {
        let accounts = try Self.channels()
        func chosen(_ name: String?) throws -> [String] {
            try ChannelAccount.choose(name, among: accounts).map(\.name.short)
        }
        #expect(try chosen("telegram") == ["telegram", "telegram:work"])
        #expect(try chosen("Telegram:work") == ["telegram:work"] && chosen("channel:telegram:default") == ["telegram"])
        #expect(try chosen("webchat") == ["webchat"] && chosen(nil).count == 4)
        for (typed, words) in [
            ("telgram", "Did you mean telegram?"), ("telegram:wrok", "Did you mean telegram:work?"),
            ("whatsapp", "There are: telegram, telegram:work, discord, webchat."), ("", "There are: "),
        ] {
            let failure = #expect(throws: CommandFailure.self) { try chosen(typed) }
            #expect(failure?.code == 2 && failure?.text.contains(words) == true, "\(failure?.text ?? "")")
        }
        let rows = try ["channel:telegram:default", "channel:telegram:work", "agent:main", "gateway"].map {
            try PageTests.row(["ID": $0])
        }
        #expect(try ChannelChoice.workers("telegram", among: rows).count == 2)
        #expect(try ChannelChoice.workers(nil, among: rows).count == 2)
        #expect(try ChannelChoice.workers("telegram:work", among: rows).map(\.id) == ["channel:telegram:work"])
        for name in ["main", "gateway", "agent:main", "webchat"] {
            #expect(throws: CommandFailure.self) { try ChannelChoice.workers(name, among: rows) }
        }
    }

    @Test("the queue: state, age, whose, why, and what to type about what was given up")
    func queue() throws {
        let answer = try Self.json(
            #"""
            {"ts":1,"counts":{"waiting":1,"running":0,"dead":1},"items":[
             {"id":"outbox:34","kind":"outbox","state":"dead","channel":"channel:telegram:default","conversation":"-100",
              "at":\#(Self.now - 720_000),"reason":"the network refused it: chat not found","text":"Hello\nthere"},
             {"id":"turn:0a1b2c3d4e5f60718293a4b5","kind":"turn","state":"waiting","channel":"channel:discord:work",
              "sender":"alice","at":\#(Self.now - 4000),"text":"What is it?"}]}
            """#
        )
        #expect(
            QueuePage.list(answer, now: Self.now, style: .plain, width: 80).split(
                separator: "\n",
                omittingEmptySubsequences: false
            ) == [
                "STATE    AGE  CHANNEL       FROM   ID",
                "dead     12m  telegram      -100   outbox:34",
                "  the network refused it: chat not found",
                "  \"Hello there\"",
                "waiting   4s  discord:work  alice  turn:0a1b2c3d4e5f60718293a4b5",
                "  \"What is it?\"",
                "",
                "In the journal: 1 waiting, 1 dead.",
                "Try one again:  clawhold queue retry ID     Give it up:  clawhold queue drop ID",
            ]
        )
        let empty = try Self.json(#"{"counts":{"waiting":0},"items":[]}"#)
        #expect(QueuePage.list(empty, now: 0, style: .plain, width: 80) == "Nothing waits and nothing was given up.")
        let others = try Self.json(#"{"counts":{"waiting":3},"items":[]}"#)
        #expect(
            QueuePage.list(others, now: 0, style: .plain, width: 80) == "Nothing to show. In the journal: 3 waiting."
        )
    }

    @Test("one item of the queue with all that is known of it, its text in full and harmless")
    func item() throws {
        let answer = try Self.json(
            #"""
            {"item":{"id":"turn:ab","kind":"turn","state":"dead","channel":"channel:telegram:default","attempts":2,
              "at":\#(Self.now - 60_000),"settledAt":-9223372036854775808,"reason":"it killed agent:main"},
             "detail":{"text":"one\n\ntwo \u001b]0;x","ownDeaths":2,"inDoubt":true,"nextAttemptAt":\#(Self.now + 5000),
              "merged":["turn:cd","turn:ef"]}}
            """#
        )
        let lines = QueuePage.item(answer, now: Self.now, style: .plain, width: 80).split(
            separator: "\n",
            omittingEmptySubsequences: false
        )
        #expect(lines.first == "turn:ab" && lines.contains("  State        dead"))
        #expect(lines.contains("  Since        2023-11-14T22:12:20.000Z (1 m ago)"))
        #expect(lines.contains("  Next try     2023-11-14T22:13:25.000Z (in 5 s)"))
        #expect(lines.contains("  Merged       turn:cd turn:ef") && lines.contains("  Own deaths   2"))
        #expect(lines.contains("  one") && lines.contains("  two ]0;x"))
        #expect(!lines.contains { $0.contains("Given up ") }, "a time that cannot be is not shown")
        #expect(
            lines.last == "Try it again:  clawhold queue retry turn:ab     Give it up:  clawhold queue drop turn:ab"
        )
    }

    @Test("an item is named by its id or the beginning of it")
    func queueNames() throws {
        let ids = ["turn:0a1b", "turn:0a2c", "outbox:34", "inbox:7"]
        for (typed, meant) in [
            ("turn:0a1b", "turn:0a1b"), ("0a1", "turn:0a1b"), ("turn:0a2", "turn:0a2c"), ("outbox:34", "outbox:34"),
            ("turn:ffff", "turn:ffff"),
        ] {
            #expect(try QueueChoice.one(typed, among: ids) == meant)
        }
        for (typed, words) in [
            ("0a", "could be any of: turn:0a1b, turn:0a2c"), ("", "has no"), ("outbx:34", "Did you mean outbox:34?"),
            ("zzz", "has no \"zzz\".\n"),
        ] {
            let failure = #expect(throws: CommandFailure.self) { try QueueChoice.one(typed, among: ids) }
            #expect(failure?.code == 2 && failure?.text.contains(words) == true, "\(failure?.text ?? "")")
        }
    }

    @Test("why: who, where, why, the line that admits them whole, and the command instead of it")
    func why() throws {
        let answer = try Self.json(
            #"""
            {"items":[{"at":\#(Self.now - 65_000),"channel":"telegram","accountId":"default","chatType":"group",
              "conversation":"-100","conversationName":"Friends","sender":"7","senderName":"Bob","count":3,
              "reason":"the group is not in channels.telegram.groups","admit":"\"groups\": { \"-100\": {} }",
              "where":"channels.telegram (line 12 of openclaw.json)","command":"clawhold pairing approve telegram ABCD2345"}]}
            """#
        )
        let page = WhyPage.text(answer, of: "telegram", now: Self.now, style: .plain, width: 80)
        #expect(
            page.split(separator: "\n") == [
                "1m ago telegram Bob (7) in Friends (-100) (3 times)",
                "  the group is not in channels.telegram.groups",
                "  to admit:  \"groups\": { \"-100\": {} }",
                "             in channels.telegram (line 12 of openclaw.json)",
                "  or type:   clawhold pairing approve telegram ABCD2345",
            ]
        )
        let none = WhyPage.text(["items": []], of: "telegram", now: 0, style: .plain, width: 80)
        #expect(none.contains("from telegram") && none.contains("--probe"))
        let told = try Self.json(
            #"{"items":[],"channels":[{"channel":"telegram","accountId":"default","connected":true,"policies":["groups: two"]}]}"#
        )
        let page2 = WhyPage.text(told, of: nil, now: 0, style: .plain, width: 80)
        #expect(page2.contains("\ntelegram: connected\n  groups: two\n"))
    }

    @Test("pairing: the codes, whose they are, and how to let one in")
    func pairing() throws {
        let answer = try Self.json(
            #"""
            {"requests":[{"channel":"telegram","id":"123","code":"ABCD2345","createdAt":\#(Self.now - 60_000),
              "meta":{"name":"Alice","username":"@al\u0007"}}]}
            """#
        )
        let page = PairingPage.text(answer, of: nil, now: Self.now, style: .plain, width: 80)
        #expect(
            page.split(separator: "\n") == [
                "CODE      CHANNEL   AGE  ID   NAME",
                "ABCD2345  telegram   1m  123  Alice @al",
                "Let one in:  clawhold pairing approve telegram ABCD2345 --notify",
            ]
        )
        #expect(
            PairingPage.text([:], of: "telegram", now: 0, style: .plain, width: 80)
                == "No pending telegram pairing requests."
        )
    }
}
