import FoundationEssentials
import IPCHub
import Testing

@testable import Telegram

@Suite("What the gateway is told about a chunk")
struct SendPlanTests {
    private func step(
        _ outcome: Result<String, CallFailure>,
        inDoubt: Bool = false,
        markup: Bool = false,
        moved: Bool = false,
        isRepeatable: Bool = false,
        file: FileMethod? = nil
    ) -> SendPlan.Step {
        let call = SendPlan.Call(
            row: 9,
            inDoubt: inDoubt,
            wasMarkup: markup,
            wasMoved: moved,
            isRepeatable: isRepeatable,
            file: file
        )
        return SendPlan.next(outcome, of: call, random: 0)
    }

    private func report(_ outcome: Result<String, CallFailure>, inDoubt: Bool = false) throws -> HubSendResult {
        guard case .report(let result) = step(outcome, inDoubt: inDoubt, moved: true) else { throw CancellationError() }
        #expect(result.row == 9)
        return result
    }

    @Test("delivered is SENT with the message's number; in doubt it is marked")
    func sent() throws {
        let clean = try report(.success("12"))
        #expect(clean.outcome == .sent && clean.messageID == "12" && !clean.possibleDuplicate && clean.error.isEmpty)
        let marked = try report(.success("12"), inDoubt: true)
        #expect(marked.outcome == .sent && marked.possibleDuplicate && marked.error.hasPrefix("possible duplicate"))
    }

    @Test("a request that never left is tried again, unmarked")
    func unreached() throws {
        let result = try report(.failure(.unreached("connection refused")))
        #expect(result.outcome == .retry && !result.possibleDuplicate && result.retryAfterMs >= 2000)
    }

    @Test("an unknown outcome is tried again once, marked, and then given up")
    func unknown() throws {
        let first = try report(.failure(.unknown("closed")))
        #expect(first.outcome == .retry && first.possibleDuplicate && first.retryAfterMs >= 1000)
        let second = try report(.failure(.unknown("closed")), inDoubt: true)
        #expect(second.outcome == .rejected && second.possibleDuplicate)
        let between = try report(.failure(.unreached("down")), inDoubt: true)
        #expect(between.outcome == .retry && between.possibleDuplicate, "not reached does not use up the one try")
    }

    @Test("429 waits as long as Telegram says; 400 and 403 are for good, with Telegram's words")
    func refusals() throws {
        #expect(try report(.failure(.tooMany(seconds: 7))).retryAfterMs == 7000)
        let blocked = try report(
            .failure(.refused(code: 403, description: "Forbidden: bot was blocked by the user", migratedTo: nil))
        )
        #expect(blocked.outcome == .rejected && blocked.error == "403 Forbidden: bot was blocked by the user")
    }

    @Test("a group that moved is followed once, refused markup is sent plain")
    func repairs() {
        let moved = CallFailure.refused(code: 400, description: "group chat was upgraded", migratedTo: -1009)
        #expect(step(.failure(moved)) == .call(chat: -1009))
        guard case .report(let result) = step(.failure(moved), moved: true) else {
            Issue.record("followed twice")
            return
        }
        #expect(result.outcome == .rejected)
        let markup = CallFailure.refused(
            code: 400,
            description: "Bad Request: can't parse entities: x",
            migratedTo: nil
        )
        #expect(step(.failure(markup), markup: true) == .callPlain)
        #expect(step(.failure(markup)) != .callPlain)
    }

    @Test("a file that Telegram does not take as it was sent is sent as something else, at last not at all")
    func files() {
        func refused(_ words: String, code: Int = 400) -> Result<String, CallFailure> {
            .failure(.refused(code: code, description: words, migratedTo: nil))
        }
        let voice = refused("Bad Request: VOICE_MESSAGES_FORBIDDEN")
        #expect(step(voice, file: .sendVoice) == .callFile(.sendAudio))
        #expect(step(refused("Bad Request: PHOTO_INVALID_DIMENSIONS"), file: .sendPhoto) == .callFile(.sendDocument))
        #expect(step(refused("Bad Request: file is empty"), file: .sendDocument) == .callFile(nil))
        #expect(step(refused("Request Entity Too Large", code: 413), file: .sendVideo) == .callFile(.sendDocument))
        for words in ["Bad Request: chat not found", "Bad Request: message thread not found"] {
            guard case .report(let result) = step(refused(words), file: .sendPhoto) else {
                Issue.record("\(words): another way of sending does not help")
                continue
            }
            #expect(result.outcome == .rejected)
        }
    }

