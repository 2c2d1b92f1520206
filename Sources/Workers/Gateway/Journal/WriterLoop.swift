/// What the writer's thread does: batches, commits, and the discipline of a disk that is full or fails.
struct WriterLoop {
    private let journal: SQLiteJournal
    private let queue: WriterQueue
    private let place: JournalPlace
    private let notice: @Sendable (JournalWriter.Notice) -> Void
    private var ballast: Ballast
    private var isIntakeStopped = false
    private var isSynced: Bool?
    private var nextRecovery = ContinuousClock.now

    init(
        journal: SQLiteJournal,
        queue: WriterQueue,
        place: JournalPlace,
        notice: @escaping @Sendable (JournalWriter.Notice) -> Void
    ) {
        self.journal = journal
        self.queue = queue
        self.place = place
        self.notice = notice
        ballast = Ballast(path: place.ballastPath, bytes: place.ballastBytes)
    }

    /// Runs until the queue is closed and empty.
    mutating func run() {
        if !ballast.take() { stopIntake(.full) }
        while true {
            switch queue.take(place.batchLimit, waitingUpTo: isIntakeStopped ? place.recoveryMilliseconds : 60_000) {
            case .batch(let batch): write(batch)
            case .idle: break
            case .closed: return
            }
            recover()
        }
    }

    /// Commits a batch, and when the disk refuses what of it must land, however long that takes.
    private mutating func write(_ batch: [any PendingTransition]) {
        var remaining = batch
        while !remaining.isEmpty {
            do throws(JournalError) {
                let outcomes = try commit(remaining)
                for (transition, error) in zip(remaining, outcomes) { transition.finish(error) }
                return
            } catch {
                guard error.isOfDisk else {
                    if case .corrupt = error { moveAside() }
                    for transition in remaining { transition.finish(error) }
                    return
                }
                _ = ballast.giveUp()
                stopIntake(error)
                for transition in remaining where transition.durability == .intake { transition.finish(error) }
                remaining.removeAll { $0.durability == .intake }
                // The space that was given up is there at once; only a second refusal means waiting.
                if !remaining.isEmpty, !retryOnce(&remaining), queue.pause(place.retryMilliseconds) {
                    for transition in remaining { transition.finish(error) }
                    return
                }
            }
        }
    }

    private mutating func retryOnce(_ remaining: inout [any PendingTransition]) -> Bool {
        do throws(JournalError) {
            let outcomes = try commit(remaining)
            for (transition, error) in zip(remaining, outcomes) { transition.finish(error) }
            remaining = []
            return true
        } catch {
            return false
        }
    }

    /// One commit. Returns each transition's own error; throws what undid the whole.
    private mutating func commit(_ batch: [any PendingTransition]) throws(JournalError) -> [JournalError?] {
        let database = journal.database
        try sync(batch.contains { $0.durability != .relaxed })
        try database.execute("BEGIN IMMEDIATE")
        do throws(JournalError) {
            var outcomes: [JournalError?] = []
            for transition in batch { outcomes.append(try attempt(transition)) }
            try database.execute("COMMIT")
            database.commits += 1
            return outcomes
        } catch {
            // Some errors have ended the transaction already.
            if database.isInTransaction { try? database.execute("ROLLBACK") }
            throw error
        }
    }

    private func attempt(_ transition: any PendingTransition) throws(JournalError) -> JournalError? {
        let database = journal.database
        try database.execute("SAVEPOINT transition")
        do throws(JournalError) {
            try transition.run(on: journal)
            try database.execute("RELEASE transition")
            return nil
        } catch .failed(let code, let text) {
            guard database.isInTransaction else { throw .failed(code: code, text: text) }
            try database.execute("ROLLBACK TO transition; RELEASE transition")
            return .failed(code: code, text: text)
        }
    }

    private mutating func sync(_ isWanted: Bool) throws(JournalError) {
        guard isSynced != isWanted else { return }
        try journal.database.execute(isWanted ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL")
        isSynced = isWanted
    }

    private mutating func stopIntake(_ error: JournalError) {
        guard !isIntakeStopped else { return }
        isIntakeStopped = true
        nextRecovery = .now + .milliseconds(place.recoveryMilliseconds)
        for transition in queue.stopIntake(error) { transition.finish(error) }
        notice(.intakeStopped(error.description))
    }

    /// Is there space again?
    private mutating func recover() {
        guard isIntakeStopped, ContinuousClock.now >= nextRecovery else { return }
        nextRecovery = .now + .milliseconds(place.recoveryMilliseconds)
        guard ballast.take() else { return }
        isIntakeStopped = false
        queue.resumeIntake()
        notice(.intakeResumed)
    }

    private func moveAside() {
        do throws(JournalError) {
            notice(.corrupt(movedTo: try place.moveAside()))
        } catch {
            notice(.stuck(error.description))
        }
    }
}
