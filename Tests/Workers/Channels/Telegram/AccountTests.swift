import FoundationEssentials
import NIOPosix
import Testing

@testable import Telegram

@Suite("What is settled beside the messages", .timeLimit(.minutes(1)))
struct AccountTests {
    @Test("commands that Telegram would refuse the menu for are left out, and a menu is told by its hash")
    func menu() {
        let commands = [
            MenuCommand(name: "new", summary: "Begin"), MenuCommand(name: "New", summary: "x"),
            MenuCommand(name: "a-b", summary: "x"),
            MenuCommand(name: "", summary: "x"), MenuCommand(name: "empty", summary: ""),
            MenuCommand(name: "new", summary: "twice"),
            MenuCommand(name: String(repeating: "x", count: 33), summary: "x"),
            MenuCommand(name: "ok_1", summary: String(repeating: "y", count: 300)),
        ]
        let valid = MenuCommand.valid(commands)
        #expect(valid.map(\.name) == ["new", "ok_1"] && valid.last?.summary.count == 256)
        #expect(MenuCommand.valid((0..<150).map { MenuCommand(name: "c\($0)", summary: "x") }).count == 100)
        #expect(MenuCommand.hash(valid) == MenuCommand.hash(valid) && MenuCommand.hash(valid).count == 16)
        #expect(MenuCommand.hash(valid) != MenuCommand.hash(Array(valid.reversed())))
    }

    @Test(
        "a pressed button's id is found in the raw update, and only there",
        arguments: [
            (#"{"update_id":1,"callback_query":{"from":{"id":5},"id":"4382bfdw","data":"x"}}"#, "4382bfdw"),
            (#"{"callback_query":{"id":"77"},"update_id":1}"#, "77"),
            (#"{"update_id":1,"message":{"text":"{\"callback_query\":{\"id\":\"77\"}}"}}"#, nil),
            (#"{"update_id":1,"callback_query":{"id":77}}"#, nil),
            (#"{"update_id":1,"callback_query":{"id":"a\"b"}}"#, nil),
            (#"{"update_id":1,"callback_query":[]}"#, nil), (#"{"update_id":1,"callback_query":{}}"#, nil), ("{", nil),
            ("", nil),
        ] as [(String, String?)]
    )
    func buttons(_ update: String, _ id: String?) {
        #expect(UpdateScanner.callbackID(in: Array(update.utf8)) == id)
    }

    @Test("a webhook's body is one update and nothing else")
    func single() throws {
        #expect(try UpdateScanner.single(Array(#" {"update_id":7,"message":{}} "#.utf8)) == 7)
        for body in [
            "", "{}", "[]", #"{"update_id":7"#, #"{"update_id":7} x"#, #"{"update_id":"7"}"#, #"{"message":{}}"#,
        ] {
            #expect(throws: UpdateScanner.Failure.self) { try UpdateScanner.single(Array(body.utf8)) }
        }
    }

    /// What the probe says when the bot answers so.
    private func probe(
        groups: [Int64] = [],
        params: String = "",
        _ answer: @escaping @Sendable (FakeBot.Request) async -> FakeBot.Answer
    ) async throws -> String {
        let bot = try await FakeBot(answer)
        let api = BotAPI(root: bot.root, token: FakeBot.token, group: MultiThreadedEventLoopGroup.singleton)
        let probe = TelegramProbe(api: api, groups: groups, needsAllMessages: true)
        let text = String(decoding: await probe.answer(Array(params.utf8)), as: UTF8.self)
        await api.shutdown()
        await bot.close()
        return text
    }

    @Test("a probe says who the bot is, where its webhook is, and in which groups it is")
    func probe() async throws {
        let text = try await probe(groups: [-1, -2]) { request in
            switch request.path {
            case "getMe":
                .json(
                    #"{"ok":true,"result":{"id":99,"is_bot":true,"first_name":"C","username":"claw_bot","can_join_groups":true,"can_read_all_group_messages":false}}"#
                )
            case "getWebhookInfo":
                .json(
                    #"{"ok":true,"result":{"url":"https://x.y/z","has_custom_certificate":false,"last_error_message":"boom"}}"#
                )
            case "getChatMember" where request.text.contains(#""chat_id":-1,"#):
                .json(#"{"ok":true,"result":{"status":"member"}}"#)
            default: .status(400, #"{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}"#)
            }
        }
        for part in [
            #""ok":true"#,
            #""bot":{"canJoinGroups":true,"canReadAllGroupMessages":false,"id":99,"username":"claw_bot"}"#,
            #""webhook":{"hasCustomCert":false,"url":"https://x.y/z"}"#, "boom", "/setprivacy",
            #""groups":[{"chatId":"-1","ok":true,"status":"member"},{"chatId":"-2","error":"400 Bad Request: chat not found","ok":false}]"#,
            #""checkedGroups":2"#,
        ] { #expect(text.contains(part), "\(part) in \(text)") }
    }

    @Test("a probe of a wrong token says so, one without an answer ends in its time")
    func failures() async throws {
        let wrong = try await probe { _ in .status(401, #"{"ok":false,"error_code":401,"description":"Unauthorized"}"#)
        }
        #expect(
            wrong.contains(#""error":"401 Unauthorized""#) && wrong.contains(#""ok":false"#)
                && wrong.contains(#""status":401"#)
        )
        let silent = try await probe(params: #"{"timeoutMs":1}"#) { _ in .silence }
        #expect(silent.contains(#""ok":false"#) && silent.contains("no answer to getMe within"))
    }
}
