import FoundationEssentials
import IPCHub
import Logging
import NIOHTTP1
import NIOPosix
import Runtime
import SwiftProtobuf
import Synchronization
import Testing

@testable import Telegram

@Suite("Delivering rows", .timeLimit(.minutes(1)))
struct SenderTests {
    private static let sent = #"{"ok":true,"result":{"message_id":12}}"#
    private static let file = [UInt8](repeating: 7, count: 300_000)

    /// Sends one row after another to a bot that answers so.
    private func send(
        _ sends: [HubSend],
        fetch: @escaping Sender.Fetch = { _, _, piece in try await piece(SenderTests.file) },
        _ answer: @escaping @Sendable (FakeBot.Request) async -> FakeBot.Answer
    ) async throws -> (results: [HubSendResult], bot: FakeBot) {
        let bot = try await FakeBot(answer)
        var settings = TelegramSettings()
        settings.apiRoot = bot.root
        let api = BotAPI(root: bot.root, token: FakeBot.token, group: MultiThreadedEventLoopGroup.singleton)
        let sender = Sender(
            api: api,
            settings: settings,
            log: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() },
            fetch: fetch
        )
        var results: [HubSendResult] = []
        for send in sends { results.append(await sender.send(send)) }
        await api.shutdown()
        await bot.close()
        return (results, bot)
    }

    private func row(_ fill: (inout HubOutgoing) -> Void) -> HubSend {
        var send = HubSend()
        send.row = 3
        send.first = true
        send.target = ReplyTarget(chat: -5, thread: 1, message: 9).encoded()
        fill(&send.content)
        return send
    }

    private var picture: HubMedia {
        .with {
            $0.kind = .image; $0.mime = "image/png"; $0.name = "a\"b.png"; $0.size = 300_000
        }
    }

    @Test("a chunk marks its question, names no general topic and allows that the question is gone")
    func text() async throws {
        let (results, bot) = try await send([row { $0.text = "**x**" }]) { _ in .json(Self.sent) }
        #expect(results.first?.outcome == .sent && results.first?.messageID == "12" && results.first?.row == 3)
        #expect(
            bot.asked("sendMessage").map(\.text) == [
                #"{"chat_id":-5,"parse_mode":"HTML","reply_parameters":{"allow_sending_without_reply":true,"message_id":9},"text":"<b>x</b>"}"#
            ]
        )
    }

    @Test("refused markup is sent as words, a group that moved is followed, and the next row goes there at once")
    func repairs() async throws {
        let (results, bot) = try await send([row { $0.text = "**x**" }, row { $0.text = "y" }]) { request in
            if request.text.contains(#""chat_id":-5"#) {
                return .status(
                    400,
                    #"{"ok":false,"error_code":400,"description":"upgraded","parameters":{"migrate_to_chat_id":-77}}"#
                )
            }
            return request.text.contains("parse_mode")
                ? .status(400, #"{"ok":false,"error_code":400,"description":"Bad Request: can't parse entities: x"}"#)
                : .json(Self.sent)
        }
        #expect(results.map(\.outcome) == [.sent, .sent])
        #expect(bot.asked("sendMessage").map { $0.text.contains(#""chat_id":-77"#) } == [false, true, true, true])
    }

    @Test("a file streams through as a form with its caption and buttons")
    func upload() async throws {
        let send = row {
            $0.text = "look"
            $0.media = [picture]
            $0.buttons = [
                .with {
                    $0.buttons = [
                        .with {
                            $0.label = "Yes"; $0.data = "y"
                        }
                    ]
                }
            ]
        }
        let (results, bot) = try await self.send([send]) { _ in .json(Self.sent) }
        #expect(results.first?.outcome == .sent && results.first?.messageID == "12")
        let request = try #require(bot.asked("sendPhoto").first)
        let type = request.headers.first(name: "content-type") ?? ""
        #expect(type.hasPrefix("multipart/form-data; boundary=clawhold-"))
        #expect(request.headers.first(name: "content-length") == String(request.body.count))
        #expect(request.body.count(where: { $0 == 7 }) == 300_000)
        let text = String(decoding: request.body.filter { $0 != 7 }, as: UTF8.self)
        #expect(text.contains("name=\"chat_id\"\r\n\r\n-5\r\n") && text.contains("name=\"caption\"\r\n\r\nlook\r\n"))
        #expect(text.contains("name=\"photo\"; filename=\"ab.png\"\r\nContent-Type: image/png\r\n\r\n\r\n--"))
        #expect(text.contains(#"{"inline_keyboard":[[{"callback_data":"y","text":"Yes"}]]}"#))
        #expect(!text.contains("message_thread_id") && !text.contains("parse_mode"))
    }

    @Test("a voice message that the chat forbids becomes audio, then a file, then a sentence; the operator is told")
    func fallbacks() async throws {
        let voice = row {
            $0.media = [
                .with {
                    $0.kind = .voice; $0.name = "v.ogg"
                }
            ]; $0.asVoice = true
        }
        let (results, bot) = try await send([voice]) { request in
            request.path == "sendMessage"
                ? .json(Self.sent)
                : .status(400, #"{"ok":false,"error_code":400,"description":"Bad Request: VOICE_MESSAGES_FORBIDDEN"}"#)
        }
        #expect(bot.asked().map(\.path) == ["sendVoice", "sendAudio", "sendDocument", "sendMessage"])
        #expect(bot.asked("sendMessage").first?.text.contains("[the file v.ogg could not be sent: 400") == true)
        #expect(
            results.first?.outcome == .sent && results.first?.error.hasPrefix("the file v.ogg was not sent") == true
        )
    }

    @Test(
        "a file that its owner does not give is a sentence for good, a retry for a while, and nothing reaches Telegram"
    )
    func noFile() async throws {
        let send = row {
            $0.text = "**look**"; $0.media = [picture]
        }
        let (gone, bot) = try await self.send([send], fetch: { _, _, _ in throw MediaError("no such file") }) { _ in
            .json(Self.sent)
        }
        #expect(gone.first?.outcome == .sent && bot.asked("sendMessage").count == 1)
        #expect(bot.asked("sendMessage").first?.text.contains("could not be sent: no such file]") == true)
        let (busy, other) = try await self.send(
            [send],
            fetch: { _, _, _ in throw MediaError("busy", isTemporary: true) }
        ) { _ in .json(Self.sent) }
        #expect(
            busy.first?.outcome == .retry && busy.first?.possibleDuplicate == false && busy.first?.retryAfterMs == 5000
        )
        #expect(other.asked("sendMessage").isEmpty)
        let short: Sender.Fetch = { _, _, piece in try await piece([1, 2, 3]) }
        let (cut, last) = try await self.send([send], fetch: short) { _ in .json(Self.sent) }
        #expect(cut.first?.outcome == .sent && last.asked("sendMessage").count == 1, "fewer bytes than were promised")
    }

    @Test("a row of several calls goes on where it stopped, and only the call that was in doubt is marked")
    func progress() async throws {
        let calls = Mutex(0)
        let long = row { $0.text = String(repeating: "word ", count: 2000) }
        var again = long
        again.inDoubt = true
        let (results, bot) = try await send([long, again]) { _ in
            calls.withLock {
                $0 += 1; return $0
            } == 2 ? .close : .json(Self.sent)
        }
        #expect(results.map(\.outcome) == [.retry, .sent])
        #expect(results.map(\.possibleDuplicate) == [true, true])
        let starts = bot.asked("sendMessage").map(\.body.count)
        #expect(starts.count == 4 && starts[1] == starts[2], "the second chunk twice, the first once")
    }

    @Test("edits, deletions and reactions name their message; one that changes nothing is done")
    func others() async throws {
        let sends = [
            row {
                $0.kind = .edit; $0.messageID = "4"; $0.text = "new"
            },
            row {
                $0.kind = .delete; $0.messageID = "4"
            },
            row {
                $0.kind = .reaction; $0.emoji = "👍"
            },
            row {
                $0.kind = .reaction; $0.remove = true
            },
        ]
        let (results, bot) = try await send(sends) { request in
            request.path == "editMessageText"
                ? .status(
                    400,
                    #"{"ok":false,"error_code":400,"description":"Bad Request: message is not modified: x"}"#
                )
                : .json(#"{"ok":true,"result":true}"#)
        }
        #expect(results.map(\.outcome) == [.sent, .sent, .sent, .sent])
        #expect(
            bot.asked("setMessageReaction").map(\.text) == [
                #"{"chat_id":-5,"message_id":9,"reaction":[{"emoji":"👍","type":"emoji"}]}"#,
                #"{"chat_id":-5,"message_id":9,"reaction":[]}"#,
            ]
        )
        #expect(bot.asked("deleteMessage").map(\.text) == [#"{"chat_id":-5,"message_id":4}"#])
    }

    @Test("progress is kept for a bounded number of rows")
    func bound() {
        var progress = SendProgress()
        for row in 0..<1000 { progress.keep(.init(steps: 1), of: UInt64(row)) }
        #expect(progress.count == SendProgress.limit && progress[999].steps == 1 && progress[1].steps == 0)
        var moves = Moves()
        for chat in 1...1000 { moves.add(Int64(-chat), to: Int64(-chat - 10_000)) }
        #expect(moves[-1000] == -11_000)
    }
}

