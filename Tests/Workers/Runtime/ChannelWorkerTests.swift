import FoundationEssentials
import IPCControl
import IPCHub
import NIOCore
import NIOPosix
import Runtime
import SwiftProtobuf
import Synchronization
import Testing

@Suite("The channel contract", .timeLimit(.minutes(1)))
struct ChannelWorkerTests {
    @Test("an event that was not acknowledged is sent again on the next link, and only an ACK lets the network go on")
    func intake() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "channel:test:default", hub: hub.path, group: group)
        let network = ScriptedNetwork { intake in
            #expect(intake.cursor == [9])
            try await intake.deliver([
                ChannelEvent(key: "k1", raw: [1], cursor: [1]), ChannelEvent(key: "k2", raw: [2], cursor: [2]),
            ])
            await intake.move(to: [3])
        }
        let channel = Task { try await ChannelWorker(worker: subject.worker, network: network).run() }
        let (done, finish) = AsyncStream<Bool>.makeStream()
        let serving = Task {
            try await hub.run { number, worker in
                _ = try await worker.welcome()
                if number == 1 {
                    try await worker.send(.cursor(.with { $0.cursor = Data([9]) }))
                    guard case .inbound(let first)? = try await worker.next() else { return }
                    #expect(first.eventKey == "k1")
                    try await worker.send(.inboundAck(.with { $0.seq = first.seq }))
                    guard case .inbound? = try await worker.next() else { return }
                    return  // dies with k2 unacknowledged, k1's ACK perhaps unread
                }
                var keys: Set<String> = []
                while case .inbound(let event)? = try await worker.next() {
                    keys.insert(event.eventKey)
                    try await worker.send(.inboundAck(.with { $0.seq = event.seq }))
                    if keys.contains("k2") { break }
                }
                #expect(keys.contains("k2"))
                guard case .cursor(let cursor)? = try await worker.next() else {
                    Issue.record("the network went on without its cursor")
                    return
                }
                #expect(Array(cursor.cursor) == [3])
                finish.yield(true)
            }
        }
        for await _ in done { break }
        serving.cancel()
        channel.cancel()
    }

    @Test("a chunk is delivered once; its result comes again until it is acknowledged")
    func sends() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "channel:test:default", hub: hub.path, group: group)
        let network = ScriptedNetwork { _ in try await Task.sleep(for: .seconds(600)) }
        let channel = Task { try await ChannelWorker(worker: subject.worker, network: network).run() }
        let (done, finish) = AsyncStream<Bool>.makeStream()
        let serving = Task {
            try await hub.run { number, worker in
                let hello = try await worker.welcome()
                if number == 1 {
                    try await worker.send(.send(.with { $0.row = 5 }))
                    guard case .sendResult(let result)? = try await worker.next() else { return }
                    #expect(result.messageID == "sent-5")
                    return  // dies without RESULT_ACK
                }
                #expect(hello?.unackedResults.map(\.row) == [5])
                guard case .sendResult(let again)? = try await worker.next() else { return }
                #expect(again.messageID == "sent-5")
                try await worker.send(.send(.with { $0.row = 5 }))
                guard case .sendResult(let third)? = try await worker.next() else { return }
                #expect(third.row == 5)
                try await worker.send(.resultAck(.with { $0.row = 5 }))
                try await worker.send(.normalize(.with { $0.row = 8 }))
                guard case .normalized(let normalized)? = try await worker.next() else { return }
                #expect(normalized.ignored == "nothing to answer")
                finish.yield(true)
            }
        }
        for await _ in done { break }
        #expect(network.calls.withLock { $0 } == [5])
        serving.cancel()
        channel.cancel()
    }

    @Test("events that are handed over when the worker is leaving already are not journaled, and say so")
    func leaving() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "channel:test:default", hub: hub.path, group: group)
        let (outcomes, outcome) = AsyncStream<String>.makeStream()
        let network = ScriptedNetwork { intake in
            withUnsafeCurrentTask { $0?.cancel() }
            do {
                try await intake.deliver([ChannelEvent(key: "k1", raw: [1], cursor: [1])])
                outcome.yield("journaled")
            } catch {
                outcome.yield("\(type(of: error))")
            }
        }
        let channel = Task { try await ChannelWorker(worker: subject.worker, network: network).run() }
        let serving = Task {
            try await hub.run { _, worker in
                _ = try await worker.welcome()
                try await worker.send(.cursor(HubCursor()))
                while try await worker.next() != nil {}
            }
        }
        for await outcome in outcomes {
            #expect(outcome == "CancellationError")
            break
        }
        serving.cancel()
        channel.cancel()
    }

    @Test("a loss that comes up while there is no link is told on the next one, once")
    func gap() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "channel:test:default", hub: hub.path, group: group)
        let (dialled, dial) = AsyncStream<Void>.makeStream()
        let (published, publish) = AsyncStream<Void>.makeStream()
        let network = ScriptedNetwork { intake in
            for await _ in dialled { break }
            await intake.status(.with { $0.gap = "one message was lost" })
            publish.yield()
            try await Task.sleep(for: .seconds(600))
        }
        let channel = Task { try await ChannelWorker(worker: subject.worker, network: network).run() }
        let (done, finish) = AsyncStream<[String]>.makeStream()
        let serving = Task {
            try await hub.run { number, worker in
                if number == 1 {
                    _ = try await worker.welcome()
                    return try await worker.send(.cursor(HubCursor()))
                }
                guard case .hello? = try await worker.next() else { return }
                dial.yield()
                for await _ in published { break }
                try await worker.send(.welcome(HubWelcome()))
                var gaps: [String] = []
                while case .channelStatus(let status)? = try await worker.next() {
                    gaps.append(status.gap)
                    if status.gap.isEmpty { break }
                }
                finish.yield(gaps)
            }
        }
        for await gaps in done {
            #expect(gaps == ["one message was lost", ""])
            break
        }
        serving.cancel()
        channel.cancel()
    }

    @Test("a worker that is told to leave before it knows where to begin leaves")
    func drainedEarly() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "channel:test:default", hub: hub.path, group: group)
        let network = ScriptedNetwork { _ in Issue.record("it began") }
        let worker = ChannelWorker(worker: subject.worker, network: network)
        let channel = Task { try await worker.run() }
        let (linked, link) = AsyncStream<Void>.makeStream()
        let serving = Task {
            try await hub.run { _, worker in
                _ = try await worker.welcome()
                link.yield()
                while try await worker.next() != nil {}
            }
        }
        for await _ in linked { break }
        try subject.supervisor.write(try Block("DRAIN", ["BY_MS": "50", "REASON": "restart"]).encoded())
        try await channel.value
        serving.cancel()
    }

    @Test("a message that fits no frame when it is read is left out with a reason instead of being waited for")
    func tooLong() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "channel:test:default", hub: hub.path, group: group)
        let network = ScriptedNetwork(
            { _ in try await Task.sleep(for: .seconds(600)) },
            reading: .message(.with { $0.text = String(repeating: "a", count: 2 << 20) })
        )
        let channel = Task { try await ChannelWorker(worker: subject.worker, network: network).run() }
        let (done, finish) = AsyncStream<HubNormalized>.makeStream()
        let serving = Task {
            try await hub.run { _, worker in
                _ = try await worker.welcome()
                try await worker.send(
                    .normalize(
                        .with {
                            $0.row = 8; $0.raw = Data(repeating: 1, count: 100_000)
                        }
                    )
                )
                if case .normalized(let normalized)? = try await worker.next() { finish.yield(normalized) }
            }
        }
        for await normalized in done {
            #expect(normalized.row == 8 && normalized.ignored.contains("1048576 bytes") && !normalized.hasMessage)
            break
        }
        serving.cancel()
        channel.cancel()
    }
}

/// A network that does what the test says.
private final class ScriptedNetwork: ChannelNetwork {
    let calls = Mutex<[UInt64]>([])
    private let script: @Sendable (ChannelIntake) async throws -> Void
    private let reading: ChannelNormalization

    init(
        _ script: @escaping @Sendable (ChannelIntake) async throws -> Void,
        reading: ChannelNormalization = .ignored("")
    ) {
        self.script = script
        self.reading = reading
    }

    func run(_ intake: ChannelIntake) async throws { try await script(intake) }

    func normalize(_ raw: [UInt8]) -> ChannelNormalization { reading }

    func send(_ send: HubSend) async -> HubSendResult {
        calls.withLock { $0.append(send.row) }
        var result = HubSendResult()
        result.messageID = "sent-\(send.row)"
        return result
    }

    func activity(_ target: [UInt8]) async {}
}
