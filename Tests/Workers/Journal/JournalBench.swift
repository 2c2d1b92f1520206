import Glibc
import Synchronization

@testable import Journal

/// A directory of its own, removed with the value that holds it.
final class Directory: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/clawhold-journal-XXXXXX".utf8CString)
        path = template.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress, mkdtemp(start) != nil else { return "/nonexistent" }
            return String(cString: start)
        }
    }

    deinit {
        for name in Self.entries(path + "/clawhold") { unlink(path + "/clawhold/" + name) }
        rmdir(path + "/clawhold")
        for name in Self.entries(path) { unlink(path + "/" + name) }
        rmdir(path)
    }

    static func entries(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    var place: JournalPlace { JournalPlace(stateDirectory: path) }
    var journalFiles: [String] { Self.entries(path + "/clawhold").sorted() }
}

/// What the writer told, in order.
final class Notices: Sendable {
    private let list = Mutex<[JournalWriter.Notice]>([])

    var all: [JournalWriter.Notice] { list.withLock { $0 } }
    func add(_ notice: JournalWriter.Notice) { list.withLock { $0.append(notice) } }
}

func event(_ key: String, bytes: Int = 1) -> InboundEvent {
    InboundEvent(
        channel: "channel:telegram:default",
        eventKey: key,
        raw: [UInt8](repeating: 7, count: bytes),
        cursor: Array(key.utf8)
    )
}

func turn(_ id: String, lane: String = "lane", agent: String = "agent:main") -> NewTurn {
    NewTurn(
        turnID: id,
        runID: "run-\(id)",
        sessionKey: lane,
        lane: lane,
        agent: agent,
        channel: "channel:telegram:default",
        account: "default",
        conversation: "1",
        target: [1],
        message: [2]
    )
}

extension SQLiteJournal {
    /// A worker dies of what it holds, and once is too often.
    func die(_ worker: String, _ incarnation: UInt64, now: Int64) throws {
        var limits = PoisonLimits()
        limits.ownDeaths = 1
        _ = try exit(
            worker: worker,
            incarnation: incarnation,
            cause: "signal",
            death: .ownDoing,
            sentence: "sorry",
            limits: limits,
            now: now
        )
    }
}
