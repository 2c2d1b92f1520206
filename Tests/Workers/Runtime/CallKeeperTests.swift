import FoundationEssentials
import IPCHub
import NIOPosix
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

@testable import Runtime

@Suite("Calls that the gateway keeps", .timeLimit(.minutes(1)))
struct CallKeeperTests {
    private func record(_ id: String, _ state: CallRecord.State = .initiated, lines: Int = 0) -> CallRecord {
        var record = CallRecord(
            callId: id,
            provider: "mock",
            direction: .outbound,
            state: state,
            from: "+1555",
            to: "+1666",
            startedAt: 1,
            mode: .notify
        )
        record.transcript = (0..<lines).map {
            CallRecord.Line(timestamp: Int64($0), speaker: .user, text: "line \($0)")
        }
        return record
    }

    /// A keeper whose frames come out of a stream.
    private func keeper() -> (CallKeeper, AsyncStream<HubCallRecord>) {
        let keeper = CallKeeper()
        let (frames, frame) = AsyncStream<HubCallRecord>.makeStream()
        keeper.attach { message in
            guard case .callRecord(let record) = message else { return false }
            frame.yield(record)
            return true
        }
        return (keeper, frames)
    }

    private func ack(_ keeper: CallKeeper, _ seq: UInt64, error: String = "") {
        _ = keeper.received(
            .callAck(
                .with {
                    $0.seq = seq; $0.error = error
                }
            )
        )
    }

    @Test("what lived is known when the gateway has said so, once for this worker's life")
    func known() async throws {
        let (keeper, _) = keeper()
        let knowing = Task { try await keeper.known() }
        for id in ["a", "b"] {
            let bytes = try #require(record(id).kept())
            _ = keeper.received(
                .callRecord(
                    .with {
                        $0.callID = id; $0.record = bytes
                    }
                )
            )
        }
        _ = keeper.received(.callRecord(.with { $0.record = Data("{".utf8) }))
        _ = keeper.received(.callsKnown(HubCallsKnown()))
        #expect(try await knowing.value.map(\.callId) == ["a", "b"])
        await keeper.welcomed()
        _ = keeper.received(.callsKnown(HubCallsKnown()))
        #expect(try await keeper.known().count == 2)
    }

    @Test("who waits for what is known can be cancelled")
    func cancelled() async throws {
        let (keeper, _) = keeper()
        let knowing = Task { try await keeper.known() }
        knowing.cancel()
        await #expect(throws: CancellationError.self) { try await knowing.value }
    }

    @Test("a save returns with its acknowledgement; after a new link the last of each call comes again, in order")
    func resent() async throws {
        let (keeper, frames) = keeper()
        var sent = frames.makeAsyncIterator()
        let first = Task { try await keeper.save(record("a")) }
        #expect(await sent.next()?.seq == 1)
        let second = Task { try await keeper.save(record("a", .completed)) }
        let newer = await sent.next()
        #expect(newer?.seq == 2 && newer?.hasEnded_p == true)
        let other = Task { try await keeper.save(record("b")) }
        #expect(await sent.next()?.callID == "b")
        #expect(!keeper.isSettled)
        await keeper.welcomed()
        #expect(await sent.next()?.seq == 2)
        #expect(await sent.next()?.seq == 3)
        ack(keeper, 2)
        // The later save holds what the earlier one held.
        try await first.value
        try await second.value
        ack(keeper, 3)
        try await other.value
        #expect(keeper.isSettled)
        ack(keeper, 3)
        ack(keeper, 99)
    }

    @Test("what the gateway cannot keep is said to who saved it, and is not sent again")
    func refused() async throws {
        let (keeper, frames) = keeper()
        var sent = frames.makeAsyncIterator()
        let saving = Task { try await keeper.save(record("a")) }
        _ = await sent.next()
        ack(keeper, 1, error: "the disk is full")
        await #expect(throws: CallNotKept.self) { try await saving.value }
        #expect(keeper.isSettled)
    }

