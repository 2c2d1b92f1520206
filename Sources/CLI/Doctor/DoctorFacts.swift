internal import Config

/// What `doctor` looked at. Everything that it says follows from these.
struct DoctorFacts: Equatable {
    /// Of whoever typed the command.
    var uid: UInt32 = 0
    var surroundings = Surroundings.machine
    var stateDirectory = "/data"
    var configPath = "/data/openclaw.json"
    var state: StateDirectoryFacts? = StateDirectoryFacts()
    var config = ConfigFacts()
    var running: RunningFacts?
    /// Why it is not known whether one runs; empty when it is.
    var unanswered = ""
    /// Lock files in the state directory whose holder is gone.
    var staleLocks: [String] = []
    /// Left behind by writers that were interrupted.
    var halfWritten: [String] = []
    /// Configurations that nobody reads, of other places that OpenClaw and its guides used.
    var otherConfigs: [String] = []
    /// Unit files of OpenClaw that are enabled: the path of the link.
    var enabledUnits: [String] = []
    /// Gateways of OpenClaw that run: pid and command line.
    var otherGateways: [ForeignProcess] = []
    /// A service of ours is installed.
    var hasUnit = false

    struct ForeignProcess: Equatable {
        var pid: Int32
        var command: String
    }
}

/// The state directory.
struct StateDirectoryFacts: Equatable {
    var uid: UInt32 = 1000
    var gid: UInt32 = 1000
    var mode: UInt32 = 0o700
    /// On a mount of its own that outlives a container.
    var isKept = true
    var isReadOnly = false
    var freeMegabytes: UInt64 = 1000
    /// Entries that its owner cannot read, of the few that a start needs.
    var unreadable: [String] = []
}

/// What the configuration's files say.
struct ConfigFacts: Equatable {
    var state = ConfigFileState.State.accepted
    var isEmpty = false
    var error = ""
    var problems: [ConfigProblem] = []
    var mode: String? = "local"
    /// By environment and file, flags excepted.
    var bind = "loopback"
    /// Some secret that clients prove themselves with.
    var hasSecret = true
    var allowedOrigins: [String] = []
}

/// A supervisor that answered.
struct RunningFacts: Equatable {
    var pid: Int64 = 643
    /// Nil when `/proc` does not tell.
    var uid: UInt32? = 0
    var version = ""
    var port: Int64 = 3000
    var bind = "lan"
    var rung = "cgroup v2"
    var totalMegabytes: Int64 = 512
    /// Whether `/healthz` answers over the Unix socket.
    var isHealthy = true
    /// Sockets of this port in the kernel's table: the addresses they are bound to.
    var listening: [String] = ["::"]
    var workers: [WorkerRow] = []
    var channels: [ChannelTrouble] = []

    struct ChannelTrouble: Equatable {
        /// `telegram`, `discord:work`.
        var name: String
        var text: String
    }

    static func == (left: RunningFacts, right: RunningFacts) -> Bool {
        left.pid == right.pid && left.workers == right.workers && left.channels == right.channels
            && left.port == right.port && left.bind == right.bind && left.rung == right.rung
    }
}
