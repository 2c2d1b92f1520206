/// One tunnel as a pure machine: `(state, event, now) -> effects`. Times are milliseconds since 1970.
///
/// The provider's program is started, its address is proven by a request that comes back through the provider's edge, and
/// only then told. Whatever fails is tried again, slower and slower; nothing of it ever ends the worker but what only a
/// person can mend.
struct TunnelCore {
    enum Event: Sendable, Equatable {
        case begin
        case news(ProviderNews)
        case ended(ProviderEnd)
        /// What became of a probe of this address; nil: it came back.
        case probed(String, failure: String?)
        /// `due` has come.
        case due
    }

    enum Effect: Sendable, Equatable {
        case run
        /// Ends the program; `ended` follows.
        case stop
        case probe(String)
        case publish(TunnelReport)
        case park(String)
        case log(TunnelLog)
    }

    private enum Phase: Equatable {
        case idle
        case running(since: Int64)
        case stopping(why: String)
        case waiting(until: Int64)
        case parked
    }

    let times: TunnelTimes
    private let patience: Int64
    private var phase = Phase.idle
    /// What the provider calls us, proven or not.
    private var address: String?
    private var isProven = false
    /// Failed probes in a row, and since when.
    private var failures = 0
    private var failingSince: Int64 = 0
    private var isProbing = false
    private var probeAt: Int64?
    private var lostSince: Int64?
    private var upSince: Int64?
    /// Ends in a row without a good time between.
    private var bad = 0
    /// The last trouble that the running program told of.
    private var trouble = ""
    private(set) var report = TunnelReport()
    private var effects: [Effect] = []

    init(patience: Int64, times: TunnelTimes = TunnelTimes()) {
        self.patience = patience
        self.times = times
    }

    /// When `due` is to come; nil: nothing is waited for.
    var due: Int64? {
        switch phase {
        case .idle, .parked, .stopping: nil
        case .waiting(let until): until
        case .running(let since):
            [
                address == nil && lostSince == nil ? since + times.address : nil, lostSince.map { $0 + times.lost },
                isProbing ? nil : probeAt,
            ].compactMap { $0 }.min()
        }
    }

    mutating func handle(_ event: Event, now: Int64) -> [Effect] {
        effects = []
        let before = report
        switch event {
        case .begin: if case .idle = phase { start(now) }
        case .news(let news): heard(news, now)
        case .ended(let end): ended(end, now)
        case .probed(let url, let failure): probed(url, failure, now)
        case .due: passed(now)
        }
        if report != before {
            if report.state != before.state { report.since = now }
            effects.append(.publish(report))
        }
        return effects
    }

    // MARK: The program

    private mutating func start(_ now: Int64) {
        phase = .running(since: now)
        (address, isProven, isProbing) = (nil, false, false)
        (failures, probeAt, lostSince, upSince, trouble) = (0, nil, nil, nil, "")
        report.next = 0
        report.state = .starting
        if report.since == 0 { report.since = now }
        effects.append(.run)
    }

    private mutating func stop(_ why: String) {
        phase = .stopping(why: why)
        effects.append(.stop)
    }

    private mutating func ended(_ end: ProviderEnd, _ now: Int64) {
        var end = end
        switch phase {
        case .idle, .waiting, .parked: return
        case .running: break
        case .stopping(let why): end = ProviderEnd(.retry, why)
        }
        let wasUp = upSince != nil
        if let upSince, now - upSince >= times.good { bad = 0 }
        (address, isProven, upSince, probeAt, lostSince) = (nil, false, nil, nil, nil)
        report.pid = 0
        report.state = .down
        report.error = end.text
        guard end.kind != .fatal else {
            phase = .parked
            log(.error, end.text)
            return effects.append(.park(end.text))
        }
        let (least, most) =
            end.kind == .slow ? (times.slowLeast, times.slowMost) : (times.retryLeast, times.retryMost)
        // What worked a moment ago is given one start at once.
        let isCredit = wasUp && bad == 0 && end.kind == .retry
        let wait = isCredit ? times.credit : min(most, least << Int64(min(bad, 10)))
        bad += 1
        report.restarts += 1
        report.next = now + wait
        phase = .waiting(until: report.next)
        log(.warning, "\(end.text). Tried again \(isCredit ? "at once" : "in \((wait + 500) / 1000) s")")
    }

