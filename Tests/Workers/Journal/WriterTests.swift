import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Journal

@Suite("writer")
struct WriterTests {
    private func open(_ place: JournalPlace, _ notices: Notices = Notices()) async throws -> JournalWriter {
        try await JournalWriter.open(place) { notices.add($0) }.writer
    }

    private func receive(_ writer: JournalWriter, _ key: String, bytes: Int = 1) async throws -> Receipt {
        try await writer.commit(.intake) { journal throws(JournalError) in
            try journal.receive(event(key, bytes: bytes), limit: 1_000_000, now: 1)
        }
    }

    @Test("what was committed is there after the writer was closed and opened again")
    func survives() async throws {
        let directory = Directory()
        let writer = try await open(directory.place)
        #expect(try await receive(writer, "a") == .new(row: 1))
        writer.close()
        try await eventually { (try? await self.open(directory.place)) != nil }
    }

    @Test("transitions happen in order and share commits: one fsync serves all that wait")
    func groupCommit() async throws {
        let directory = Directory()
        let writer = try await open(directory.place)
        let order = Mutex<[Int]>([])
        let frames = Mutex<[Int64]>([])
        // The first holds the writer until all others wait.
        let gate = Gate()
        writer.submit(.relaxed, { _ in gate.wait() }, done: { _ in })
        await withCheckedContinuation { continuation in
            for index in 1...200 {
                writer.submit(
                    .intake,
                    { journal throws(JournalError) in
                        _ = try journal.receive(event("k\(index)"), limit: 1000, now: 1)
                        // Changes since the last commit tell which transitions share one.
                        let sqlite = journal as? SQLiteJournal
                        return try sqlite?.database.first("SELECT count(*) FROM inbox") { $0.integer(0) } ?? 0
                    },
                    done: { result in
                        frames.withLock { $0.append((try? result.get()) ?? -1) }
                        order.withLock { $0.append(index) }
                        if index == 200 { continuation.resume() }
                    }
                )
            }
            gate.open()
        }
        #expect(order.withLock { $0 } == Array(1...200))
        #expect(frames.withLock { $0 } == (1...200).map(Int64.init))
        let commits = try await writer.commit(.relaxed) { journal throws(JournalError) in
            (journal as? SQLiteJournal)?.database.commits ?? -1
        }
        #expect(commits > 0 && commits <= 6, "\(commits) commits for 200 transitions")
    }

