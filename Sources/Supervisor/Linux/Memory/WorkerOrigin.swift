internal import Glibc

/// By what the processes of one incarnation are recognized where no cgroup holds them together.
package struct WorkerOrigin: Hashable, Sendable {
    /// The variable that carries the mark: part of the environment of foreign programs on that rung.
    static let variable = "CLAWHOLD_WORKER"

    package var pid: Int32
    /// Clock ticks since boot: nothing that is older can be its descendant.
    var startTime: UInt64
    /// A user that no other worker of ours runs as; nil when it shares one.
    var uid: UInt32?
    /// Whether it may start programs at all; our own workers do not.
    var isForeign: Bool
    /// `CLAWHOLD_WORKER=sidecar:x/3`: inherited by whatever it starts, unless that is asked to forget it.
    var mark: String

    /// For a process that was just started.
    package init(pid: Int32, worker: String, incarnation: UInt64, uid: UInt32?, isForeign: Bool) {
        self.pid = pid
        startTime = ProcessFacts.stat(of: pid)?.startTime ?? 0
        self.uid = uid
        self.isForeign = isForeign
        mark = Self.mark(worker: worker, incarnation: incarnation)
    }

    package static func mark(worker: String, incarnation: UInt64) -> String {
        "\(variable)=\(worker)/\(incarnation)"
    }
}
