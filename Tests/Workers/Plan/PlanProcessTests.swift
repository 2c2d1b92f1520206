import Config
import FoundationEssentials
import Glibc
import Testing

@testable import Plan

@Suite("Files on disk")
final class PlanProcessTests {
    private var directories: [String] = []

    deinit {
        // What cannot be removed stays.
        for path in directories { try? FileManager.default.removeItem(atPath: path) }
    }

    private func directory() throws -> String {
        var template = Array("/tmp/plantest-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        directories.append(String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
        return directories[directories.count - 1]
    }

    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    @Test("accepted files are written once, whole, for their owner alone; no temporary file stays")
    func accepted() throws {
        let place = try directory() + "/clawhold"
        #expect(AcceptedFiles.keep(["openclaw.json": [0x7B, 0x7D]], in: place) == [])
        #expect(DiskFiles().read("\(place)/accepted-openclaw.json", limit: 100) == .bytes([0x7B, 0x7D]))
        #expect(mode(place) == 0o700 && mode("\(place)/accepted-openclaw.json") == 0o600)
        #expect(AcceptedFiles.keep(["openclaw.json": [0x31]], in: place) == [])
        #expect(DiskFiles().read("\(place)/accepted-openclaw.json", limit: 100) == .bytes([0x31]))
        #expect(DiskFiles().read("\(place)/accepted-openclaw.json.\(getpid()).tmp", limit: 100) == .missing)
    }

    @Test("when they cannot be written, that is a sentence and no more")
    func unwritable() throws {
        let failures = AcceptedFiles.keep(["openclaw.json": [0x31]], in: "/proc/nowhere/clawhold")
        #expect(failures.count == 1)
        #expect(
            failures.first?.hasPrefix("the accepted configuration cannot be kept in /proc/nowhere/clawhold:") == true
        )
    }

    @Test("a missing state directory is made for its owner alone; one that cannot be is refused with what to type")
    func stateDirectory() throws {
        let path = try directory() + "/a/b"
        try StateDirectory.prepare(path)
        #expect(mode(path) == 0o700)
        try StateDirectory.prepare(path)
        let refusal = #expect(throws: PlanRefusal.self) { try StateDirectory.prepare("/proc/nowhere/state") }
        #expect(refusal?.code == 1 && refusal?.text.contains("set OPENCLAW_STATE_DIR") == true)
        let file = path + "/file"
        close(open(file, O_CREAT | O_WRONLY, 0o600))
        #expect(throws: PlanRefusal.self) { try StateDirectory.prepare(file) }
    }

    @Test("what is no regular file is not read: no FIFO hangs the start, no device fills the memory")
    func odd() throws {
        let path = try directory()
        mkfifo("\(path)/fifo", 0o600)
        #expect(DiskFiles().read("\(path)/fifo", limit: 10) == .failed("it is not a regular file"))
        #expect(DiskFiles().read("/dev/zero", limit: 10) == .failed("it is not a regular file"))
        #expect(DiskFiles().read(path, limit: 10) == .failed("it is not a regular file"))
        #expect(DiskFiles().read("\(path)/none", limit: 10) == .missing)
        let fd = open("\(path)/large", O_CREAT | O_WRONLY, 0o600)
        ftruncate(fd, 11)
        close(fd)
        #expect(DiskFiles().read("\(path)/large", limit: 10) == .failed("it is larger than 10 bytes"))
    }
}
