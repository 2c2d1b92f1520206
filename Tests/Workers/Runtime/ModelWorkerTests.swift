import FoundationEssentials
import IPCHub
import NIOCore
import NIOPosix
import Runtime
import SwiftProtobuf
import Synchronization
import Testing

@Suite("The model contract", .timeLimit(.minutes(1)))
struct ModelWorkerTests {
    @Test("a call in frames is answered in events on a connection of its own")
    func answer() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "model:test", hub: hub.path, group: group)
        let model = Task { await ModelWorker(worker: subject.worker, provider: Echo()).run() }
        let (events, event) = AsyncStream<HubModelEvent>.makeStream()
        let serving = Task {
            try await hub.run { number, worker in
                let hello = try await worker.welcome()
                guard number > 1 else {
                    #expect(hello?.stream == "")
                    try await worker.send(.streamOpen(.with { $0.stream = "s1" }))
                    while try await worker.next() != nil {}
                    return
                }
                #expect(hello?.stream == "s1")
                try await worker.send(.modelRequest(.with { $0.model = "m" }))
                for text in ["one", "two"] {
                    try await worker.send(.modelMessage(.with { $0.blocks = [.with { $0.text = text }] }))
                }
                try await worker.send(.modelRequestEnd(HubModelRequestEnd()))
                while case .modelEvent(let next)? = try await worker.next() {
                    event.yield(next)
                    if case .finished? = next.event { break }
                }
                event.finish()
            }
        }
        var texts: [String] = []
        for await event in events { if case .text(let text)? = event.event { texts.append(text) } }
        #expect(texts == ["m", "one", "two"])
        serving.cancel()
        model.cancel()
    }

    @Test("a picture that came in pieces over several frames is one picture, and broken pieces end the call")
    func pictures() async throws {
        func block(_ bytes: [UInt8], more: Bool) -> HubModelBlock {
            .with {
                $0.image.mime = "image/png"
                $0.image.data = Data(bytes)
                $0.image.more = more
            }
        }
        func message(_ blocks: HubModelBlock...) -> HubModelMessage { .with { $0.blocks = blocks } }
        let text = HubModelBlock.with { $0.text = "t" }
        let whole = try await Self.call([
            message(text, block([1, 2], more: true)), message(block([3], more: true)),
            message(block([4], more: false), text, block([5], more: true)), message(block([], more: false)),
        ])
        #expect(whole?.messages.map { $0.blocks.count } == [4])
        #expect(whole?.messages.first?.blocks.map { Array($0.image.data) } == [[], [1, 2, 3, 4], [], [5]])
        #expect(whole?.messages.first?.blocks.allSatisfy { !$0.image.more } == true)
        let broken: [[HubModelMessage]] = [
            [message(block([1], more: true))], [message(block([1], more: true)), message(text)],
            [message(block([1], more: true), text)],
            [message(block([1], more: true)), message(block([2], more: true), text)],
            [
                message(block([1], more: true)),
                .with { ($0.role, $0.blocks) = (.assistant, [block([2], more: false)]) },
            ],
        ]
        for messages in broken { #expect(try await Self.call(messages) == nil) }
    }

    /// What a provider is given of these messages; nil when the stream is closed instead.
    private static func call(_ messages: [HubModelMessage]) async throws -> ModelCall? {
        let group = MultiThreadedEventLoopGroup.singleton
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "model:test", hub: hub.path, group: group)
        let (calls, call) = AsyncStream<ModelCall?>.makeStream()
        let provider = Seen { call.yield($0) }
        let model = Task { await ModelWorker(worker: subject.worker, provider: provider).run() }
        defer { model.cancel() }
        let serving = Task {
            try await hub.run { number, worker in
                _ = try await worker.welcome()
                if number == 1 { try await worker.send(.streamOpen(.with { $0.stream = "s1" })) }
                if number == 2 {
                    try await worker.send(.modelRequest(HubModelRequest()))
                    for message in messages { try await worker.send(.modelMessage(message)) }
                    try await worker.send(.modelRequestEnd(HubModelRequestEnd()))
                }
                while (try? await worker.next()) ?? nil != nil {}
                if number == 2 { call.yield(nil) }
            }
        }
        defer { serving.cancel() }
        for await seen in calls { return seen }
        return nil
    }

    @Test("closing the stream cancels the call")
    func cancel() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "model:test", hub: hub.path, group: group)
        let (cancelled, cancel) = AsyncStream<Bool>.makeStream()
        let provider = Endless { cancel.yield(true) }
        let model = Task { await ModelWorker(worker: subject.worker, provider: provider).run() }
        let serving = Task {
            try await hub.run { number, worker in
                _ = try await worker.welcome()
                guard number > 1 else {
                    try await worker.send(.streamOpen(.with { $0.stream = "s1" }))
                    while try await worker.next() != nil {}
                    return
                }
                try await worker.send(.modelRequest(HubModelRequest()))
                try await worker.send(.modelRequestEnd(HubModelRequestEnd()))
                _ = try await worker.next()  // the first text: the call runs
            }
        }
        for await wasCancelled in cancelled {
            #expect(wasCancelled)
            break
        }
        serving.cancel()
        model.cancel()
    }
}

/// Says back the model's name and what it was given.
private struct Echo: ModelProvider {
    func answer(_ call: ModelCall, into answer: ModelAnswer) async throws {
        try await answer.text(call.request.model)
        for message in call.messages { for block in message.blocks { try await answer.text(block.text) } }
        try await answer.finished(HubModelEvent.Finished())
    }
}

/// Tells what it was asked.
private struct Seen: ModelProvider {
    var asked: @Sendable (ModelCall) -> Void

    func answer(_ call: ModelCall, into answer: ModelAnswer) async throws {
        asked(call)
        try await answer.finished(HubModelEvent.Finished())
    }
}

/// Says one word and then nothing until it is cancelled.
private struct Endless: ModelProvider {
    var cancelled: @Sendable () -> Void

    func answer(_ call: ModelCall, into answer: ModelAnswer) async throws {
        try await answer.text("…")
        await withTaskCancellationHandler {
            await withCheckedContinuation { (ended: CheckedContinuation<Void, Never>) in
                Self.held.withLock { $0 = ended }
            }
        } onCancel: {
            cancelled()
            Self.held.withLock { held in
                defer { held = nil }
                return held
            }?.resume()
        }
    }

    private static let held = Mutex<CheckedContinuation<Void, Never>?>(nil)
}
