import Config
import FoundationEssentials
import IPCHub
import SwiftProtobuf
import Testing

@testable import Gateway
@testable import Journal

@Suite("frames of model workers")
struct ModelFrameTests {
    private static let worker = "model:openai"

    private func state(_ seq: UInt64, cooldowns: String = "{\"a\":1}", credentials: [String: String] = [:])
        -> HubModelState
    {
        .with {
            $0.seq = seq
            $0.cooldowns = Data(cooldowns.utf8)
            $0.credentials = credentials.sorted { $0.key < $1.key }.map { profile, value in
                .with {
                    $0.profile = profile
                    $0.value = Data(value.utf8)
                }
            }
        }
    }

    private func row(_ id: String, provider: String = "openai", _ fill: (inout HubLedgerRow) -> Void = { _ in })
        -> HubMessage
    {
        .ledgerRow(
            .with {
                $0.id = id
                $0.provider = provider
                $0.model = "gpt-5.5"
                $0.profile = "openai:default"
                $0.end = "finished"
                $0.source = .reported
                $0.usage.input = 1_000_000
                $0.usage.output = 100_000
                fill(&$0)
            }
        )
    }

    private func given(_ bench: Bench, _ link: Int) -> [HubModelState] {
        bench.take(link).compactMap { if case .modelState(let state) = $0 { state } else { nil } }
    }

    private func stateAcks(_ bench: Bench, _ link: Int) -> [HubModelStateAck] {
        bench.take(link).compactMap { if case .modelStateAck(let ack) = $0 { ack } else { nil } }
    }

    private func ledgerAcks(_ bench: Bench, _ link: Int) -> [[String]] {
        bench.take(link).compactMap { if case .ledgerAck(let ack) = $0 { ack.ids } else { nil } }
    }

    // MARK: State

    @Test("a model worker is given what was kept right after WELCOME, an empty one when nothing was; others get none")
    func given() throws {
        let bench = try Bench()
        let link = bench.link(Self.worker)
        let frames = bench.take(link)
        guard case .welcome? = frames.first, case .modelState(let empty)? = frames.dropFirst().first else {
            Issue.record("\(frames)")
            return
        }
        #expect(empty == HubModelState())
        #expect(given(bench, bench.link(Bench.agent)).isEmpty)
        bench.receive(Self.worker, link, .modelState(state(7, credentials: ["openai:codex": "secret"])))
        #expect(stateAcks(bench, link) == [.with { $0.seq = 7 }])
        try bench.restart()
        let again = bench.link(Self.worker)
        #expect(given(bench, again) == [state(0, credentials: ["openai:codex": "secret"])])
        // Another provider's worker sees nothing of it.
        #expect(given(bench, bench.link("model:google")) == [HubModelState()])
    }

    @Test("the ack says when nothing could be kept, and the worker's link stays")
    func full() throws {
        let bench = try Bench()
        let link = bench.link(Self.worker)
        _ = bench.take(link)
        bench.refusal = .full
        bench.receive(Self.worker, link, .modelState(state(1)))
        let acks = stateAcks(bench, link)
        #expect(acks.map(\.seq) == [1])
        #expect(acks.first?.error.contains("full") == true)
        #expect(bench.closed.isEmpty)
        // Asked at once whether there is space: nobody waits for it.
        #expect(Commit.keepModelState(StateKeeping(worker: "", link: 0, seq: 0, state: .init())).durability == .intake)
    }

    @Test("what is too large, too many or without a name is refused in the ack, and nothing of it is kept")
    func bounds() throws {
        let bench = try Bench()
        let link = bench.link(Self.worker)
        _ = bench.take(link)
        let large = String(repeating: "x", count: DeliveryCore.stateBytes + 1)
        let secret = String(repeating: "x", count: DeliveryCore.credentialBytes + 1)
        let many = Dictionary(uniqueKeysWithValues: (0...DeliveryCore.mostCredentials).map { ("p\($0)", "v") })
        var twice = state(5, credentials: ["p": "v"])
        twice.credentials += twice.credentials
        let bad = [
            state(1, cooldowns: large), state(2, credentials: ["p": secret]), state(3, credentials: ["": "v"]),
            state(4, credentials: many), twice,
        ]
        for frame in bad { bench.receive(Self.worker, link, .modelState(frame)) }
        let acks = stateAcks(bench, link)
        #expect(acks.map(\.seq) == [1, 2, 3, 4, 5])
        #expect(acks.allSatisfy { !$0.error.isEmpty })
        #expect(try bench.journal.keptModelStates().isEmpty)
    }

