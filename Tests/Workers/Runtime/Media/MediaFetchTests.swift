import FoundationEssentials
import IPCHub
import NIOCore
import NIOPosix
import Runtime
import SwiftProtobuf
import Synchronization
import Testing

@Suite("Asking for a file", .timeLimit(.minutes(1)))
struct MediaFetchTests {
    /// Asks an owner that `serve` plays; returns the bytes and what came of it.
    private func fetch(
        limit: UInt64 = 1000,
        size: UInt64 = 0,
        within time: Duration = .seconds(30),
        refused: @escaping @Sendable (FakeHub.Peer) async throws -> Bool = { _ in false },
        _ serve: @escaping @Sendable (FakeHub.Peer) async throws -> Void
    ) async throws -> (bytes: [UInt8], result: Result<MediaFile, any Error>) {
        let group = MultiThreadedEventLoopGroup.singleton
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "agent:main", hub: hub.path, group: group)
        let serving = Task {
            try await hub.run { _, worker in
                if try await refused(worker) { return }
                let hello = try await worker.welcome()
                #expect(hello?.target == "channel:telegram:default")
                #expect(hello?.stream.isEmpty == false)
                guard case .mediaRequest(let request)? = try await worker.next() else { return }
                #expect(Array(request.ref) == [7, 8])
                #expect(request.limit == limit)
                try await serve(worker)
                while try await worker.next() != nil {}
            }
        }
        defer { serving.cancel() }
        let bytes = Mutex<[UInt8]>([])
        var media = HubMedia()
        media.owner = "channel:telegram:default"
        media.ref = Data([7, 8])
        media.size = size
        do {
            let file = try await MediaFetch.open(subject.worker, media, limit: limit, within: time) { piece in
                bytes.withLock { $0 += piece }
            }
            return (bytes.withLock { $0 }, .success(file))
        } catch {
            return (bytes.withLock { $0 }, .failure(error))
        }
    }

    private static func chunk(_ bytes: [UInt8]) -> HubMessage { .mediaChunk(.with { $0.data = Data(bytes) }) }

    @Test("pieces come in order and the end says what the file is")
    func pieces() async throws {
        let answer = try await fetch { owner in
            try await owner.send(Self.chunk([1, 2]))
            try await owner.send(Self.chunk([3]))
            try await owner.send(
                .mediaEnd(
                    .with {
                        $0.mime = "image/png"
                        $0.name = "a.png"
                    }
                )
            )
        }
        #expect(answer.bytes == [1, 2, 3])
        #expect(try answer.result.get() == MediaFile(mime: "image/png", name: "a.png", size: 3))
    }

    @Test("the owner's words come through, with whether asking again may help", arguments: [true, false])
    func refusal(isTemporary: Bool) async throws {
        let answer = try await fetch { owner in
            try await owner.send(
                .mediaEnd(
                    .with {
                        $0.error = "the file is gone"
                        $0.isTemporary = isTemporary
                    }
                )
            )
        }
        #expect(throws: MediaError("the file is gone", isTemporary: isTemporary)) { try answer.result.get() }
    }

    @Test("an owner that sends more than was asked for is cut off")
    func tooMuch() async throws {
        let answer = try await fetch(limit: 3) { owner in
            try await owner.send(Self.chunk([1, 2]))
            try await owner.send(Self.chunk([3, 4]))
        }
        #expect(answer.bytes == [1, 2])
        let error = #expect(throws: MediaError.self) { try answer.result.get() }
        #expect(error?.isTemporary == false)
    }

    @Test("a file that says it is too large is not asked for")
    func saysTooLarge() async throws {
        let answer = try await fetch(limit: 3, size: 4) { _ in Issue.record("the owner was asked") }
        #expect(throws: MediaError.self) { try answer.result.get() }
    }

    @Test("an owner that stops in the middle, says nothing or sends something else is an error, temporary or not")
    func brokenOwners() async throws {
        let stopped = try await fetch(refused: { owner in
            _ = try await owner.welcome()
            _ = try await owner.next()
            try await owner.send(Self.chunk([1]))
            return true
        }) { _ in }
        #expect(throws: MediaError("its owner stopped in the middle of it", isTemporary: true)) {
            try stopped.result.get()
        }
        let silent = try await fetch(within: .milliseconds(50)) { _ in }
        #expect(#expect(throws: MediaError.self) { try silent.result.get() }?.isTemporary == true)
        let empty = try await fetch { try await $0.send(Self.chunk([])) }
        #expect(#expect(throws: MediaError.self) { try empty.result.get() }?.isTemporary == false)
        let large = try await fetch(limit: 1_000_000) {
            try await $0.send(Self.chunk([UInt8](repeating: 1, count: MediaBounds.chunkBytes + 1)))
        }
        #expect(#expect(throws: MediaError.self) { try large.result.get() }?.isTemporary == false)
        #expect(large.bytes.isEmpty)
        let other = try await fetch { try await $0.send(.modelRequestEnd(HubModelRequestEnd())) }
        #expect(#expect(throws: MediaError.self) { try other.result.get() }?.isTemporary == true)
    }

    @Test("an owner that cannot be had is a temporary error in the gateway's words")
    func unavailable() async throws {
        let answer = try await fetch(refused: { owner in
            _ = try await owner.next()
            try await owner.send(
                .goodbye(
                    .with {
                        $0.reason = .unavailable
                        $0.text = "channel:telegram:default is parked: bad token"
                    }
                )
            )
            return true
        }) { _ in }
        let error = #expect(throws: MediaError.self) { try answer.result.get() }
        #expect(error?.isTemporary == true)
        #expect(error?.description.contains("parked: bad token") == true)
    }
}
