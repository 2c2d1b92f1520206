internal import IPCControl

/// Everything that a supervisor hands on to the image that replaces it: a plain value. Descriptors are numbers on loan.
///
/// On the way it is blocks (`docs/ipc.md` section 1.4) in a sealed memory file; see `UpgradeState+Blocks`.
struct UpgradeState: Sendable, Equatable {
    /// What both images must agree about, word by word. The number changes when the meaning of something that stands
    /// there already does; a key or a block more changes nothing.
    static let format = "clawhold supervisor state, version 1"

    var head = Head()
    var site = SiteState()
    /// The gateway's, in the order of its descriptors.
    var listeners: [Listener] = []
    var plan: Plan
    var tree = SupervisorTree(seed: 0, now: .origin)
    var processes: [Process] = []
    var ledger = ExitLedger()
    /// Workers whose end the gateway has not been told.
    var gone: [WorkerID] = []
    var log = LogState()
    var events = EventLog()
    var clients: [Client] = []

    init(plan: Plan) {
        self.plan = plan
    }

    /// Who hands on.
    struct Head: Sendable, Equatable {
        var build = Build.id
        var pid: Int32 = 0
        var startedAt = Instant.origin
        var hubKey: [UInt8] = []
        /// Why an image goes back to the one before it; nil on the way forward.
        var failure: String?
    }

    /// `Site` without its listeners.
    struct SiteState: Sendable, Equatable {
        var runtimeDirectory = ""
        var lock: Int32 = -1
        /// -1: there is none.
        var lockFile: Int32 = -1
        var control: Int32 = -1
        /// Where the memory groups are.
        var layout = CgroupLayout(memoryV1: [], unified: [])
        /// Which worker has which of the users; see `WorkerIdentity`.
        var users: [String: UInt32] = [:]
    }

    /// A bound socket.
    struct Listener: Sendable, Equatable {
        var name = ""
        var fd: Int32 = -1
        var port: UInt16 = 0
        var address = ""
    }

    /// A worker's process and what came from it or is on its way to it.
    struct Process: Sendable, Equatable {
        var id: WorkerID
        var incarnation: UInt64 = 0
        var pid: Int32 = 0
        /// Of the supervisor that started it; nil for a foreign program.
        var build: String?
        var group = MemoryGroup.Account()
        var measuredAt: Instant?
        /// -1: closed, or there never was one. The same below.
        var lifeline: Int32 = -1
        /// The beginning of a block.
        var input: [UInt8] = []
        var outgoing: [UInt8] = []
        var output: Int32 = -1
        var outputLine = LineSplitter()
        var errors: Int32 = -1
        var errorsLine = LineSplitter()
    }

    /// The log writer's memory.
    struct LogState: Sendable, Equatable {
        var sequence: UInt64 = 0
        var dropped: UInt64 = 0
        var format = LogFormat.text
        /// For `clawhold logs`.
        var lines: [LogLine] = []
        /// What the output has not taken yet.
        var remainders: [Remainder] = []

        /// A record of the log, whole or the rest of it, or the number of lines that are missing.
        struct Remainder: Sendable, Equatable {
            var worker: WorkerID?
            var bytes: [UInt8] = []
            var gap: UInt64 = 0
        }
    }

    /// A connection of the command line.
    struct Client: Sendable, Equatable {
        var fd: Int32 = -1
        var uid: UInt32 = .max
        var input: [UInt8] = []
        var outgoing: [UInt8] = []
        var deadline: Instant?
        var state = ControlClient.State.idle
    }

    /// Every descriptor that has to survive exec.
    var descriptors: [Int32] {
        var all = [site.lock, site.lockFile, site.control] + listeners.map(\.fd)
        for process in processes {
            all += [process.lifeline, process.output, process.errors] + process.group.descriptors
        }
        all += clients.map(\.fd)
        return all.filter { $0 > 2 }
    }
}