    @Test("state and calls from who is no model worker are not taken")
    func wrongSender() throws {
        let bench = try Bench()
        let agent = bench.link(Bench.agent)
        _ = bench.take(agent)
        bench.receive(Bench.agent, agent, .modelState(state(1)))
        bench.receive(Bench.agent, agent, row("a"))
        #expect(bench.take(agent).isEmpty)
        #expect(try bench.journal.keptModelStates().isEmpty)
        #expect(try bench.journal.ledgerEntries(limit: 5).isEmpty)
        #expect(bench.logged("not its to send"))
    }

    // MARK: Ledger

    @Test("a call is acknowledged after it was written, and told again it is acknowledged and not written again")
    func ledger() throws {
        let bench = try Bench()
        let link = bench.link(Self.worker)
        _ = bench.take(link)
        bench.dieAt = "ledger.before-commit"
        bench.receive(Self.worker, link, row("a"))
        bench.wake()
        #expect(bench.isDead && ledgerAcks(bench, link).isEmpty)
        try bench.restart()
        let again = bench.link(Self.worker)
        _ = bench.take(again)
        bench.receive(Self.worker, again, row("a"))
        bench.wake()
        #expect(ledgerAcks(bench, again) == [["a"]])
        bench.receive(Self.worker, again, row("a"))
        bench.wake()
        #expect(ledgerAcks(bench, again) == [["a"]])
        let entries = try bench.journal.ledgerEntries(limit: 5)
        #expect(entries.map(\.id) == ["a"])
        #expect(entries.first?.provider == "openai")
        // A million tokens at $10 and a tenth of one at $45: the prompt is a long one.
        #expect(entries.first?.cost == 14_500_000_000)
    }

