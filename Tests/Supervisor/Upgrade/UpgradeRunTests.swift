import Glibc
import IPCControl
import Testing

@testable import Supervisor

/// Upgrades of real processes: the fixture's executable, copied, and made another build by its build id.
@Suite("Upgrade in place", .serialized)
struct UpgradeRunTests {
    private let pair = FixturePlanText().with("gateway", "confirm").with("channel:telegram:default")

    @Test("the supervisor keeps its pid, lock, port and workers, then all are replaced, the gateway first")
    func forward() throws {
        let run = try SupervisorRun(pair)
        let supervisor = try run.supervisorPID()
        let gateway = try run.ready("gateway", 1)
        let channel = try run.ready("channel:telegram:default", 1)
        let before = try run.ask("status").first?["BUILD"]
        let next = try NextBuild(in: run.directory)

        let answer = try run.ask("upgrade", ["PATH": next.path])
        #expect(answer.last?["END"] == "ok", "\(answer)")
        #expect(next.id != before)
        try run.line("this is build \(next.id) now, PID \(supervisor)")
        #expect(try run.ready("gateway", 2) != gateway)
        #expect(try run.ready("channel:telegram:default", 2) != channel)
        let order = run.lines.filter { $0.contains("is being replaced") }
        #expect(order.count == 2 && order[0].contains("gateway") && order[1].contains("telegram"))
        #expect(SystemFile.link("/proc/\(supervisor)/exe") == next.path)
        #expect(try run.ask("status").first?["BUILD"] == next.id)

        let second = try SupervisorRun(besides: run, pair)
        #expect(try second.exitCode(within: 10) == 75)
        #expect(second.hasLine("gateway already running (pid \(supervisor)"))
        #expect(kill(supervisor, SIGTERM) == 0)
        #expect(try run.exitCode() == 0)
    }
}

/// A copy of the fixture that calls itself another build: its linker's note is changed.
struct NextBuild {
    let path: String
    let id: String

    init(in directory: String, name: String = "next", change: (inout [UInt8]) -> Void = { _ in }) throws {
        guard let own = SystemFile.link("/proc/self/exe"), let slash = own.lastIndex(of: "/") else {
            throw SupervisorRun.Missing(description: "the test's own path")
        }
        var bytes = try SystemFile.bytes("\(own[...slash])SupervisorFixture", limit: 1 << 30)
        // The header of the note: 4 bytes of name, 20 of content, type 3, "GNU".
        let header: [UInt8] = [4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 0x47, 0x4E, 0x55, 0]
        guard let note = bytes.firstRange(of: header) else {
            throw SupervisorRun.Missing(description: "a build id in the fixture")
        }
        let digits = (0..<20).map { _ in UInt8.random(in: 0...255) }
        bytes.replaceSubrange(note.upperBound..<(note.upperBound + 20), with: digits)
        change(&bytes)
        path = "\(directory)/\(name)"
        id = Build.make(note: digits)
        let file = try Descriptor.open(path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o755)
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(file.raw, $0.baseAddress, $0.count) }
            guard count > 0 else { throw SupervisorRun.Missing(description: "room for a copy of the fixture") }
            rest = rest.dropFirst(count)
        }
    }
}