    @Test("one transition that fails takes nothing with it from the commit it shares")
    func isolation() async throws {
        let directory = Directory()
        let writer = try await open(directory.place)
        let gate = Gate()
        writer.submit(.relaxed, { _ in gate.wait() }, done: { _ in })
        async let good = receive(writer, "a")
        async let bad = Result<Void, any Error> {
            try await writer.commit(.relaxed) { journal throws(JournalError) in
                _ = try journal.receive(event("half"), limit: 1000, now: 1)
                try (journal as? SQLiteJournal)?.database.execute("INSERT INTO nowhere VALUES(1)")
            }
        }
        async let other = receive(writer, "b")
        gate.open()
        let (outcome, _, _) = try await (bad, good, other)
        guard case .failure = outcome else { return #expect(Bool(false), "the broken one was committed") }
        #expect(try await receive(writer, "half") != .known)
        #expect(try await receive(writer, "a") == .known)
        #expect(try await receive(writer, "b") == .known)
    }

    @Test("more than the queue's bound is refused, and half of it counts as congestion")
    func bound() async throws {
        let directory = Directory()
        var place = directory.place
        place.queueLimit = 4
        let writer = try await open(place)
        let gate = Gate()
        let isHeld = Gate()
        writer.submit(
            .relaxed,
            { _ in
                isHeld.open(); gate.wait()
            },
            done: { _ in }
        )
        isHeld.wait()
        let errors = Mutex<[JournalError]>([])
        for _ in 1...2 { writer.submit(.relaxed, { _ in }, done: { _ in }) }
        #expect(!writer.isCongested)
        for _ in 1...3 {
            writer.submit(
                .relaxed,
                { _ in },
                done: { result in
                    if case .failure(let error) = result { errors.withLock { $0.append(error) } }
                }
            )
        }
        #expect(writer.isCongested)
        #expect(errors.withLock { $0 } == [.overloaded])
        gate.open()
        try await eventually { !writer.isCongested }
    }

    @Test("a closed writer finishes what waits and takes nothing more")
    func closed() async throws {
        let directory = Directory()
        let writer = try await open(directory.place)
        async let last = receive(writer, "a")
        try await Task.sleep(for: .zero)
        _ = try await last
        writer.close()
        await #expect(throws: JournalError.closed) { try await receive(writer, "b") }
    }

    @Test(
        "a full disk gives up the ballast: what is under way lands, intake stops, and starts again when there is space"
    )
    func fullDisk() async throws {
        guard let disk = SmallDisk(megabytes: 6) else { return }
        defer { disk.unmount() }
        var place = JournalPlace(stateDirectory: disk.path)
        place.ballastBytes = 1024 * 1024
        place.recoveryMilliseconds = 20
        place.retryMilliseconds = 5
        let notices = Notices()
        let writer = try await open(place, notices)
        var taken = 0
        var failure: JournalError?
        while failure == nil, taken < 100 {
            do throws(JournalError) {
                _ = try await writer.commit(.intake) { [taken] journal throws(JournalError) in
                    try journal.receive(event("k\(taken)", bytes: 200_000), limit: 1000, now: 1)
                }
                taken += 1
            } catch {
                failure = error
            }
        }
        #expect(failure == .full)
        #expect(taken > 3)
        #expect(notices.all.count == 1)
        #expect(writer.isIntakeStopped)
        await #expect(throws: JournalError.full) { try await receive(writer, "small") }
        // Results land in the space that was held for them.
        let claimed = try await writer.commit(.synced) { journal throws(JournalError) in
            try journal.claimInbox(channel: "channel:telegram:default", incarnation: 1, limit: 1, now: 1)
        }
        #expect(claimed.count == 1)
        // Somebody frees space; here the file that filled it is the test's own.
        #expect(disk.grow(megabytes: 20))
        try await eventually { !writer.isIntakeStopped }
        #expect(notices.all.last == .intakeResumed)
        #expect(try await receive(writer, "after") != .known)
        #expect(try await receive(writer, "k0") == .known)
        writer.close()
    }

    @Test(
        "a result that finds no space at all waits for it and lands in its order",
        .enabled(if: geteuid() == 0, "a small disk can be mounted by root alone")
    )
    func waitsForSpace() async throws {
        let disk = try #require(SmallDisk(megabytes: 3))
        defer { disk.unmount() }
        var place = JournalPlace(stateDirectory: disk.path)
        place.ballastBytes = 64 * 1024
        place.retryMilliseconds = 5
        let writer = try await open(place)
        let landed = Mutex<[Int]>([])
        for index in 1...40 {
            writer.submit(
                .relaxed,
                { journal throws(JournalError) in
                    _ = try journal.receive(event("k\(index)", bytes: 200_000), limit: 1000, now: 1)
                },
                done: { if case .success = $0 { landed.withLock { $0.append(index) } } }
            )
        }
        try await eventually { writer.isIntakeStopped }
        let before = landed.withLock { $0.count }
        #expect(before < 40)
        #expect(disk.grow(megabytes: 40))
        try await eventually { landed.withLock { $0.count } == 40 }
        #expect(landed.withLock { $0 } == Array(1...40))
        writer.close()
    }
}

@Suite("opening")
struct PlaceTests {
    @Test(
        "a damaged file is moved aside, said loudly, and a new one is begun",
        arguments: [[], Array(repeating: 0x41, count: 8192)] as [[UInt8]]
    )
    func damaged(bytes: [UInt8]) async throws {
        let directory = Directory()
        mkdir(directory.path + "/clawhold", 0o700)
        let file = try #require(fopen(directory.place.path, "w"))
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
        let (writer, warning) = try await JournalWriter.open(directory.place) { _ in }
        // An empty file is what a crash at the very first start leaves: nothing is lost with it.
        #expect((warning == nil) == bytes.isEmpty)
        #expect(directory.journalFiles.contains { $0.contains(".damaged-") } == !bytes.isEmpty)
        let receipt = try await writer.commit(.intake) { journal throws(JournalError) in
            try journal.receive(event("a"), limit: 10, now: 1)
        }
        #expect(receipt == .new(row: 1))
        writer.close()
    }

    @Test("a page that is found damaged later moves the file aside and says so")
    func damagedLater() async throws {
        let directory = Directory()
        let notices = Notices()
        let writer = try await JournalWriter.open(directory.place) { notices.add($0) }.writer
        await #expect(throws: JournalError.corrupt("x")) {
            try await writer.commit(.relaxed) { _ throws(JournalError) -> Void in throw .corrupt("x") }
        }
        guard case .corrupt(let path)? = notices.all.first else { return #expect(Bool(false)) }
        #expect(access(path, F_OK) == 0)
        #expect(access(directory.place.path, F_OK) != 0)
        writer.close()
    }

    @Test("a damaged file that cannot be moved aside is said too, with what to type")
    func stuck() async throws {
        let directory = Directory()
        let notices = Notices()
        let writer = try await JournalWriter.open(directory.place) { notices.add($0) }.writer
        // Nothing is at that place any more: to rename it fails, whoever the test runs as.
        #expect(rename(directory.place.directory, directory.path + "/elsewhere") == 0)
        await #expect(throws: JournalError.corrupt("x")) {
            try await writer.commit(.relaxed) { _ throws(JournalError) -> Void in throw .corrupt("x") }
        }
        guard case .stuck(let words)? = notices.all.first else { return #expect(Bool(false)) }
        #expect(words.contains("cannot be moved aside: No such file") && words.contains("chown"), "\(words)")
        writer.close()
    }

