internal import Glibc
internal import IPCControl

/// One incarnation's process and what connects it with the supervisor.
final class WorkerProcess {
    /// Bytes that may wait for a worker that does not read: its opening and what the gateway is told.
    static let queueLimit = 9 * 1024 * 1024
    /// How much is read from one descriptor before the others get their turn.
    static let readSize = 64 * 1024

    let id: WorkerID
    let incarnation: UInt64
    let pid: Int32
    let group: MemoryGroup
    /// Which build it is, nil for a foreign program.
    let build: String?
    /// nil for a foreign program, and once the worker closed its end.
    var lifeline: Source?
    var decoder = BlockDecoder()
    var outgoing = WriteQueue(limit: queueLimit)
    var output: Source?
    var errors: Source?
    /// Of a foreign program that is not ready yet.
    var readyWatch: ReadyWatch?
    /// When its memory was looked at last.
    var measuredAt: Instant?
    var memoryWatch = MemoryWatch()
    /// The kernel's word about its soft limit, while it is waited for.
    var softNotice: (notice: SoftNotice, token: UInt64)?
    /// Its word about the number of tasks.
    var taskNotice: (notice: TaskLimitNotice, token: UInt64)?

    init(id: WorkerID, incarnation: UInt64, pid: Int32, group: MemoryGroup, build: String? = Build.id) {
        self.id = id
        self.incarnation = incarnation
        self.pid = pid
        self.group = group
        self.build = build
    }

    /// A polled descriptor.
    final class Source {
        let descriptor: Descriptor
        let token: UInt64
        var splitter: LineSplitter
        var isWriting = false

        init(_ descriptor: consuming Descriptor, token: UInt64, _ splitter: LineSplitter = LineSplitter()) {
            self.splitter = splitter
            self.descriptor = descriptor
            self.token = token
        }
    }
}