@Suite("A file's way from task to task", .timeLimit(.minutes(1)))
struct HandoverTests {
    @Test("pieces arrive in order, the giver waits for the taker, and the end is told")
    func order() async throws {
        let handover = Handover()
        let giver = Task {
            for piece in 0..<100 { try await handover.put([UInt8(piece)]) }
            handover.end()
        }
        var pieces: [UInt8] = []
        while let piece = try await handover.next() { pieces += piece }
        #expect(pieces == (0..<100).map { UInt8($0) })
        try await giver.value
    }

    @Test("whichever side ends, the other is let go")
    func ends() async throws {
        let taken = Handover()
        let giver = Task { try await taken.put([1]) }
        taken.end(MediaError("x"))
        await #expect(throws: (any Error).self) { try await giver.value }
        let given = Handover()
        let taker = Task { try await given.next() }
        given.end(MediaError("x"))
        await #expect(throws: MediaError("x")) { try await taker.value }
        let cancelled = Handover()
        let waiting = Task { try await cancelled.next() }
        waiting.cancel()
        await #expect(throws: (any Error).self) { try await waiting.value }
    }

    @Test("names and types of files cannot break out of the form")
    func names() {
        #expect(MultipartForm.quoted("../../etc/a\"\r\nX: y\\") == "aX: y")
        #expect(MultipartForm.quoted("") == "file" && MultipartForm.quoted("\r\n") == "file")
        #expect(MultipartForm.quoted("ü 👍.png") == "ü 👍.png")
        let form = MultipartForm(
            fields: [],
            field: "photo",
            name: "a",
            mime: "a/b\r\nX: y",
            boundary: "B",
            file: Handover()
        )
        #expect(
            form.overhead
                == "--B\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--B--\r\n"
                .utf8.count
        )
    }
}
