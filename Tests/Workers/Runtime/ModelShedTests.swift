import IPCHub
import NIOPosix
import SwiftProtobuf
import Synchronization
import Testing

@testable import Runtime

@Suite("A model worker without room", .timeLimit(.minutes(1)))
struct ModelShedTests {
    private struct Unasked: ModelProvider {
        func answer(_ call: ModelCall, into answer: ModelAnswer) async throws {
            try await answer.finished(HubModelEvent.Finished())
        }

        func answer(question method: String, _ params: [UInt8]) async -> JSON? {
            method == "status" ? ["provider": "test"] : nil
        }
    }

    @Test("a call is read to its end and told that there is no room; status shows what is held")
    func shed() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "model:test", hub: hub.path, group: group)
        let admission = Admission(budget: 10, patience: .milliseconds(1), on: group.next())
        let blocker = Admission.Ticket()
        #expect(await admission.reserve(10, for: blocker))
        let worker = ModelWorker(worker: subject.worker, provider: Unasked(), records: nil, admission: admission)
        let model = Task { await worker.run() }
        let (answers, answer) = AsyncStream<HubMessage>.makeStream()
        let serving = Task {
            try await hub.run { number, worker in
                _ = try await worker.welcome()
                guard number > 1 else {
                    try await worker.send(.request(.with { ($0.id, $0.method) = (7, "status") }))
                    while let message = try await worker.next() {
                        answer.yield(message)
                        try await worker.send(.streamOpen(.with { $0.stream = "s1" }))
                    }
                    return
                }
                try await worker.send(.modelRequest(HubModelRequest()))
                for _ in 0..<20 {
                    let text = String(repeating: "x", count: 500_000)
                    try await worker.send(.modelMessage(.with { $0.blocks = [.with { $0.text = text }] }))
                }
                try await worker.send(.modelRequestEnd(HubModelRequestEnd()))
                while let message = try await worker.next() { answer.yield(message) }
                answer.finish()
            }
        }
        var seen: [HubMessage] = []
        for await message in answers {
            seen.append(message)
            if case .modelEvent = message { break }
        }
        guard case .response(let response)? = seen.first, case .modelEvent(let event)? = seen.last else {
            Issue.record("\(seen)")
            return
        }
        let status = try JSON(parsing: response.payload)
        #expect(status["provider"] == "test" && status["worker"]?["reservedBytes"] == 10)
        #expect(event.failed.kind == .shed && event.failed.tryNext && event.failed.beforeContent)
        #expect(admission.load.reserved == 10)
        serving.cancel()
        model.cancel()
    }
}
