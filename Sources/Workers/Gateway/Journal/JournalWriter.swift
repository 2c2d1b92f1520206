internal import CLinux
internal import Glibc
internal import Synchronization

/// The one thread that writes the journal: takes what waits, puts it into one commit, tells everybody.
///
/// Transitions happen in the order they were submitted. A commit that must be fsynced fsyncs for all that wait, which
/// is what makes one fsync per message affordable.
package final class JournalWriter: Sendable {
    /// What the outside wants to know of the journal's health. Called on the writer's thread.
    package enum Notice: Sendable, Equatable {
        /// No message is taken in any more; why, in words.
        case intakeStopped(String)
        case intakeResumed
        /// The file was damaged and is moved aside to this path: the process must start anew.
        case corrupt(movedTo: String)
        /// The file is damaged and still in its place; why, in words: the process must not go on.
        case stuck(String)
    }

    private let queue: WriterQueue
    private let watch = Mutex(WriterWatch())

    private init(queue: WriterQueue) {
        self.queue = queue
    }

    /// Opens the journal in `directory` on a thread of its own.
    ///
    /// A damaged file is moved aside and a new one begun; `warning` says so. Throws `unusable` in words for the operator.
    package static func open(
        _ place: JournalPlace,
        notice: @escaping @Sendable (Notice) -> Void
    ) async throws(JournalError) -> (writer: JournalWriter, warning: String?) {
        let queue = WriterQueue(limit: place.queueLimit)
        let result: Result<String?, JournalError> = await withCheckedContinuation { continuation in
            let isRunning = spawn {
                // A name for `top -H` alone.
                _ = clinux_set_process_name("journal")
                queue.adopt(thread: clinux_thread_id())
                do throws(JournalError) {
                    let (journal, warning) = try place.open()
                    continuation.resume(returning: .success(warning))
                    var writer = WriterLoop(journal: journal, queue: queue, place: place, notice: notice)
                    writer.run()
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            if !isRunning {
                continuation.resume(returning: .failure(.unusable("no thread is to be had for the journal")))
            }
        }
        return (JournalWriter(queue: queue), try result.get())
    }

    /// Whether so much waits that the sources of work should pause.
    package var isCongested: Bool { queue.isCongested }

    /// Whether no message is taken in because the disk is full or fails.
    package var isIntakeStopped: Bool { intakeStop != nil }

    /// Why no message is taken in; nil: they are.
    package var intakeStop: JournalError? { queue.intakeStop }

    /// Whether the writer's thread has been at the same work for too long, and not for the disk's sake. To be asked every few
    /// seconds.
    package func isStuck(now: ContinuousClock.Instant = .now) -> Bool {
        let current = queue.current
        return watch.withLock { watch in
            watch.isStuck(work: current?.work, waitsForDisk: { Self.waitsForDisk(current?.thread ?? 0) }, now: now)
        }
    }

    /// State D of proc_pid_stat(5): waiting where no signal reaches, which is the disk.
    private static func waitsForDisk(_ thread: Int32) -> Bool {
        let file = Glibc.open("/proc/self/task/\(thread)/stat", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { Glibc.close(file) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(file, &bytes, bytes.count)
        guard count > 0, let name = bytes[..<count].lastIndex(of: UInt8(ascii: ")")), name + 2 < count else {
            return false
        }
        return bytes[name + 2] == UInt8(ascii: "D")
    }

    /// Queues a transition. `done` is called on the writer's thread, after the commit.
    package func submit<Value: Sendable>(
        _ durability: JournalDurability,
        _ work: @escaping @Sendable (any DeliveryJournal) throws(JournalError) -> Value,
        done: @escaping @Sendable (Result<Value, JournalError>) -> Void
    ) {
        if let error = queue.add(Transition(durability, work: work, done: done)) { done(.failure(error)) }
    }

    /// The same for one who waits.
    package func commit<Value: Sendable>(
        _ durability: JournalDurability,
        _ work: @escaping @Sendable (any DeliveryJournal) throws(JournalError) -> Value
    ) async throws(JournalError) -> Value {
        let result: Result<Value, JournalError> = await withCheckedContinuation { continuation in
            submit(durability, work) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Takes nothing more; what waits is still written, then the file is closed without a checkpoint.
    package func close() {
        queue.close()
    }

    /// A thread of its own for `body`, with a stack that a small budget bears. False when there is none.
    private static func spawn(_ body: @escaping @Sendable () -> Void) -> Bool {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setstacksize(&attributes, 512 * 1024)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        defer { pthread_attr_destroy(&attributes) }
        var thread = pthread_t()
        let box = Unmanaged.passRetained(ThreadBody(body))
        let code = pthread_create(
            &thread,
            &attributes,
            { context in
                guard let context else { return nil }
                Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().body()
                return nil
            },
            box.toOpaque()
        )
        if code != 0 { box.release() }
        return code == 0
    }
}

/// What a thread is to run, as an object that C can carry.
private final class ThreadBody: Sendable {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) {
        self.body = body
    }
}