    @Test("what may be repeated is never in doubt, and what is done already is done")
    func repeatable() throws {
        guard case .report(let again) = step(.failure(.unknown("closed")), inDoubt: true, isRepeatable: true),
            case .report(let same) = step(
                .failure(.refused(code: 400, description: "Bad Request: message is not modified", migratedTo: nil)),
                isRepeatable: true
            )
        else { throw CancellationError() }
        #expect(again.outcome == .retry && !again.possibleDuplicate)
        #expect(same.outcome == .sent)
    }

    @Test("statuses become the failures that they mean")
    func statuses() throws {
        func failure(_ status: Int, _ body: String) -> CallFailure {
            CallFailure(status: status, answer: try? Bot.decode(Bot.Answer<Bot.Present>.self, from: body.utf8))
        }
        #expect(
            failure(429, #"{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":3}}"#)
                == .tooMany(seconds: 3)
        )
        #expect(failure(429, "") == .tooMany(seconds: 5))
        #expect(
            failure(429, #"{"ok":false,"error_code":429,"parameters":{"retry_after":-9000000000000000000}}"#)
                == .tooMany(seconds: 1)
        )
        #expect(
            failure(401, #"{"ok":false,"error_code":401,"description":"Unauthorized"}"#)
                == .badToken(code: 401, description: "Unauthorized")
        )
        guard case .badToken = failure(404, #"{"ok":false,"error_code":404,"description":"Not Found"}"#) else {
            Issue.record("404")
            return
        }
        guard case .unknown = failure(502, "<html>") else {
            Issue.record("502")
            return
        }
        #expect(
            failure(400, #"{"ok":false,"error_code":400,"description":"d","parameters":{"migrate_to_chat_id":-5}}"#)
                == .refused(code: 400, description: "d", migratedTo: -5)
        )
    }

    @Test("requests are what python-telegram-bot sends, as JSON")
    func requests() {
        func body(_ call: BotCall) -> String { String(decoding: call.body, as: UTF8.self) }
        #expect(
            body(.getUpdates(after: 41, limit: 100))
                == #"{"allowed_updates":["message","edited_message","callback_query","message_reaction","my_chat_member"],"limit":100,"offset":42,"timeout":30}"#
        )
        #expect(!body(.getUpdates(after: nil, limit: 1)).contains("offset"))
        #expect(BotCall.getUpdates(after: nil, limit: 1).timeout > .seconds(40))
        let target = ReplyTarget(chat: -5, thread: 7, message: 3)
        #expect(
            body(.sendMessage("a/b", html: false, at: SendPlace(target: target, reply: 3), preview: true))
                == #"{"chat_id":-5,"message_thread_id":7,"reply_parameters":{"allow_sending_without_reply":true,"message_id":3},"text":"a/b"}"#
        )
        let general = ReplyTarget(chat: -5, thread: 1)
        #expect(
            body(.sendMessage("a", html: true, at: SendPlace(target: general), preview: false))
                == #"{"chat_id":-5,"link_preview_options":{"is_disabled":true},"parse_mode":"HTML","text":"a"}"#
        )
        #expect(body(.typing(in: general)) == #"{"action":"typing","chat_id":-5,"message_thread_id":1}"#)
        #expect(
            body(.setWebhook("https://a.b/c", secret: "s"))
                == #"{"allowed_updates":["message","edited_message","callback_query","message_reaction","my_chat_member"],"drop_pending_updates":false,"secret_token":"s","url":"https://a.b/c"}"#
        )
        #expect(
            body(.setMyCommands([MenuCommand(name: "new", summary: "N")]))
                == #"{"commands":[{"command":"new","description":"N"}]}"#
        )
        #expect(body(.deleteWebhook) == #"{"drop_pending_updates":false}"#)
    }
}
