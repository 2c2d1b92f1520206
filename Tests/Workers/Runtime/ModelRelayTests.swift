import FoundationEssentials
import IPCHub
import NIOPosix
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

@testable import Runtime

@Suite("A model worker and a relayed request", .timeLimit(.minutes(1)))
struct ModelRelayTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    /// Gives the request's body back.
    private struct Echo: ModelProvider {
        func answer(_ call: ModelCall, into answer: ModelAnswer) async throws {
            try await answer.finished(HubModelEvent.Finished())
        }

        func relay(_ call: RelayCall, into answer: RelayAnswer) async throws {
            answer.head(.with { ($0.status, $0.attempts) = (200, UInt32(call.request.model.utf8.count)) })
            answer.body(call.body)
            answer.end()
        }
    }

    /// What the worker says to a request with `pieces` of half a megabyte.
    private static func answer(_ admission: Admission, pieces: Int) async throws -> [HubMessage] {
        let group = MultiThreadedEventLoopGroup.singleton
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "model:test", hub: hub.path, group: group)
        let worker = ModelWorker(worker: subject.worker, provider: Echo(), records: nil, admission: admission)
        let model = Task { await worker.run() }  // cancelled below
        let (answers, answer) = AsyncStream<HubMessage>.makeStream()
        let serving = Task {  // cancelled below
            try await hub.run { number, worker in
                _ = try await worker.welcome()
                guard number > 1 else {
                    try await worker.send(.streamOpen(.with { $0.stream = "gateway/1" }))
                    while try await worker.next() != nil {}
                    return
                }
                try await worker.send(.relayRequest(.with { $0.model = "four" }))
                for number in 0..<pieces {
                    try await worker.send(
                        .mediaChunk(.with { $0.data = Data(repeating: UInt8(number), count: 500_000) })
                    )
                }
                try await worker.send(.mediaEnd(HubMediaEnd()))
                while let message = try await worker.next() { answer.yield(message) }
                answer.finish()
            }
        }
        var seen: [HubMessage] = []
        for await message in answers {
            seen.append(message)
            if case .mediaEnd = message { break }
        }
        serving.cancel()
        model.cancel()
        return seen
    }

    @Test("its body reaches the provider whole, and the answer comes in pieces that fit a frame")
    func whole() async throws {
        let seen = try await Self.answer(Admission(on: loop), pieces: 3)
        guard case .relayHead(let head)? = seen.first, case .mediaEnd(let end)? = seen.last else {
            Issue.record("\(seen.map(\.type))")
            return
        }
        #expect(head.status == 200 && head.attempts == 4 && end.error.isEmpty)
        let body = seen.reduce(into: Data()) { if case .mediaChunk(let chunk) = $1 { $0 += chunk.data } }
        #expect(body.count == 1_500_000 && body.last == 2)
    }

    @Test("the next request comes over the same connection; a connection that rests does not hold up a drain")
    func rests() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "model:test", hub: hub.path, group: group)
        let admission = Admission(on: loop)
        let worker = ModelWorker(worker: subject.worker, provider: Echo(), records: nil, admission: admission)
        let model = Task { await worker.run() }
        let (answers, answer) = AsyncStream<String>.makeStream()
        let serving = Task {  // cancelled below
            try await hub.run { number, worker in
                _ = try await worker.welcome()
                guard number > 1 else {
                    try await worker.send(.streamOpen(.with { $0.stream = "gateway/1" }))
                    while try await worker.next() != nil {}
                    return
                }
                for body in ["one", "two"] {
                    try await worker.send(.relayRequest(.with { ($0.model, $0.body) = ("m", Data(body.utf8)) }))
                    try await worker.send(.mediaEnd(HubMediaEnd()))
                    while let message = try await worker.next() {
                        if case .mediaChunk(let chunk) = message {
                            answer.yield(String(decoding: chunk.data, as: UTF8.self))
                        }
                        if case .mediaEnd = message { break }
                    }
                }
                answer.finish()
                while try await worker.next() != nil {}
            }
        }
        var seen: [String] = []
        for await body in answers { seen.append(body) }
        #expect(seen == ["one", "two"])
        try await eventually { admission.load.reserved == 0 }
        let began = ContinuousClock.now
        subject.worker.lifeline.drain(Drain(reason: "restart", milliseconds: 30_000))
        await model.value
        #expect(ContinuousClock.now - began < .seconds(20))
        serving.cancel()
    }

    @Test("when nothing has been asked for a while free memory goes back, once for each burst")
    func quiet() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "model:test", hub: hub.path, group: group)
        let trims = Atomic(0)
        let (turns, turn) = AsyncStream<Void>.makeStream()
        let worker = ModelWorker(
            worker: subject.worker,
            provider: Echo(),
            records: nil,
            admission: Admission(on: loop),
            quietLimit: .milliseconds(50),
            trim: { trims.add(1, ordering: .relaxed) }
        )
        let model = Task { await worker.run() }  // cancelled below
        let serving = Task {  // cancelled below
            try await hub.run { number, worker in
                _ = try await worker.welcome()
                guard number > 1 else {
                    try await worker.send(.streamOpen(.with { $0.stream = "gateway/1" }))
                    while try await worker.next() != nil {}
                    return
                }
                for await _ in turns {
                    try await worker.send(.relayRequest(.with { $0.model = "m" }))
                    try await worker.send(.mediaEnd(HubMediaEnd()))
                    while let message = try await worker.next() {
                        if case .mediaEnd = message { break }
                    }
                }
            }
        }
        for burst in 1...2 {
            turn.yield()
            // The second look after a burst finds nothing to do.
            try await eventually { trims.load(ordering: .relaxed) == burst }
        }
        serving.cancel()
        model.cancel()
    }

    /// Writes an attempt down before it ends its answer.
    private struct Counting: ModelProvider {
        let records: ModelRecords

        func answer(_ call: ModelCall, into answer: ModelAnswer) async throws {
            try await answer.finished(HubModelEvent.Finished())
        }

        func relay(_ call: RelayCall, into answer: RelayAnswer) async throws {
            answer.head(.with { $0.status = 200 })
            records.record(.with { $0.model = call.request.model }, with: answer)
            answer.end()
        }
    }

    @Test("its row of the ledger goes along in front of the end, and again on the link if that may not have been read")
    func row() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "model:test", hub: hub.path, group: group)
        let records = ModelRecords(subject.worker)
        let provider = Counting(records: records)
        let worker = ModelWorker(worker: subject.worker, provider: provider, records: records)
        let model = Task { await worker.run() }  // cancelled below
        let (answers, answer) = AsyncStream<HubMessage>.makeStream()
        let (tellings, telling) = AsyncStream<HubLedgerRow>.makeStream()
        let serving = Task {  // cancelled below
            try await hub.run { number, worker in
                _ = try await worker.welcome()
                guard number > 1 else {
                    try await worker.send(.streamOpen(.with { $0.stream = "gateway/1" }))
                    while let message = try await worker.next() {
                        if case .ledgerRow(let row) = message { telling.yield(row) }
                    }
                    return
                }
                for model in ["first", "second"] {
                    try await worker.send(.relayRequest(.with { $0.model = model }))
                    try await worker.send(.mediaEnd(HubMediaEnd()))
                    while let message = try await worker.next() {
                        answer.yield(message)
                        if case .mediaEnd = message { break }
                    }
                }
                answer.finish()
            }
        }
        var seen: [HubMessage] = []
        for await message in answers { seen.append(message) }
        #expect(seen.map(\.type) == [69, 66, 58, 69, 66, 58])
        // Who asks for another answer on the connection has read the one before.
        for await row in tellings {
            #expect(row.model == "second" && seen.contains(.ledgerRow(row)))
            break
        }
        serving.cancel()
        model.cancel()
    }

    @Test("without room it is read to its end and sent away without words; another model may be asked")
    func shed() async throws {
        for (budget, pieces) in [(10, 20), (1_000_000, 20)] {
            let admission = Admission(budget: budget, patience: .milliseconds(1), on: loop)
            let blocker = Admission.Ticket()
            #expect(await admission.reserve(10, for: blocker))
            let seen = try await Self.answer(admission, pieces: pieces)
            guard case .relayHead(let head)? = seen.first else {
                Issue.record("\(seen.map(\.type))")
                return
            }
            #expect(head.status == 503 && head.tryNext && head.attempts == 0 && seen.map(\.type) == [69, 58])
        }
    }
}
