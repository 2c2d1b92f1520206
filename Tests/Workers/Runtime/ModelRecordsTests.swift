import FoundationEssentials
import IPCHub
import Logging
import NIOPosix
import SwiftProtobuf
import Synchronization
import Testing

@testable import Runtime

@Suite("What a model worker must not forget", .timeLimit(.minutes(1)))
struct ModelRecordsTests {
    private static let loop = MultiThreadedEventLoopGroup.singleton.next()

    /// A gateway that remembers what it was sent.
    private final class Sink: Sendable {
        let frames = Mutex<[HubMessage]>([])
        let isUp = Mutex(true)

        func take(_ message: HubMessage) -> Bool {
            guard isUp.withLock({ $0 }) else { return false }
            frames.withLock { $0.append(message) }
            return true
        }

        var rows: [String] {
            frames.withLock { $0 }.compactMap { if case .ledgerRow(let row) = $0 { row.id } else { nil } }
        }

        var states: [HubModelState] {
            frames.withLock { $0 }.compactMap { if case .modelState(let state) = $0 { state } else { nil } }
        }

        func until(_ wants: (Sink) -> Bool) async throws {
            let deadline = ContinuousClock.now + .seconds(10)
            while !wants(self) {
                guard ContinuousClock.now < deadline else { throw CancellationError() }
                try await Task.sleep(for: .milliseconds(1))
            }
        }
    }

    private func records(_ sink: Sink) -> ModelRecords {
        let records = ModelRecords(
            prefix: "p.",
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            on: Self.loop
        )
        records.attach { sink.take($0) }
        return records
    }

    @Test("a row is sent when it is made, again after every WELCOME, and forgotten once acknowledged")
    func rows() async throws {
        let sink = Sink()
        let records = records(sink)
        records.record(HubLedgerRow())
        try await sink.until { $0.rows == ["p.1"] }
        sink.isUp.withLock { $0 = false }
        records.record(HubLedgerRow())
        sink.isUp.withLock { $0 = true }
        sink.frames.withLock { $0 = [] }
        await records.welcomed()
        #expect(Set(sink.rows) == ["p.1", "p.2"] && !records.isSettled)
        #expect(records.received(.ledgerAck(.with { $0.ids = ["p.1", "p.2", "nonsense"] })))
        #expect(records.ledger.waiting == 0 && records.isSettled)
    }

    @Test("a row that cannot be sent keeps none behind it from being sent")
    func unsendable() async throws {
        let sink = Sink()
        let records = ModelRecords(
            prefix: "p.",
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            on: Self.loop
        )
        for _ in 0..<3 { records.record(HubLedgerRow()) }
        records.attach { message in
            if case .ledgerRow(let row) = message, row.id == "p.1" { return false }
            return sink.take(message)
        }
        await records.welcomed()
        #expect(sink.rows == ["p.2", "p.3"])
    }

