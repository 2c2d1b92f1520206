internal import Glibc

/// The bounded queue between those who want something journaled and the one thread that writes.
///
/// Unchecked: all state is behind the mutex, which must be a pthread mutex because the writer sleeps on a condition.
final class WriterQueue: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private let limit: Int
    private var waiting: [any PendingTransition] = []
    private var isClosed = false
    private var stop: JournalError?
    private var thread: Int32 = 0
    private var work: UInt64 = 0
    private var isWorking = false

    /// `limit` counts transitions.
    init(limit: Int) {
        self.limit = limit
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// More than half full: the reader of what fills it should pause.
    var isCongested: Bool { locked { waiting.count * 2 > limit } }

    /// Adds a transition, or says why not.
    func add(_ transition: any PendingTransition) -> JournalError? {
        locked {
            if isClosed { return .closed }
            if let stop, transition.durability == .intake { return stop }
            if waiting.count >= limit { return .overloaded }
            waiting.append(transition)
            pthread_cond_signal(condition)
            return nil
        }
    }

    /// The writer's thread says who it is.
    func adopt(thread: Int32) { locked { self.thread = thread } }

    /// What the writer is at: its thread, and a number that changes with every batch and every new try; nil when it waits for
    /// work.
    var current: (thread: Int32, work: UInt64)? { locked { isWorking ? (thread, work) : nil } }

    /// What is taken off the queue.
    enum Taken {
        case batch([any PendingTransition])
        /// Nothing came in that time.
        case idle
        case closed
    }

    /// Up to `count` transitions in order; waits up to `milliseconds` for the first. Closed only when nothing is left.
    func take(_ count: Int, waitingUpTo milliseconds: Int) -> Taken {
        locked {
            isWorking = false
            if waiting.isEmpty, !isClosed { wait(milliseconds) }
            isWorking = true
            work &+= 1
            if waiting.isEmpty { return isClosed ? .closed : .idle }
            let batch = Array(waiting.prefix(count))
            waiting.removeFirst(batch.count)
            return .batch(batch)
        }
    }

    /// Sleeps, unless the queue is closed. Returns whether it is.
    func pause(_ milliseconds: Int) -> Bool {
        locked {
            if !isClosed { wait(milliseconds) }
            work &+= 1
            return isClosed
        }
    }

    /// From now on intake is refused with `error`; what of it waits is returned.
    func stopIntake(_ error: JournalError) -> [any PendingTransition] {
        locked {
            stop = error
            let intake = waiting.filter { $0.durability == .intake }
            waiting.removeAll { $0.durability == .intake }
            return intake
        }
    }

    /// What intake is refused with; nil: it is taken.
    var intakeStop: JournalError? { locked { stop } }

    func resumeIntake() {
        locked { stop = nil }
    }

    func close() {
        locked {
            isClosed = true
            pthread_cond_broadcast(condition)
        }
    }

    private func wait(_ milliseconds: Int) {
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        let nanoseconds = deadline.tv_nsec + (milliseconds % 1000) * 1_000_000
        deadline.tv_sec += milliseconds / 1000 + nanoseconds / 1_000_000_000
        deadline.tv_nsec = nanoseconds % 1_000_000_000
        pthread_cond_timedwait(condition, mutex, &deadline)
    }

    private func locked<Value>(_ body: () -> Value) -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
