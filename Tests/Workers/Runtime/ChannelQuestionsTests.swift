import FoundationEssentials
import IPCHub
import NIOPosix
import SwiftProtobuf
import Synchronization
import Testing

@testable import Runtime

@Suite("What a channel is asked", .timeLimit(.minutes(1)))
struct ChannelQuestionsTests {
    @Test(
        "the network's answer to a question reaches the gateway, whole, and a method that it does not know is refused"
    )
    func answers() async throws {
        let network = AskedNetwork { method, params in
            method == "probe" ? Array("{\"ok\":true}".utf8) + params : nil
        }
        try await withChannel(network) { gateway in
            try await gateway.send(.request(request(1, "probe", [7])))
            let answer = try await response(from: gateway)
            #expect(Array(answer.payload) == Array("{\"ok\":true}".utf8) + [7])
            #expect(answer.error.isEmpty && answer.last)
            try await gateway.send(.request(request(2, "format")))
            let refusal = try await response(from: gateway)
            #expect(refusal.id == 2)
            #expect(refusal.error == "this channel knows no method format")
        }
    }

    @Test("a file of the network is served on the stream that the gateway named")
    func files() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "channel:test:default", hub: hub.path, group: group)
        var network = AskedNetwork { _, _ in nil }
        network.media = OneFile()
        let worker = ChannelWorker(worker: subject.worker, network: network)
        let channel = Task { try await worker.run() }
        let (done, finish) = AsyncStream<[HubMessage]>.makeStream()
        let serving = Task {
            try await hub.run { _, peer in
                let hello = try await peer.welcome()
                guard hello?.stream == "s1" else {
                    try await peer.send(.streamOpen(.with { $0.stream = "s1" }))
                    while try await peer.next() != nil {}
                    return
                }
                try await peer.send(
                    .mediaRequest(
                        .with {
                            $0.ref = Data([7]); $0.limit = 10
                        }
                    )
                )
                var messages: [HubMessage] = []
                while messages.count < 2, let message = try await peer.next() { messages.append(message) }
                finish.yield(messages)
            }
        }
        for await messages in done {
            #expect(
                messages == [.mediaChunk(.with { $0.data = Data([7, 1]) }), .mediaEnd(.with { $0.mime = "a/b" })]
            )
            break
        }
        serving.cancel()
        channel.cancel()
    }

    @Test("a ninth question at a time is refused at once, and the eight before it are answered")
    func bound() async throws {
        let (released, release) = AsyncStream<Void>.makeStream()
        let gate = Gate(released)
        let network = AskedNetwork { _, _ in
            await gate.wait()
            return [1]
        }
        try await withChannel(network) { gateway in
            for id in 1...9 { try await gateway.send(.request(request(UInt64(id), "probe"))) }
            let refusal = try await response(from: gateway)
            #expect(refusal.error == "the channel answers 8 questions already")
            release.finish()
            var answered: Set<UInt64> = [refusal.id]
            for _ in 1...8 {
                let answer = try await response(from: gateway)
                #expect(Array(answer.payload) == [1])
                answered.insert(answer.id)
            }
            #expect(answered == Set(1...9))
        }
    }

    @Test("an answer that does not come ends with the time limit, an endless one with the size limit")
    func limits() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let network = AskedNetwork { method, _ in
            guard method == "slow" else { return [UInt8](repeating: 0, count: WorkerQuestions.answerBytes + 1) }
            try? await Task.sleep(for: .seconds(600))
            return [1]
        }
        let questions = WorkerQuestions(who: "channel", loop: group.next(), timeLimit: .milliseconds(10)) {
            await network.answer(method: $0, params: $1)
        }
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "channel:test:default", hub: hub.path, group: group)
        let (welcomed, welcome) = AsyncStream<Void>.makeStream()
        let link = HubLink(worker: subject.worker, welcomed: { welcome.yield() }, receive: { _ in })
        let running = Task { await link.run() }
        let (done, finish) = AsyncStream<[String]>.makeStream()
        let serving = Task {
            try await hub.run { _, gateway in
                _ = try await gateway.welcome()
                let errors = [try await response(from: gateway).error, try await response(from: gateway).error]
                finish.yield(errors.sorted())
            }
        }
        for await _ in welcomed { break }
        questions.answer(request(1, "slow"), on: link)
        questions.answer(request(2, "long"), on: link)
        var errors: [String] = []
        for await result in done {
            errors = result
            break
        }
        #expect(errors.count == 2)
        #expect(errors.first?.hasPrefix("no answer to slow within") == true)
        #expect(errors.last == "the answer to long is too long")
        running.cancel()
        serving.cancel()
    }
}

/// Runs a channel against `gateway`, which is the other end of its first link.
func withChannel(
    _ network: some ChannelNetwork,
    _ gateway: @escaping @Sendable (FakeHub.Peer) async throws -> Void
) async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let hub = try await FakeHub(on: group)
    let subject = try await TestWorker(id: "channel:test:default", hub: hub.path, group: group)
    let channel = Task { try await ChannelWorker(worker: subject.worker, network: network).run() }
    let (done, finish) = AsyncThrowingStream<Void, any Error>.makeStream()
    let serving = Task {
        try await hub.run { number, peer in
            _ = try await peer.welcome()
            guard number == 1 else { return }
            do {
                try await gateway(peer)
                finish.finish()
            } catch {
                finish.finish(throwing: error)
            }
        }
    }
    for try await _ in done {}
    serving.cancel()
    channel.cancel()
}

private func request(_ id: UInt64, _ method: String, _ params: [UInt8] = []) -> HubRequest {
    .with {
        $0.id = id
        $0.method = method
        $0.params = Data(params)
    }
}

private func response(from gateway: FakeHub.Peer) async throws -> HubResponse {
    guard case .response(let response)? = try await gateway.next() else { throw HubLinkError.closed }
    return response
}

/// Lets everybody through once its stream has ended.
private final class Gate: Sendable {
    private let opened: Task<Void, Never>

    init(_ stream: AsyncStream<Void>) { opened = Task { for await _ in stream {} } }

    func wait() async { await opened.value }
}

/// A network of which only questions are asked.
private struct AskedNetwork: ChannelNetwork {
    var answering: @Sendable (String, [UInt8]) async -> [UInt8]?
    var media: (any MediaOwner)?

    func run(_ intake: ChannelIntake) async throws { try await Task.sleep(for: .seconds(600)) }
    func normalize(_ raw: [UInt8]) -> ChannelNormalization { .ignored("") }
    func send(_ send: HubSend) async -> HubSendResult { HubSendResult() }
    func activity(_ target: [UInt8]) async {}
    func answer(method: String, params: [UInt8]) async -> [UInt8]? { await answering(method, params) }
}

/// Its one file is its name and a 1.
private struct OneFile: MediaOwner {
    func media(ref: [UInt8], into sink: MediaSink) async throws -> MediaFile {
        try await sink.write(ref + [1])
        return MediaFile(mime: "a/b", size: 2)
    }
}
