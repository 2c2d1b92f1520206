import Glibc
import Testing

@testable import Supervisor

struct ProcessFactsTests {
    @Test("a process may name itself so that its name looks like fields")
    func hostileName() {
        let rest = "S 42 43 44 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 9876 0"
        let stat = ProcessFacts.parseStat("7 (a) R 1 1 1 (b) \(rest)")
        #expect(stat == ProcessFacts.Stat(parent: 42, session: 44, state: "S", startTime: 9876))
        for cut in 0..<rest.count - 6 {
            #expect(ProcessFacts.parseStat("7 (x) \(rest.prefix(cut))") == nil, "cut at \(cut)")
        }
        #expect(ProcessFacts.parseStat("") == nil)
    }

    @Test("children and grandchildren of a worker descend from it, we do not")
    func descent() throws {
        let program = try Program.shell("sh -c 'echo $$; sleep 1000' & wait") { $0.environment = ["PATH=/bin"] }
        let grandchild = try #require(Int32(program.line()))
        #expect(ProcessFacts.descends(grandchild, from: [program.pid]))
        #expect(ProcessFacts.descends(program.pid, from: [program.pid]))
        #expect(!ProcessFacts.descends(getpid(), from: [program.pid]))
        #expect(!ProcessFacts.descends(grandchild, from: [1 << 30]))
    }

    @Test("an orphan of a worker is known by its session; one that cannot be seen counts as descending")
    func orphansAndUnknown() {
        let table: [Int32: ProcessFacts.Stat] = [
            50: .init(parent: 1, session: 10, state: "S", startTime: 1),
            60: .init(parent: 61, session: 60, state: "S", startTime: 1),
            61: .init(parent: 60, session: 60, state: "S", startTime: 1),
            70: .init(parent: 71, session: 70, state: "S", startTime: 1),
        ]
        func descends(_ pid: Int32, unknown: Bool = true) -> Bool {
            ProcessFacts.descends(pid, from: [10], unknown: unknown) { table[$0] }
        }
        #expect(descends(50))
        // A ring, as a race of reused pids could show it.
        #expect(descends(60) && !descends(60, unknown: false))
        #expect(descends(70) && !descends(70, unknown: false))
        #expect(!descends(1))
        // The kernel says 0 for a peer in another pid namespace.
        #expect(descends(0))
    }

    @Test("memory of a process is what it holds")
    func memory() throws {
        let held: Int64 = 48 << 20
        let program = try Program.python(
            "x = bytearray(b'x' * \(held))\nprint('held', flush=True)\nimport time\ntime.sleep(1000)"
        )
        #expect(try program.line() == "held")
        let resident = try #require(ProcessMemory.resident(of: program.pid))
        #expect(resident.anonymousBytes >= held)
        #expect(resident.anonymousBytes < held + (48 << 20))
        #expect(resident.residentBytes >= resident.anonymousBytes)
        if let proportional = ProcessMemory.proportional(of: program.pid) { #expect(proportional >= held) }
        #expect(ProcessMemory.resident(of: 1 << 30) == nil)
        #expect(try #require(ProcessMemory.own()) > 1 << 20)
        #expect(try #require(ProcessMemory.machineTotal()) > held)
    }

    @Test("fields are found by their whole name, whatever separates them")
    func fields() {
        let text = "total_rss 5\nrss 7\nPss:      12 kB\noom_kill 3\nbroken\nlast x"
        #expect(SystemFile.field("rss", of: text) == 7)
        #expect(SystemFile.field("Pss", of: text) == 12)
        #expect(SystemFile.field("oom_kill", of: text) == 3)
        #expect(SystemFile.field("oom", of: text) == nil)
        #expect(SystemFile.field("last", of: text) == nil)
        #expect(SystemFile.field("broken", of: text) == nil)
    }

    @Test("a file is read up to its bound and no further")
    func bound() throws {
        let directory = TemporaryDirectory()
        try SystemFile.replace(directory.file("x"), with: String(repeating: "a", count: 40_000), mode: 0o600)
        #expect(try SystemFile.bytes(directory.file("x"), limit: 39_999).count == 39_999)
        #expect(try SystemFile.bytes(directory.file("x"), limit: 50_000).count == 40_000)
        #expect(try SystemFile.bytes("/dev/zero", limit: 70_000).count == 70_000)
    }
}