    @Test("sixty-four calls may wait; one more is refused at once")
    func bound() async throws {
        let (keeper, frames) = keeper()
        var sent = frames.makeAsyncIterator()
        let saving = (0..<CallKeeper.limit).map { number in Task { try await keeper.save(record("c\(number)")) } }
        for _ in saving { _ = await sent.next() }
        await #expect(throws: CallNotKept.self) { try await keeper.save(record("more")) }
        for seq in 1...UInt64(CallKeeper.limit) { ack(keeper, seq) }
        for task in saving { try await task.value }
    }

    @Test("of a transcript that is too long the oldest lines go, and a cut record is none")
    func trimmed() throws {
        var long = record("a", lines: 8_000)
        long.transcript[7_999].text = String(repeating: "ü", count: 1_000)
        long.processedEventIds = (0..<100).map { "e\($0)" }
        let bytes = try #require(long.kept())
        #expect(bytes.count <= CallRecord.byteLimit && bytes.count > CallRecord.byteLimit / 2)
        let read = try #require(CallRecord(kept: bytes))
        #expect(read.transcript.last == long.transcript.last && (read.transcript.first?.timestamp ?? 0) > 0)
        #expect(read.processedEventIds.first == "e36" && read.processedEventIds.count == 64)
        let small = try #require(record("a", lines: 2).kept())
        for length in 0..<small.count { #expect(CallRecord(kept: small.prefix(length)) == nil) }
        var huge = record("a")
        huge.initialMessage = String(repeating: "x", count: CallRecord.byteLimit)
        #expect(huge.kept() == nil)
    }

    @Test("a channel's calls go through its link")
    func channel() async throws {
        let network = KeepingNetwork()
        let group = MultiThreadedEventLoopGroup.singleton
        let hub = try await FakeHub(on: group)
        let subject = try await TestWorker(id: "channel:test:default", hub: hub.path, group: group)
        let channel = Task { try await ChannelWorker(worker: subject.worker, network: network).run() }
        let (done, finish) = AsyncStream<[String]>.makeStream()
        let serving = Task {
            try await hub.run { _, worker in
                _ = try await worker.welcome()
                try await worker.send(.cursor(HubCursor()))
                let bytes = CallRecord(
                    callId: "old",
                    provider: "mock",
                    direction: .inbound,
                    state: .active,
                    from: "",
                    to: "",
                    startedAt: 1,
                    mode: .conversation
                ).kept()
                try await worker.send(
                    .callRecord(
                        .with {
                            $0.callID = "old"; $0.record = bytes ?? Data()
                        }
                    )
                )
                try await worker.send(.callsKnown(.with { $0.count = 1 }))
                while let message = try await worker.next() {
                    guard case .callRecord(let saved) = message else { continue }
                    try await worker.send(.callAck(.with { $0.seq = saved.seq }))
                    finish.yield([saved.callID, CallRecord(kept: saved.record)?.state.rawValue ?? ""])
                }
            }
        }
        for await saved in done {
            #expect(saved == ["old", "completed"])
            break
        }
        for await _ in network.saved { break }
        serving.cancel()
        channel.cancel()
    }
}

/// Ends every call that it is told of.
private final class KeepingNetwork: ChannelNetwork {
    let (saved, save) = AsyncStream<Void>.makeStream()
    let media: (any MediaOwner)? = nil

    func run(_ intake: ChannelIntake) async throws {
        for var record in try await intake.calls.known() {
            record.state = .completed
            try await intake.calls.save(record)
        }
        save.yield()
        try await Task.sleep(for: .seconds(600))
    }

    func normalize(_ raw: [UInt8]) -> ChannelNormalization { .ignored("") }
    func send(_ send: HubSend) async -> HubSendResult { HubSendResult() }
    func activity(_ target: [UInt8]) async {}
}
