import FoundationEssentials
import IPCHub
import NIOCore
import NIOPosix
import Runtime
import SwiftProtobuf
import Synchronization
import Testing

@Suite("Serving files", .timeLimit(.minutes(1)))
struct MediaServerTests {
    /// Has `owner` answer one request and returns the frames of its answer.
    private func ask(
        _ owner: any MediaOwner,
        ref: [UInt8] = [1],
        limit: UInt64 = 10_000_000
    ) async throws -> (chunks: [Int], bytes: [UInt8], end: HubMediaEnd?) {
        let group = MultiThreadedEventLoopGroup.singleton
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "channel:telegram:default", hub: hub.path, group: group)
        let (answers, answer) = AsyncStream<HubMessage>.makeStream()
        let serving = Task {
            try await hub.run { _, worker in
                let hello = try await worker.welcome()
                #expect(hello?.stream == "s1")
                #expect(hello?.target == "")
                try await worker.send(
                    .mediaRequest(
                        .with {
                            $0.ref = Data(ref)
                            $0.limit = limit
                        }
                    )
                )
                while let message = try await worker.next() {
                    answer.yield(message)
                    if case .mediaEnd = message { break }
                }
                answer.finish()
            }
        }
        defer { serving.cancel() }
        let server = MediaServer(worker: subject.worker, owner: owner)
        server.accept(.with { $0.stream = "s1" })
        var (chunks, bytes, end): ([Int], [UInt8], HubMediaEnd?) = ([], [], nil)
        for await message in answers {
            switch message {
            case .mediaChunk(let chunk):
                chunks.append(chunk.data.count)
                bytes += chunk.data
            case .mediaEnd(let last): end = last
            default: Issue.record("a frame of type \(message.type)")
            }
        }
        return (chunks, bytes, end)
    }

    @Test("a file goes out in pieces of at most 256 KiB and an end that says what it is")
    func pieces() async throws {
        let whole = (0..<600_000).map { UInt8(truncatingIfNeeded: $0) }
        let answer = try await ask(
            Files { ref, sink in
                #expect(ref == [1])
                try await sink.write(whole)
                #expect(sink.size == 600_000)
                return MediaFile(mime: "application/pdf", name: "a.pdf")
            }
        )
        #expect(answer.chunks == [262_144, 262_144, 75_712])
        #expect(answer.bytes == whole)
        #expect(answer.end?.mime == "application/pdf")
        #expect(answer.end?.name == "a.pdf")
        #expect(answer.end?.error == "")
    }

    @Test("an owner's refusal is told word for word, any other error is not")
    func errors() async throws {
        let refusal = try await ask(Files { _, _ in throw MediaError("gone since yesterday", isTemporary: true) })
        #expect(refusal.end?.error == "gone since yesterday")
        #expect(refusal.end?.isTemporary == true)
        let broken = try await ask(Files { _, _ in throw SocketError(5) })
        #expect(broken.end?.error.contains("SocketError") == false)
        #expect(broken.end?.error.isEmpty == false)
    }

    @Test("more than the asking side takes is not sent")
    func limit() async throws {
        let answer = try await ask(
            Files { _, sink in
                try await sink.write([1, 2, 3])
                try await sink.write([4, 5, 6])
                return MediaFile()
            },
            limit: 5
        )
        #expect(answer.bytes == [1, 2, 3])
        #expect(answer.end?.error.contains("larger than the 5 bytes") == true)
    }

    @Test("a name that is too long is refused without asking the owner")
    func longName() async throws {
        let answer = try await ask(
            Files { _, _ in
                Issue.record("the owner was asked")
                return MediaFile()
            },
            ref: [UInt8](repeating: 1, count: 4097)
        )
        #expect(answer.end?.error.isEmpty == false)
    }

    @Test("the asking side's close cancels the owner, whose place is then free again")
    func cancel() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "channel:telegram:default", hub: hub.path, group: group)
        let serving = Task {
            try await hub.run { _, worker in
                _ = try await worker.welcome()
                try await worker.send(.mediaRequest(.with { $0.limit = 10 }))
                _ = try await worker.next()  // the first piece: the owner is at it
            }
        }
        defer { serving.cancel() }
        let (cancelled, cancel) = AsyncStream<Void>.makeStream()
        let server = MediaServer(
            worker: subject.worker,
            owner: Files { _, sink in
                try await sink.write([1])
                try? await Task.sleep(for: .seconds(3600))
                #expect(Task.isCancelled)
                cancel.yield()
                return MediaFile()
            }
        )
        server.accept(.with { $0.stream = "s1" })
        #expect(!server.isIdle)
        for await _ in cancelled { break }
        while !server.isIdle { await Task.yield() }
    }

    @Test("a fifth file at the same time is asked to come again")
    func atOnce() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "channel:telegram:default", hub: hub.path, group: group)
        let (ends, end) = AsyncStream<HubMediaEnd>.makeStream()
        let serving = Task {
            try await hub.run { _, worker in
                _ = try await worker.welcome()
                try await worker.send(.mediaRequest(.with { $0.limit = 10 }))
                while let message = try await worker.next() {
                    if case .mediaEnd(let last) = message { end.yield(last) }
                }
            }
        }
        defer { serving.cancel() }
        let (started, start) = AsyncStream<Void>.makeStream()
        let owner = Files { _, _ in
            start.yield()
            try await Task.sleep(for: .seconds(3600))
            return MediaFile()
        }
        let server = MediaServer(worker: subject.worker, owner: owner)
        for number in 0..<MediaBounds.servedAtOnce { server.accept(.with { $0.stream = "s\(number)" }) }
        var running = started.makeAsyncIterator()
        for _ in 0..<MediaBounds.servedAtOnce { await running.next() }
        server.accept(.with { $0.stream = "one too many" })
        for await last in ends {
            #expect(last.isTemporary)
            #expect(last.error.contains("already"))
            break
        }
    }
}

/// Files that a closure has.
private struct Files: MediaOwner {
    var serve: @Sendable ([UInt8], MediaSink) async throws -> MediaFile

    init(_ serve: @escaping @Sendable ([UInt8], MediaSink) async throws -> MediaFile) { self.serve = serve }

    func media(ref: [UInt8], into sink: MediaSink) async throws -> MediaFile { try await serve(ref, sink) }
}