    private mutating func heard(_ news: ProviderNews, _ now: Int64) {
        guard case .running = phase else { return }
        switch news {
        case .running(let pid): report.pid = pid
        case .address(let text):
            guard let url = PublicAddress.normalized(text) else {
                return heard(.trouble("the provider named an address that is none: \(text.prefix(100))"), now)
            }
            lostSince = nil
            guard url != address else { return }
            (address, isProven, failures, failingSince) = (url, false, 0, now)
            if report.state == .up { fail("the address changed to \(url), which is being proven") }
            probe(url)
        case .addressLost:
            guard address != nil else { return }
            (address, isProven, upSince, probeAt) = (nil, false, nil, nil)
            lostSince = now
            fail("the provider has no address for this tunnel any more\(trouble.isEmpty ? "" : ": \(trouble)")")
        case .trouble(let text):
            if text != trouble { log(.warning, text) }
            trouble = text
            if report.state != .up { report.error = text }
        }
    }

    // MARK: The proof

    private mutating func probe(_ url: String) {
        probeAt = nil
        isProbing = true
        effects.append(.probe(url))
    }

    private mutating func probed(_ url: String, _ failure: String?, _ now: Int64) {
        guard case .running = phase else { return }
        isProbing = false
        guard url == address else {
            if let address { probe(address) }
            return
        }
        guard let failure else { return proven(url, now) }
        if failures == 0 { failingSince = now }
        failures += 1
        if !isProven || failures >= times.failuresAllowed {
            isProven = false
            fail("\(url) does not answer: \(failure)")
        }
        if now - failingSince >= patience {
            return stop("\(url) did not answer for \((now - failingSince) / 1000) s: \(failure)")
        }
        probeAt = now + min(times.probeMost, times.probeLeast << Int64(min(failures - 1, 10)))
    }

    private mutating func proven(_ url: String, _ now: Int64) {
        failures = 0
        if upSince == nil { upSince = now }
        if !isProven || report.url != url {
            log(.info, report.url == url || report.url.isEmpty ? "reachable as \(url)" : "has a new address: \(url)")
        }
        isProven = true
        trouble = ""
        report.url = url
        report.state = .up
        report.error = ""
        probeAt = now + times.probeEvery
    }

    private mutating func fail(_ text: String) {
        if report.state == .up {
            report.state = .degraded
            log(.warning, text)
        }
        report.error = text
    }

    private mutating func passed(_ now: Int64) {
        switch phase {
        case .idle, .parked, .stopping: return
        case .waiting(let until): if now >= until { start(now) }
        case .running(let since):
            if let lostSince, now - lostSince >= times.lost {
                return stop("the tunnel's address has been gone for \((now - lostSince) / 1000) s")
            }
            if address == nil, lostSince == nil, now - since >= times.address {
                let reason = trouble.isEmpty ? "" : ": \(trouble)"
                return stop("the provider gave no address within \(times.address / 1000) s\(reason)")
            }
            if let probeAt, now >= probeAt, !isProbing, let address { probe(address) }
        }
    }

    private mutating func log(_ level: TunnelLog.Level, _ text: String) {
        effects.append(.log(TunnelLog(level: level, text: text)))
    }
}

/// A line of the log.
struct TunnelLog: Sendable, Equatable {
    enum Level: Sendable {
        case info
        case warning
        case error
    }

    var level: Level
    var text: String
}

/// How a tunnel is: what the gateway is told, `TUNNEL_STATUS`.
struct TunnelReport: Sendable, Equatable {
    enum State: String, Sendable {
        case starting
        case up
        case degraded
        case down
    }

    var state = State.starting
    /// As last proven; empty: nothing was.
    var url = ""
    var error = ""
    /// When `state` began, milliseconds since 1970.
    var since: Int64 = 0
    var pid: Int32 = 0
    /// Starts after the first.
    var restarts = 0
    /// When the next start is due; 0: none is.
    var next: Int64 = 0
}

/// The times of `TunnelCore`, in milliseconds.
struct TunnelTimes: Sendable {
    /// From the program's start to its address.
    var address: Int64 = 30_000
    /// How long an address may be gone before the program is started anew. Agents reconnect by themselves.
    var lost: Int64 = 60_000
    /// Between two probes of an address that answers.
    var probeEvery: Int64 = 60_000
    /// Between two probes of one that does not: the first, doubling to the last.
    var probeLeast: Int64 = 500
    var probeMost: Int64 = 15_000
    /// Failed probes in a row before an address that was proven counts as gone.
    var failuresAllowed = 3
    /// So long up, and the next failure is the first again.
    var good: Int64 = 60_000
    /// After the first end of one that was up.
    var credit: Int64 = 250
    var retryLeast: Int64 = 2_000
    var retryMost: Int64 = 60_000
    var slowLeast: Int64 = 60_000
    var slowMost: Int64 = 600_000
}
