import TestSupport
import Testing

@testable import Journal

@Suite("The journal's thread under watch")
struct WatchTests {
    @Test("is stuck after 20 s at the same work, and not while it moves on, waits for work or waits for the disk")
    func stuck() {
        let start = ContinuousClock.now
        var watch = WriterWatch()
        func look(_ seconds: Int, _ work: UInt64?, disk: Bool = false) -> Bool {
            watch.isStuck(work: work, waitsForDisk: { disk }, now: start + .seconds(seconds))
        }
        #expect(!look(0, 1))
        #expect(!look(19, 1))
        #expect(look(20, 1))
        #expect(!look(21, 2), "it moved on")
        #expect(!look(39, 2))
        #expect(!look(40, 2, disk: true), "the disk's time does not count")
        #expect(!look(59, 2))
        #expect(look(60, 2))
        #expect(!look(61, nil) && !look(100, nil), "it waits for work")
        #expect(!look(101, 3))
    }

    @Test("is busy while it is at a transition and idle again after it")
    func busy() async throws {
        let directory = Directory()
        let (writer, _) = try await JournalWriter.open(directory.place) { _ in }
        let now = ContinuousClock.now
        let (entered, enter) = AsyncStream<Void>.makeStream()
        let gate = Gate()
        writer.submit(.relaxed) { _ in
            enter.yield()
            gate.wait()
        } done: { _ in
        }
        for await _ in entered { break }
        #expect(!writer.isStuck(now: now))
        #expect(writer.isStuck(now: now + .seconds(30)), "it stands in a transition, and not for the disk")
        gate.open()
        try await eventually { !writer.isStuck(now: now + .seconds(60)) }
        writer.close()
    }
}
