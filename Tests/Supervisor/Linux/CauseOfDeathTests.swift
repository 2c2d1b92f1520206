import Glibc
import IPCControl
import Testing

@testable import Supervisor

struct CauseOfDeathTests {
    struct Row: Sendable, CustomTestStringConvertible {
        var name: String
        var ending: ExitFacts.Ending
        var evidence: @Sendable (inout MemoryEvidence) -> Void = { _ in }
        var intent: DeathIntent?
        var peak: Int64 = 0
        var cause: DeathCause
        var own: Bool
        var testDescription: String { name }
    }

    private static let killed = ExitFacts.Ending.signal(SIGKILL, coreDumped: false)
    private static let trapped = ExitFacts.Ending.signal(SIGILL, coreDumped: false)

    static let rows: [Row] = [
        Row(name: "exit 0", ending: .code(0), cause: .exit, own: false),
        Row(
            name: "exit 137 is no signal",
            ending: .code(137),
            evidence: { $0.groupKills = 1 },
            cause: .exit,
            own: false
        ),
        Row(name: "SIGKILL without any counter", ending: killed, cause: .signal, own: false),
        Row(
            name: "SIGKILL, counters at rest",
            ending: killed,
            evidence: { ($0.groupKills, $0.containerKills, $0.machineKills) = (0, 0, 0) },
            cause: .signal,
            own: false
        ),
        Row(
            name: "the limit was hit but nobody was killed for it",
            ending: killed,
            evidence: { ($0.groupKills, $0.exhausted) = (0, .own) },
            cause: .signal,
            own: false
        ),
        Row(
            name: "own budget",
            ending: killed,
            evidence: { ($0.groupKills, $0.exhausted) = (1, .own) },
            cause: .oomOwn,
            own: true
        ),
        Row(
            name: "killed in its group for the container's limit",
            ending: killed,
            evidence: { ($0.groupKills, $0.exhausted) = (1, .container) },
            cause: .oomContainer,
            own: false
        ),
        Row(
            name: "killed in its group for nobody's limit",
            ending: killed,
            evidence: { $0.groupKills = 2 },
            cause: .oomHost,
            own: false
        ),
        Row(
            name: "no group: the container's counter moved and it was full",
            ending: killed,
            evidence: { ($0.containerKills, $0.exhausted) = (1, .container) },
            cause: .oomContainer,
            own: false
        ),
        Row(
            name: "with a group, the container's counter proves nothing",
            ending: killed,
            evidence: { ($0.groupKills, $0.containerKills, $0.exhausted) = (0, 1, .container) },
            cause: .signal,
            own: false
        ),
        Row(
            name: "the machine's counter proves nothing",
            ending: killed,
            evidence: { $0.machineKills = 5 },
            cause: .signal,
            own: false
        ),
        Row(
            name: "we stopped it, whatever it then said",
            ending: .code(1),
            intent: .stopped,
            cause: .stopped,
            own: false
        ),
        Row(
            name: "we killed it while it was out of memory",
            ending: killed,
            evidence: { ($0.groupKills, $0.exhausted) = (1, .own) },
            intent: .stopped,
            cause: .stopped,
            own: false
        ),
        Row(name: "watchdog", ending: killed, intent: .watchdog, cause: .watchdog, own: true),
        Row(name: "fatal", ending: .code(78), intent: .fatal("401"), cause: .fatal, own: false),
        Row(
            name: "a trap near RLIMIT_DATA",
            ending: trapped,
            evidence: { $0.hardLimitBytes = 100 << 20 },
            peak: 80 << 20,
            cause: .allocation,
            own: true
        ),
        Row(
            name: "a trap near RLIMIT_DATA by the samples",
            ending: trapped,
            evidence: { ($0.hardLimitBytes, $0.sampledPeakBytes) = (100 << 20, 75 << 20) },
            cause: .allocation,
            own: true
        ),
        Row(
            name: "a trap far from it",
            ending: trapped,
            evidence: { $0.hardLimitBytes = 100 << 20 },
            peak: 74 << 20,
            cause: .signal,
            own: true
        ),
        Row(
            name: "a trap near a cgroup limit is a bug: there allocations are not refused",
            ending: trapped,
            evidence: { ($0.groupKills, $0.hardLimitBytes) = (0, 100 << 20) },
            peak: 99 << 20,
            cause: .signal,
            own: true
        ),
        Row(
            name: "SIGTERM from somebody",
            ending: .signal(SIGTERM, coreDumped: false),
            cause: .signal,
            own: false
        ),
        Row(name: "SIGSEGV", ending: .signal(SIGSEGV, coreDumped: true), cause: .signal, own: true),
    ]

    @Test("the cause follows from the evidence and goes no further", arguments: rows)
    func table(row: Row) {
        var evidence = MemoryEvidence()
        row.evidence(&evidence)
        let exit = ExitFacts(pid: 7, ending: row.ending, peakResidentBytes: row.peak)
        let result = CauseOfDeath(exit: exit, evidence: evidence, intent: row.intent)
        #expect(result.cause == row.cause)
        #expect(result.isOwnDoing == row.own)
        #expect(!result.text.isEmpty)
        #expect(result.exitCode == (row.cause == .signal ? nil : exit.exitCode))
    }
}
