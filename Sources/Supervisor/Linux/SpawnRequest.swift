/// Everything that decides what a started process is: nothing is inherited that is not named here.
package struct SpawnRequest: Sendable {
    /// What is executed.
    package enum Executable: Hashable, Sendable {
        /// A descriptor on loan (our own executable, opened at start).
        case descriptor(Int32)
        /// An absolute path (a sidecar's command).
        case path(String)
    }

    package var executable: Executable
    /// argv, argv[0] included.
    package var arguments: [String]
    /// The whole environment as `NAME=value`.
    package var environment: [String]
    /// Descriptors on loan: the child's 0, 1, 2, 3, 4… in this order, everything else closed. -1 is /dev/null.
    package var descriptors: [Int32]
    /// Working directory, entered as the new user; nil is `/` for workers, see `ProcessSpawner`.
    package var directory: String?
    /// nil: stays who we are.
    package var identity: ProcessIdentity?
    /// Ways into memory groups (`CgroupDirectory.openEntry`) on loan: the child is in before it allocates anything.
    package var memoryEntries: [Int32]
    /// RLIMIT_DATA where there is no cgroup.
    package var dataLimitBytes: Int64?
    /// RLIMIT_NPROC where no cgroup limits the number of tasks: counts all tasks of the user that the child becomes.
    package var taskLimit: Int64?
    /// Thread stacks count in RLIMIT_DATA: with 8 MB stacks a small budget hangs Swift silently.
    package var stackLimitBytes: Int64
    package var fileLimit: Int64
    /// Order among the victims when memory is out, -1000…1000; nil: as inherited. A refused lowering is no error.
    package var oomScoreAdjustment: Int32?
    /// No capabilities, none to be had, no_new_privs.
    package var dropsPrivileges: Bool
    /// SIGKILL when the thread that spawned it dies: spawn from a thread that lives as long as the supervisor.
    package var diesWithSupervisor: Bool

    package init(
        executable: Executable,
        arguments: [String],
        environment: [String] = [],
        descriptors: [Int32] = [-1, 1, 2],
        directory: String? = "/",
        identity: ProcessIdentity? = nil,
        memoryEntries: [Int32] = [],
        dataLimitBytes: Int64? = nil,
        taskLimit: Int64? = nil,
        stackLimitBytes: Int64 = 1 << 20,
        fileLimit: Int64 = 4096,
        oomScoreAdjustment: Int32? = nil,
        dropsPrivileges: Bool = true,
        diesWithSupervisor: Bool = true
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.descriptors = descriptors
        self.directory = directory
        self.identity = identity
        self.memoryEntries = memoryEntries
        self.dataLimitBytes = dataLimitBytes
        self.taskLimit = taskLimit
        self.stackLimitBytes = stackLimitBytes
        self.fileLimit = fileLimit
        self.oomScoreAdjustment = oomScoreAdjustment
        self.dropsPrivileges = dropsPrivileges
        self.diesWithSupervisor = diesWithSupervisor
    }
}

/// Why a process could not be started: the step of the shim that failed, and how.
package struct SpawnError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The step's name: `exec`, `setuid`, `enter memory group`.
    package var step: String
    package var cause: Errno

    package var description: String {
        "start of \(cause.subject) failed at \(step): \(Errno(cause.code, cause.operation))"
    }
}
