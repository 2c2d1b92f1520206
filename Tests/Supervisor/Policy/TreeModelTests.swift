import Testing

@testable import Supervisor

/// Random schedules of everything that can happen, in every order, checked after each step against what must always hold.
@Suite("Supervisor tree under random schedules")
struct TreeModelTests {
    /// Sequences of one case; a hundred cases make a million.
    static let sequences = 10_000

    @Test("a million random sequences of 5 to 40 events keep every promise", arguments: UInt64(0)..<100)
    func randomSequences(part: UInt64) async {
        for number in 0..<UInt64(Self.sequences) {
            // Tests that wait for real processes share these threads.
            if number % 64 == 0 { await Task.yield() }
            let seed = (part << 32 | number) &* 0x9E37_79B9_7F4A_7C15
            guard let faults = Self.run(seed: seed, steps: Self.length(seed)) else { continue }
            Issue.record("\(Self.smallest(seed: seed, faults: faults))")
            return
        }
    }

    /// Mostly short, sometimes long: most faults need few steps, some need many.
    private static func length(_ seed: UInt64) -> Int {
        var random = SplitMix64(seed: ~seed)
        let (first, second, third) = (random.next() % 36, random.next() % 36, random.next() % 36)
        return 5 + Int(min(first, second, third))
    }

    /// The faults of a sequence; nil when it kept every promise. Some end in a shutdown, some in healing.
    private static func run(seed: UInt64, steps: Int) -> [String]? {
        var model = TreeModel(seed: seed)
        for _ in 0..<steps where model.faults.isEmpty { model.step() }
        end(&model, seed)
        return model.faults.isEmpty ? nil : model.faults
    }

    private static func end(_ model: inout TreeModel, _ seed: UInt64) {
        guard model.faults.isEmpty else { return }
        switch seed >> 60 {
        case 0...3: model.shutDown()
        case 4...5: model.heal()
        default: model.finish()
        }
    }

    /// The shortest beginning of the sequence that breaks a promise, as it happened.
    private static func smallest(seed: UInt64, faults: [String]) -> String {
        for steps in 0...40 {
            guard let faults = run(seed: seed, steps: steps) else { continue }
            var model = TreeModel(seed: seed, isTracing: true)
            for _ in 0..<steps where model.faults.isEmpty { model.step() }
            end(&model, seed)
            let trace = (model.trace ?? []).suffix(60).joined(separator: "\n")
            return "seed \(seed), \(steps) steps: \(faults.prefix(3).joined(separator: "; "))\n\(trace)"
        }
        return "seed \(seed): \(faults.prefix(3).joined(separator: "; "))"
    }
}
