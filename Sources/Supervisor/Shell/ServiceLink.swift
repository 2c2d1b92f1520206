internal import Glibc

/// The service manager's end of sd_notify(3), where NOTIFY_SOCKET names one. A socket for each message: they are rare,
/// and the manager may have bound its own anew.
struct ServiceLink {
    let name: String
    var report: ServiceReport
    /// The line about the workers has to be made anew.
    var isOutdated = true
    var status = ""
    var gateway = ServiceReport.GatewayState.away
    /// Sockets that are to be kept over a restart of the service, on loan.
    var stores: [(name: String, fd: Int32)] = []
    /// Names in the store that mean nothing any more.
    var removals: [String] = []
    /// Whether the log has the word about it already.
    var hasComplained = false
    var wasStarving = false

    init?(_ environment: Environment) {
        guard let name = environment["NOTIFY_SOCKET"], !name.isEmpty else { return nil }
        self.name = name
        let isForUs = environment["WATCHDOG_PID"].map { Int32($0) == getpid() } ?? true
        let microseconds = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
        report = ServiceReport(watchdog: isForUs && microseconds > 0 ? .microseconds(microseconds) : nil)
    }

    /// When there is something to tell although nothing happens.
    var deadline: Instant? {
        let isWaiting = !stores.isEmpty || !removals.isEmpty
        return [report.deadline, isWaiting ? .now() + ServiceReport.retryInterval : nil].lazy.compactMap { $0 }.min()
    }

    /// Sends one message; false when the manager's queue is full.
    func send(_ text: String, passing descriptor: Int32? = nil) throws(Errno) -> Bool {
        let bytes = Array(text.utf8)
        return try DatagramSocket(connectedTo: name).send(bytes, count: bytes.count, passing: descriptor)
    }
}