    @Test("a disk that fails is not called full; what must land waits for it, what is new is refused with the reason")
    func failing() async throws {
        let directory = Directory()
        var place = directory.place
        (place.recoveryMilliseconds, place.retryMilliseconds) = (20, 1)
        let notices = Notices()
        let writer = try await JournalWriter.open(place) { notices.add($0) }.writer
        let failure = JournalError(sqlite: 778, "disk I/O error", errno: EIO, path: place.path)
        let tries = Mutex(0)
        try await writer.commit(.relaxed) { _ throws(JournalError) -> Void in
            if tries.withLock({ tries in
                tries += 1
                return tries < 4
            }) {
                throw failure
            }
        }
        #expect(tries.withLock { $0 } == 4)
        #expect(notices.all.first == .intakeStopped(failure.description))
        try await eventually { !writer.isIntakeStopped }
        await #expect(throws: failure) {
            try await writer.commit(.intake) { _ throws(JournalError) -> Void in throw failure }
        }
        writer.close()
    }

    @Test(
        "an I/O error says what could not be done where, and why; only a lack of space is called one",
        arguments: [
            (266, EIO, "/j cannot be read: Input/output error"), (522, 0, "/j cannot be read: words"),
            (778, EIO, "/j cannot be written: Input"), (778, EROFS, "/j cannot be written: Read-only"),
            (1034, EIO, "/j cannot be forced to disk"), (1546, EIO, "/j cannot be shortened"),
            (4618, EMFILE, "/j cannot be used: Too many open files"), (13, 0, "is full"), (778, EDQUOT, "is full"),
            (4874, ENOSPC, "is full"),
        ] as [(Int32, Int32, String)]
    )
    func words(code: Int32, errno: Int32, wanted: String) {
        let error = JournalError(sqlite: code, "words", errno: errno, path: "/j")
        #expect(error.description.contains(wanted), "\(error)")
        #expect((error == .full) == (wanted == "is full") && error.isOfDisk)
        #expect(error == .full || error.description.contains("dmesg"))
    }

    @Test("a file of a newer program is left alone, in words")
    func newer() async throws {
        let directory = Directory()
        mkdir(directory.path + "/clawhold", 0o700)
        do {
            let journal = try SQLiteJournal(path: directory.place.path)
            try journal.database.execute("PRAGMA user_version = 99")
        }
        do {
            _ = try await JournalWriter.open(directory.place) { _ in }
            #expect(Bool(false), "opened")
        } catch {
            #expect("\(error)".contains("newer Clawhold (schema 99"))
        }
        #expect(!directory.journalFiles.contains { $0.contains(".damaged-") })
    }

    @Test("a state directory that cannot be used is named with what to do")
    func unusable() async throws {
        let directory = Directory()
        for state in ["/proc/self/nothing", directory.path + "/missing/deeper"] {
            do {
                _ = try await JournalWriter.open(JournalPlace(stateDirectory: state)) { _ in }
                #expect(Bool(false), "opened")
            } catch {
                #expect("\(error)".contains("cannot create \(state)/clawhold"))
                #expect("\(error)".contains("writable"))
            }
        }
    }

    @Test("a second gateway on the same state is told that another holds the journal")
    func held() async throws {
        let directory = Directory()
        let writer = try await JournalWriter.open(directory.place) { _ in }.writer
        _ = try await writer.commit(.intake) { journal throws(JournalError) in
            try journal.receive(event("a"), limit: 10, now: 1)
        }
        await #expect(throws: JournalError.self) { try await JournalWriter.open(directory.place) { _ in } }
        #expect(!directory.journalFiles.contains { $0.contains(".damaged-") })
        writer.close()
    }

    @Test("there is no shared-memory file, and others cannot read what is written")
    func exclusive() async throws {
        let directory = Directory()
        let writer = try await JournalWriter.open(directory.place) { _ in }.writer
        _ = try await writer.commit(.intake) { journal throws(JournalError) in
            try journal.receive(event("a"), limit: 10, now: 1)
        }
        #expect(directory.journalFiles == ["journal.ballast", "journal.sqlite", "journal.sqlite-wal"])
        for name in directory.journalFiles {
            var status = stat()
            #expect(stat(directory.path + "/clawhold/" + name, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600, "\(name)")
        }
        writer.close()
    }
}

extension Result where Failure == any Error {
    /// What an asynchronous body comes to.
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}

/// Opens once; waiting threads go on.
final class Gate: @unchecked Sendable {
    private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit { semaphore.deallocate() }

    func open() { sem_post(semaphore) }
    func wait() { sem_wait(semaphore) }
}

/// A file system of a few megabytes. Nil without the right to mount one.
private struct SmallDisk {
    let path: String

    init?(megabytes: Int) {
        var template = Array("/tmp/clawhold-disk-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { buffer -> String? in
            guard let start = buffer.baseAddress, mkdtemp(start) != nil else { return nil }
            return String(cString: start)
        }
        guard let made else { return nil }
        path = made
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(megabytes)m") == 0 else {
            rmdir(path)
            return nil
        }
    }

    func grow(megabytes: Int) -> Bool {
        mount("tmpfs", path, "tmpfs", UInt(MS_REMOUNT), "size=\(megabytes)m") == 0
    }

    func unmount() {
        umount2(path, Int32(MNT_DETACH))
        rmdir(path)
    }
}
