import IPCControl
import Testing

@testable import Supervisor

/// What one image of the supervisor hands on to the next.
@Suite("The state of an upgrade")
struct SnapshotTests {
    @Test("what was written is what is read, every property of it")
    func roundTrip() throws {
        let state = SnapshotSample.state
        #expect(try StateReader.read(try state.encoded()) == state)
        var back = state
        back.head.failure = nil
        back.tree.safeMode.state = .trial(reason: "again", trialAfter: .seconds(1200))
        #expect(try StateReader.read(try back.encoded()) == back)
        back.tree.safeMode.state = .normal(deaths: 2)
        #expect(try StateReader.read(try back.encoded()) == back)
    }

    /// A property that is added to one of these and to no `carry` would be lost in every upgrade: the sample has to set
    /// it, and then the round trip finds out.
    @Test("the sample leaves no property of what is handed on at its default")
    func sampleIsComplete() throws {
        let agent = try #require(WorkerID("agent:a"))
        let blank = WorkerSpec(id: agent, start: .permanent, revision: "")
        let record = WorkerRecord(spec: blank, after: 0, now: .origin)
        let sample = SnapshotSample.record(SnapshotSample.sidecar, .parked)
        expectDifferent(sample, record)
        expectDifferent(sample.spec, blank)
        expectDifferent(sample.spec.memory, blank.memory)
        expectDifferent(sample.pressure, SoftPressure())
        expectDifferent(sample.history, FailureHistory())
        expectDifferent(sample.grant, MemoryGrant())
        expectDifferent(sample.backoff, Backoff(cap: .seconds(1), now: .origin))
        expectDifferent(SnapshotSample.life, .blank)
        expectDifferent(SnapshotSample.life.liveness, Liveness(now: .origin))
        // Nothing is handed on while there is a shutdown or an effect.
        let tree = SupervisorTree(seed: 0, now: .origin)
        expectDifferent(SnapshotSample.tree, tree, but: ["shutdown", "effects"])
        expectDifferent(SnapshotSample.process, .init(id: agent))
        expectDifferent(SnapshotSample.process.group, .init())
        expectDifferent(SnapshotSample.state, UpgradeState(plan: UpgradeState.plan("")))
        expectDifferent(SnapshotSample.state.head, .init(build: "x"))
        expectDifferent(SnapshotSample.state.site, .init())
        expectDifferent(SnapshotSample.state.log, .init())
        expectDifferent(SnapshotSample.plan, UpgradeState.plan(""))
        expectDifferent(SnapshotSample.plan.settings, UpgradeState.plan("").settings)
        let worker = PlannedWorker(spec: blank, userClass: .owner)
        expectDifferent(SnapshotSample.plan.workers[0], worker)
    }

    private func expectDifferent<Value>(_ sample: Value, _ blank: Value, but exceptions: Set<String> = []) {
        let (left, right) = (Mirror(reflecting: sample).children, Mirror(reflecting: blank).children)
        for (one, other) in zip(left, right) where !exceptions.contains(one.label ?? "") {
            #expect(
                String(reflecting: one.value) != String(reflecting: other.value),
                "\(Value.self).\(one.label ?? "") is not set in SnapshotSample"
            )
        }
    }

    @Test("a state that ends anywhere before its end is refused")
    func truncation() throws {
        // One of each, for the time that it takes.
        var state = SnapshotSample.state
        for id in state.tree.records.ids.dropFirst() { state.tree.records.remove(id) }
        state.clients.removeLast(state.clients.count - 1)
        state.processes[0].outgoing = [1, 2, 3]
        let bytes = try state.encoded()
        for end in bytes.indices {
            #expect(throws: StateError.self) { try StateReader.read(bytes[..<end]) }
        }
    }

    @Test("damaged states are read or refused, never a trap")
    func fuzz() throws {
        let bytes = try SnapshotSample.state.encoded()
        var random = SplitMix64(seed: 4)
        for _ in 0..<300 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let index = Int.random(in: 0..<damaged.count, using: &random)
                damaged[index] =
                    [UInt8(ascii: "9"), 45, 10, 61, 37, UInt8.random(in: 0...255, using: &random)]
                    .randomElement(using: &random) ?? 0
            }
            guard var state = try? StateReader.read(damaged) else { continue }
            // Whatever was accepted can be lived with.
            _ = state.tree.handle(.tick, at: Instant(nanoseconds: .max))
            _ = try? state.encoded()
        }
    }

    @Test("another version is refused by name, before anything of it is understood")
    func version() throws {
        let text = String(decoding: try SnapshotSample.state.encoded(), as: UTF8.self)
        let other = text.replacing("version 1", with: "version 0", maxReplacements: 1)
        #expect(
            throws: StateError.foreign("\"clawhold supervisor state, version 0\" instead of \"\(UpgradeState.format)\"")
        ) {
            try StateReader.read(Array(other.utf8))
        }
        #expect(throws: StateError.foreign("it begins with HELLO")) {
            try StateReader.read(Array("TYPE=HELLO\n\n".utf8))
        }
    }

    @Test("what a later build adds is passed over, what it left out has its default")
    func additions() throws {
        let state = SnapshotSample.state
        let text = String(decoding: try state.encoded(), as: UTF8.self)
        let more = text.replacing("TYPE=SITE\n", with: "TYPE=MOON\nPHASE=full\n\nTYPE=SITE\nCOLOUR=green\n")
        #expect(try StateReader.read(Array(more.utf8)) == state)
        let less = text.replacing("HELD=true\n", with: "")
        #expect(try StateReader.read(Array(less.utf8)).tree.records.values.allSatisfy { !$0.isHeld } == true)
    }

    @Test("numbers out of their range are refused")
    func ranges() throws {
        let text = String(decoding: try SnapshotSample.state.encoded(), as: UTF8.self)
        for (good, bad) in [
            ("RESTARTS=5\n", "RESTARTS=9223372036854775807\n"), ("SOFT_LEVEL=4\n", "SOFT_LEVEL=-1\n"),
            ("OWN_DOING=2\n", "OWN_DOING=6\n"), ("SLOT=7\n", "SLOT=1000\n"), ("FD=23\n", "FD=x\n"),
        ] {
            #expect(text.contains(good))
            #expect(throws: StateError.self) { try StateReader.read(Array(text.replacing(good, with: bad).utf8)) }
        }
    }

    @Test("every descriptor that is named survives exec, standard ones and missing ones are no concern")
    func descriptors() {
        let clients = [Int32](repeating: 30, count: 9)
        #expect(SnapshotSample.state.descriptors == [20, 21, 22, 23, 10, 11, 12, 9] + clients)
        #expect(UpgradeState(plan: UpgradeState.plan("")).descriptors.isEmpty)
    }
}

extension UpgradeState {
    /// A plan of nothing.
    static func plan(_ directory: String) -> Plan {
        Plan(
            settings: .init(stateDirectory: directory, configPath: "", port: "", bind: "", version: ""),
            listeners: [],
            workers: []
        )
    }
}