    @Test("a save that nobody waits for is not settled before the gateway has answered it, kept or not")
    func unanswered() async throws {
        let sink = Sink()
        let records = records(sink)
        records.keep({ HubModelState() }, restore: { _ in })
        #expect(records.received(.modelState(HubModelState())))
        for error in ["", "the disk is full"] {
            let count = sink.states.count
            records.changed(urgent: true)
            try await sink.until { $0.states.count > count }
            #expect(!records.isSettled)
            let seq = try #require(sink.states.last?.seq)
            #expect(
                records.received(
                    .modelStateAck(
                        .with {
                            $0.seq = seq
                            $0.error = error
                        }
                    )
                )
            )
            #expect(records.isSettled)
        }
    }

    @Test("no more rows are kept than the bound, and what is lost is counted")
    func bounded() {
        let records = ModelRecords(
            prefix: "p.",
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            on: Self.loop
        )
        for _ in 0..<(ModelRecords.rowLimit + 7) { records.record(HubLedgerRow()) }
        #expect(records.ledger.waiting == ModelRecords.rowLimit && records.ledger.lost == 7)
    }

    @Test("a state is not saved before the one that was kept has come, and changes of one moment are one save")
    func saves() async throws {
        let sink = Sink()
        let records = records(sink)
        let restored = Mutex<[Data]>([])
        records.keep(
            { .with { $0.cooldowns = Data([1]) } },
            restore: { state in restored.withLock { $0.append(state.cooldowns) } }
        )
        for _ in 0..<5 { records.changed(urgent: true) }
        #expect(records.received(.modelState(.with { $0.cooldowns = Data([9]) })))
        #expect(restored.withLock { $0 } == [Data([9])])
        try await sink.until { !$0.states.isEmpty }
        #expect(sink.states.map(\.cooldowns) == [Data([1])])
        // Unacknowledged: said again on the next link.
        let before = sink.states.count
        await records.welcomed()
        #expect(sink.states.count == before + 1)
        let seq = try #require(sink.states.last?.seq)
        #expect(records.received(.modelStateAck(.with { $0.seq = seq })))
        await records.welcomed()
        #expect(sink.states.count == before + 1)
    }

    @Test("what was kept is not overwritten by a worker that wanted to save before it could read it")
    func keptFirst() async throws {
        let sink = Sink()
        let records = ModelRecords(
            prefix: "p.",
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            on: Self.loop,
            patience: .seconds(1)
        )
        records.attach { sink.take($0) }
        let state = Mutex(Data())
        let looks = Mutex(0)
        records.keep(
            {
                looks.withLock { $0 += 1 }
                return .with { $0.cooldowns = state.withLock { $0 } }
            },
            restore: { kept in state.withLock { $0 = kept.cooldowns } }
        )
        // The gateway is away for longer than the first state is waited for.
        sink.isUp.withLock { $0 = false }
        records.changed(urgent: true)
        try await sink.until { _ in looks.withLock { $0 } > 0 }
        #expect(!records.isSettled)
        sink.isUp.withLock { $0 = true }
        // As the link does it: WELCOME to its end, then the next frame.
        await records.welcomed()
        #expect(records.received(.modelState(.with { $0.cooldowns = Data([7]) })))
        try await sink.until { !$0.states.isEmpty }
        #expect(sink.states.map(\.cooldowns) == [Data([7])])
    }

    @Test("who must know waits for the acknowledgement, and hears what could not be kept")
    func saved() async throws {
        let sink = Sink()
        let records = records(sink)
        records.keep({ HubModelState() }, restore: { _ in })
        _ = records.received(.modelState(HubModelState()))
        async let kept = records.saved(within: .seconds(10))
        try await sink.until { $0.states.count == 1 }
        _ = records.received(.modelStateAck(.with { ($0.seq, $0.error) = (1, "disk full") }))
        #expect(try await kept == "disk full")
        await #expect(throws: TimeLimit.Exceeded.self) { try await records.saved(within: .milliseconds(1)) }
    }

    @Test("calls wait for the kept state")
    func restored() async {
        let records = records(Sink())
        records.keep({ HubModelState() }, restore: { _ in })
        let waiting = Task { await records.isRestored() }
        _ = records.received(.modelState(HubModelState()))
        await waiting.value
    }

    // MARK: Admission

    @Test("what does not fit waits its turn, and is let in in order when there is room")
    func admission() async {
        let admission = Admission(budget: 100, patience: .seconds(30), on: Self.loop)
        let (first, second, third) = (Admission.Ticket(), Admission.Ticket(), Admission.Ticket())
        #expect(await admission.reserve(80, for: first))
        let waiting = Task { await admission.reserve(60, for: second) }
        while admission.load.waiting == 0 { await Task.yield() }
        let last = Task { await admission.reserve(10, for: third) }
        while admission.load.waiting < 2 { await Task.yield() }
        admission.release(first)
        #expect(await waiting.value)
        #expect(await last.value)
        #expect(admission.load.reserved == 70)
        admission.release(second)
        admission.release(third)
        #expect(admission.load.reserved == 0)
    }

    @Test("what waits too long is sent away, and holds nothing")
    func shed() async {
        let admission = Admission(budget: 100, patience: .milliseconds(5), on: Self.loop)
        let (first, second) = (Admission.Ticket(), Admission.Ticket())
        #expect(await admission.reserve(80, for: first))
        #expect(await !admission.reserve(60, for: second))
        admission.release(second)
        #expect(admission.load.reserved == 80 && admission.load.waiting == 0)
    }

    @Test("a call that is alone may hold more than the budget")
    func alone() async {
        let admission = Admission(budget: 100, patience: .milliseconds(5), on: Self.loop)
        let ticket = Admission.Ticket()
        #expect(await admission.reserve(60, for: ticket))
        #expect(await admission.reserve(500, for: ticket))
        #expect(await !admission.reserve(1, for: Admission.Ticket()))
    }
}
