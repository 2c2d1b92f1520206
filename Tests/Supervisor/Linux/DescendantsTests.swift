import CLinux
import Glibc
import Testing

@testable import Supervisor

/// Whose a process is, where no cgroup says so.
struct DescendantsTests {
    private static func origin(_ pid: Int32, start: UInt64 = 100, uid: UInt32? = nil, foreign: Bool = true)
        -> WorkerOrigin
    {
        var origin = WorkerOrigin(pid: pid, worker: "sidecar:\(pid)", incarnation: 1, uid: uid, isForeign: foreign)
        origin.startTime = start
        return origin
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        /// pid, parent, session, start time. 1 is the supervisor, 10 the dead worker, 20 a living one.
        var processes: [(Int32, Int32, Int32, UInt64)]
        var uids: [Int32: UInt32] = [:]
        var marks: [Int32: String] = [:]
        var foreign = true
        var ended: Set<Int32>
        var testDescription: String { name }
    }

    static let rows: [Row] = [
        Row(name: "an orphan in the worker's session", processes: [(11, 1, 10, 150)], foreign: false, ended: [11]),
        Row(
            name: "what hangs beneath such an orphan",
            processes: [(11, 1, 10, 150), (12, 11, 12, 160)],
            ended: [11, 12]
        ),
        Row(
            name: "a living worker and what is beneath it",
            processes: [(20, 1, 20, 150), (21, 20, 21, 160)],
            ended: []
        ),
        Row(name: "an orphan in a living worker's session", processes: [(21, 1, 20, 160)], ended: []),
        Row(
            name: "a session of its own, but the dead worker's user",
            processes: [(11, 1, 11, 150)],
            uids: [11: 77],
            foreign: false,
            ended: [11]
        ),
        Row(
            name: "a session of its own, and a living worker's user",
            processes: [(21, 1, 21, 150)],
            uids: [21: 88],
            ended: []
        ),
        Row(
            name: "the marks of the dead and of a living worker",
            processes: [(11, 1, 11, 150), (21, 1, 21, 150)],
            marks: [11: "CLAWHOLD_WORKER=sidecar:10/1", 21: "CLAWHOLD_WORKER=sidecar:20/1"],
            foreign: false,
            ended: [11]
        ),
        Row(name: "no trace at all, younger than the dead foreign program", processes: [(11, 1, 11, 150)], ended: [11]),
        Row(name: "no trace at all, older than it", processes: [(11, 1, 11, 50)], ended: []),
        Row(
            name: "no trace at all, and the dead worker starts no programs",
            processes: [(11, 1, 11, 150)],
            foreign: false,
            ended: []
        ),
        Row(name: "somebody else's process", processes: [(5, 0, 5, 150), (11, 5, 10, 150)], uids: [11: 77], ended: []),
        Row(
            name: "a loop of parents, as a walk over a moving /proc may see it",
            processes: [(11, 12, 10, 150), (12, 11, 10, 150)],
            ended: []
        ),
    ]

    @Test("a process is told by ancestors, session, user and mark, in this order", arguments: rows)
    func table(row: Row) {
        let table = row.processes.map { Descendants.Entry(pid: $0.0, parent: $0.1, session: $0.2, startTime: $0.3) }
        let rest = Descendants.rest(
            of: Self.origin(10, uid: 77, foreign: row.foreign),
            living: [Self.origin(20, uid: 88)],
            table: table,
            own: 1,
            facts: .init(uid: { row.uids[$0] ?? 1000 }, mark: { row.marks[$0] ?? "" })
        )
        #expect(Set(rest.map(\.pid)) == row.ended)
    }

    @Test("one that left parent, session and environment behind dies with its worker, the neighbour's child does not")
    func escapee() async {
        await #expect(processExitsWith: .success) {
            try Reaper.becomeSubreaper()
            // Forks twice, opens a session, forgets its environment; its parents are gone before the worker is.
            let hide = "(setsid env -i sh -c 'echo $$; exec sleep 1000' &) ; exec sleep 1000"
            let keep = "sh -c 'echo $$; exec sleep 1000' & exec sleep 1000"
            let worker = try Program.shell(hide) { $0.environment = ["PATH=/usr/bin:/bin"] }
            let neighbour = try Program.shell(keep) { $0.environment = ["PATH=/usr/bin:/bin"] }
            let (escaped, kept) = (try #require(Int32(worker.line())), try #require(Int32(neighbour.line())))
            try eventually("the orphan to be ours") { ProcessFacts.stat(of: escaped)?.parent == getpid() }
            #expect(Descendants.children(of: getpid())?.contains(escaped) == true)
            let dead = WorkerOrigin(pid: worker.pid, worker: "sidecar:a", incarnation: 1, uid: nil, isForeign: true)
            let living = WorkerOrigin(
                pid: neighbour.pid,
                worker: "sidecar:b",
                incarnation: 1,
                uid: nil,
                isForeign: true
            )
            worker.kill(SIGKILL)
            try worker.wait()
            #expect(Descendants.endRest(of: dead, living: [living]) == 1)
            try eventually("the escapee's end") { !isAlive(escaped) }
            #expect(isAlive(kept))
            #expect(isAlive(neighbour.pid))
            #expect(Descendants.endAll() >= 2)
            try eventually("the end of everything") { !isAlive(kept) }
            exit(0)
        }
    }

    @Test("one that forks against us is stopped before it is killed")
    func forking() async {
        await #expect(processExitsWith: .success) {
            try Reaper.becomeSubreaper()
            // Each generation lives for a moment only, so a list of pids is old as soon as it is read.
            let hop =
                "import os\nos.setsid()\nprint('up', flush=True)\nwhile True:\n  if os.fork(): os._exit(0)\n  os.setsid()"
            let worker = try Program.shell("python3 -I -c \"$0\" & exec sleep 1000") { request in
                request.arguments.append(hop)
                request.environment = ["PATH=/usr/bin:/bin"]
            }
            #expect(try worker.line() == "up")
            let dead = WorkerOrigin(pid: worker.pid, worker: "sidecar:a", incarnation: 1, uid: nil, isForeign: true)
            worker.kill(SIGKILL)
            try worker.wait()
            try eventually("the last of them") {
                Descendants.endRest(of: dead, living: [])
                Reaper.sweep()
                return Descendants.children(of: getpid())?.isEmpty == true
            }
            exit(0)
        }
    }
}
