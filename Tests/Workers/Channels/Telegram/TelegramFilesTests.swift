import IPCHub
import NIOPosix
import Synchronization
import Testing

@testable import Runtime
@testable import Telegram

@Suite("Fetching files", .timeLimit(.minutes(1)))
struct TelegramFilesTests {
    @Test(
        "only plain relative paths become part of an address",
        arguments: [
            ("photos/file_1.jpg", "photos/file_1.jpg"), ("a b/ü?#%.x", "a%20b/%C3%BC%3F%23%25.x"), ("/abs", nil),
            ("a//b", nil),
            ("../x", nil), ("a/..", nil), ("", nil), ("a/./b", nil),
        ] as [(String, String?)]
    )
    func addresses(_ path: String, _ address: String?) {
        #expect(TelegramFiles.address(path) == address)
    }

    @Test("a reference is good for the bot that made it, unchanged and not too long")
    func seals() {
        let seal = FileSeal(token: "1:a")
        let ref = seal.ref("AgACAgIAAx")
        #expect(seal.id(in: ref) == "AgACAgIAAx")
        for index in ref.indices {
            var forged = ref
            forged[index] ^= 1
            #expect(seal.id(in: forged) == nil)
            #expect(seal.id(in: Array(ref.prefix(index))) == nil)
        }
        #expect(seal.id(in: seal.ref(String(repeating: "x", count: 600))) == nil)
    }

    /// What a download comes to, and what was asked.
    private func fetch(
        _ ref: [UInt8],
        limit: UInt64 = 1 << 20,
        _ answer: @escaping @Sendable (FakeBot.Request) async -> FakeBot.Answer
    ) async throws -> (bytes: [UInt8], outcome: Result<MediaFile, any Error>, asked: [String]) {
        let bot = try await FakeBot(answer)
        let api = BotAPI(root: bot.root, token: FakeBot.token, group: MultiThreadedEventLoopGroup.singleton)
        let files = TelegramFiles(api: api, seal: FileSeal(token: FakeBot.token))
        let bytes = Mutex<[UInt8]>([])
        let sink = MediaSink(limit: limit) { message in
            if case .mediaChunk(let chunk) = message { bytes.withLock { $0 += chunk.data } }
        }
        let outcome: Result<MediaFile, any Error>
        do {
            outcome = .success(try await files.media(ref: ref, into: sink))
        } catch {
            outcome = .failure(error)
        }
        await api.shutdown()
        await bot.close()
        return (bytes.withLock { $0 }, outcome, bot.asked().map(\.path))
    }

    private let ref = FileSeal(token: FakeBot.token).ref("id1")

    @Test("a file is asked for by its id and comes from the bot's file address")
    func download() async throws {
        let file = (0..<400_000).map { UInt8(truncatingIfNeeded: $0) }
        let (bytes, outcome, asked) = try await fetch(ref) { request in
            request.path == "getFile"
                ? .json(#"{"ok":true,"result":{"file_path":"photos/f.jpg","file_size":400000}}"#) : .bytes(file)
        }
        #expect(bytes == file && asked == ["getFile", "/file/bot\(FakeBot.token)/photos/f.jpg"])
        #expect(try outcome.get() == MediaFile(name: "f.jpg", size: 400_000))
    }

    @Test("too large is said before and while it is read, and no error holds the token")
    func errors() async throws {
        let named = try await fetch(ref, limit: 10) { _ in
            .json(#"{"ok":true,"result":{"file_path":"a","file_size":11}}"#)
        }
        #expect(named.asked == ["getFile"])
        let unnamed = try await fetch(ref, limit: 10) { request in
            request.path == "getFile"
                ? .json(#"{"ok":true,"result":{"file_path":"a"}}"#) : .bytes([UInt8](repeating: 1, count: 11))
        }
        #expect(unnamed.bytes.isEmpty)
        let refused = try await fetch(ref) { _ in
            .status(400, #"{"ok":false,"error_code":400,"description":"Bad Request: file is too big"}"#)
        }
        let gone = try await fetch(ref) { request in
            request.path == "getFile" ? .json(#"{"ok":true,"result":{"file_path":"a"}}"#) : .close
        }
        let foreign = try await fetch([1, 2, 3]) { _ in .close }
        #expect(foreign.asked.isEmpty)
        for (result, words, isTemporary) in [
            (named, "the file has 11 bytes", false), (unnamed, "larger than the 10 bytes", false),
            (refused, "20 MB", false),
            (gone, "did not hand out", true), (foreign, "no such file was sent to this bot", false),
        ] {
            guard case .failure(let error as MediaError) = result.outcome else {
                Issue.record("\(words): \(result.outcome)")
                continue
            }
            #expect(error.description.contains(words) && error.isTemporary == isTemporary)
            #expect(!error.description.contains("SECRET"))
        }
    }
}
