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