    @Test("calls that come while one is being written go together into the next commit")
    func grouped() throws {
        var intake = LedgerIntake()
        func entry(_ id: String) -> LedgerEntry { LedgerEntry(id: id, at: 1, day: "d", provider: "p", model: "m") }
        var batches: [[String]?] = []
        batches.append(intake.next(now: 0)?.map(\.id))
        var isTaken = intake.add(entry("0"), now: 0)
        batches.append(intake.next(now: 0, isUrgent: true)?.map(\.id))
        for index in 1...LedgerIntake.batch + 1 { isTaken = intake.add(entry("\(index)"), now: 0) && isTaken }
        batches.append(intake.next(now: 0)?.map(\.id))
        intake.done()
        batches.append(intake.next(now: 0)?.map(\.id))
        intake.done()
        batches.append(intake.next(now: LedgerIntake.patience)?.map(\.id))
        #expect(isTaken)
        #expect(
            batches == [
                nil, ["0"], nil, (1...LedgerIntake.batch).map { "\($0)" }, ["\(LedgerIntake.batch + 1)"],
            ]
        )
    }

    @Test("calls wait a moment for others, are then written in one commit, and a full commit goes at once")
    func gathered() throws {
        let bench = try Bench()
        let link = bench.link(Self.worker)
        _ = bench.take(link)
        bench.receive(Self.worker, link, row("a"))
        let due = bench.now + LedgerIntake.patience
        #expect(bench.wakes == [due])
        bench.now += LedgerIntake.patience - 1
        bench.receive(Self.worker, link, row("b"))
        bench.apply(.due)
        #expect(ledgerAcks(bench, link).isEmpty)
        bench.now += 1
        bench.apply(.due)
        #expect(ledgerAcks(bench, link) == [["a", "b"]] && bench.steps.filter { $0 == "ledger" }.count == 1)
        for index in 1..<LedgerIntake.batch { bench.receive(Self.worker, link, row("\(index)")) }
        #expect(ledgerAcks(bench, link).isEmpty)
        bench.receive(Self.worker, link, row("last"))
        #expect(ledgerAcks(bench, link).map(\.count) == [LedgerIntake.batch])
        // A clock that is set back keeps nothing waiting.
        bench.receive(Self.worker, link, row("c"))
        bench.now -= 3_600_000
        bench.apply(.tick)
        #expect(ledgerAcks(bench, link) == [["c"]])
    }

    @Test("where a day has a limit a call counts at once")
    func limited() throws {
        var config = GatewayConfig()
        config.spend.perDay = 1
        let bench = try Bench(config: config)
        let link = bench.link(Self.worker)
        _ = bench.take(link)
        bench.receive(Self.worker, link, row("a"))
        #expect(ledgerAcks(bench, link) == [["a"]])
    }

    @Test("two workers' calls are each woken for, and so is what waits for quiet")
    func woken() throws {
        let bench = try Bench()
        let (first, second) = (bench.link(Self.worker), bench.link("model:google"))
        for link in [first, second] { _ = bench.take(link) }
        bench.receive(Self.worker, first, row("a"))
        bench.now += 100
        bench.receive("model:google", second, row("b", provider: "google"))
        #expect(bench.wakes.count == 1)
        bench.wake()
        #expect(ledgerAcks(bench, first) == [["a"]] && ledgerAcks(bench, second).isEmpty)
        #expect(bench.wakes.last == bench.now + 100)
        bench.wake()
        #expect(ledgerAcks(bench, second) == [["b"]])
    }

    @Test("nothing waits once the gateway drains, and what a worker told before it went is written down")
    func urgent() throws {
        let bench = try Bench()
        let link = bench.link(Self.worker)
        _ = bench.take(link)
        for index in 0...LedgerIntake.batch - 2 { bench.receive(Self.worker, link, row("\(index)")) }
        bench.die(Self.worker, link)
        #expect(try bench.journal.ledgerEntries(limit: 100).count == LedgerIntake.batch - 1)
        let next = bench.link(Self.worker, incarnation: 2)
        _ = bench.take(next)
        bench.receive(Self.worker, next, row("a"))
        #expect(ledgerAcks(bench, next).isEmpty)
        bench.apply(.drain(isShutdown: false, epoch: "one"))
        #expect(ledgerAcks(bench, next) == [["a"]])
        bench.receive(Self.worker, next, row("b"))
        #expect(ledgerAcks(bench, next) == [["b"]])
    }

    @Test("calls that could not be written are written later, in their order, and then acknowledged")
    func later() throws {
        let bench = try Bench()
        let link = bench.link(Self.worker)
        _ = bench.take(link)
        bench.refusal = .failed(code: 1, text: "no")
        bench.receive(Self.worker, link, row("a"))
        bench.receive(Self.worker, link, row("b"))
        bench.wake()
        #expect(ledgerAcks(bench, link).isEmpty)
        bench.refusal = nil
        bench.advance(1000)
        #expect(ledgerAcks(bench, link).isEmpty)
        bench.advance(LedgerIntake.retryAfter)
        #expect(ledgerAcks(bench, link) == [["a", "b"]])
    }

    @Test("more calls than may wait cost the link, and nothing that was acknowledged")
    func tooMany() throws {
        let bench = try Bench()
        let link = bench.link(Self.worker)
        bench.refusal = .overloaded
        for index in 0...LedgerIntake.most { bench.receive(Self.worker, link, row("r\(index)")) }
        #expect(bench.closed == [link])
        #expect(bench.logged("more calls than can be written down"))
    }

    @Test("a call to another provider, or without an id, is refused once and for ever")
    func foreign() throws {
        let bench = try Bench()
        let link = bench.link(Self.worker)
        _ = bench.take(link)
        bench.receive(Self.worker, link, row("a", provider: "anthropic"))
        bench.receive(Self.worker, link, row(String(repeating: "i", count: LedgerReading.idBytes + 1)))
        bench.receive(Self.worker, link, row(""))
        #expect(ledgerAcks(bench, link).map(\.count) == [1, 1, 1])
        #expect(try bench.journal.ledgerEntries(limit: 5).isEmpty)
    }

    @Test("what a hostile worker writes is bounded")
    func hostile() throws {
        let bench = try Bench()
        let link = bench.link(Self.worker)
        let long = String(repeating: "🐙\u{202E}\n", count: 20_000)
        for index in 0..<3 {
            bench.receive(
                Self.worker,
                link,
                row("r\(index)") {
                    $0.model = long
                    $0.servedModel = long
                    $0.profile = long
                    $0.cause = long
                    $0.end = long
                    $0.caller.agent = long
                    $0.caller.sessionKey = long
                    $0.caller.runID = long
                    $0.caller.purpose = long
                    $0.usage.input = .max
                    $0.usage.output = .max
                    $0.usage.cacheRead = .max
                    $0.usage.cacheWrite = .max
                    $0.usage.reasoning = .max
                    $0.status = .max
                    $0.atMs = index == 0 ? .max : .min
                }
            )
        }
        let arrival = bench.now
        bench.wake()
        let entries = try bench.journal.ledgerEntries(limit: 5)
        #expect(entries.count == 3)
        for entry in entries {
            #expect(entry.at == arrival)
            #expect(entry.end == "failed")
            for text in [entry.model, entry.servedModel, entry.profile, entry.cause, entry.agent, entry.runID] {
                #expect(text.utf8.count <= 4096)
                #expect(!text.contains("\n"))
            }
        }
        let today = bench.limits.day(bench.now)
        #expect(try bench.journal.ledgerSums(from: today, through: today).first?.attempts == 3)
    }

    @Test("a frame cut at any byte is no frame, and never a trap")
    func truncation() throws {
        let bytes = [UInt8](try state(300, credentials: ["openai:codex": "secret"]).serializedData())
        for count in 0..<bytes.count {
            if let cut = try? HubModelState(serializedBytes: Array(bytes.prefix(count))) {
                #expect(cut != state(300, credentials: ["openai:codex": "secret"]))
            }
        }
    }
}
