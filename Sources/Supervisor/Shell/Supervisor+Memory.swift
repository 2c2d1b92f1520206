internal import Glibc
internal import IPCControl

extension Supervisor {
    /// Reads a worker's use of memory at its heartbeat. What it says of itself counts only where nothing else can be read.
    func measure(_ process: WorkerProcess, reportedKB: Int64?) {
        let now = Instant.now()
        // A worker that sends heartbeats without pause must not keep us reading files.
        if let last = process.measuredAt, now - last < .seconds(1) { return }
        process.measuredAt = now
        if look(at: process, now) {
            awaitSoftNotice(process)
        } else if let reportedKB {
            let usedKB = max(0, reportedKB)
            happen(.memory(process.id, process.incarnation, usedKB: usedKB, peakKB: usedKB))
        }
        // Foreign programs send no heartbeat: they are looked at along with the gateway.
        guard process.id.kind == .gateway else { return }
        for other in processes.values where other.id.kind == .sidecar {
            if look(at: other, now) { awaitSoftNotice(other) }
        }
    }

    /// Looks at the workers that are growing, between their heartbeats.
    func measureGrowing(_ now: Instant) {
        for process in processes.values {
            guard let due = process.memoryWatch.nextLook, due <= now else { continue }
            look(at: process, now)
        }
    }

    /// The kernel told that a worker came to its soft limit.
    func softLimitReached(_ id: WorkerID) {
        guard let process = processes[id] else { return }
        process.softNotice?.notice.disarm()
        // Waited for again after the next heartbeat: page cache that comes and goes must not keep us awake.
        endSoftNotice(process)
        look(at: process, .now())
    }

    /// The kernel refused a worker another process.
    func taskLimitReached(_ id: WorkerID) {
        guard let process = processes[id], let notice = process.taskNotice?.notice, notice.isBomb() else { return }
        endForTasks(process)
    }

    private func endForTasks(_ process: WorkerProcess) {
        endNotices(process)
        let text = "forks without end: used up its \(MemoryGroup.taskLimit) tasks"
        happen(.lifelineBroken(process.id, process.incarnation, text: text))
    }

    /// Watches the number of a foreign program's tasks, from its start on. Our own workers start no processes.
    func awaitTaskNotice(_ process: WorkerProcess) {
        guard process.id.kind == .sidecar, let notice = process.group.taskLimitNotice(),
            let token = try? watch(notice.fd, [], .taskLimit(process.id))
        else { return }
        process.taskNotice = (notice, token)
    }

    /// For a worker that is dead or dying.
    func endNotices(_ process: WorkerProcess) {
        endSoftNotice(process)
        guard let (notice, token) = process.taskNotice else { return }
        unwatch(notice.fd, token: token)
        process.taskNotice = nil
    }

    private func endSoftNotice(_ process: WorkerProcess) {
        guard let (notice, token) = process.softNotice else { return }
        unwatch(notice.fd, token: token)
        process.softNotice = nil
    }

    private func awaitSoftNotice(_ process: WorkerProcess) {
        let softKB = tree.status(of: process.id)?.grant.softKB ?? 0
        guard let notice = process.group.softNotice(at: softKB.multipliedReportingOverflow(by: 1024).partialValue)
        else { return }
        if let waiting = process.softNotice {
            if waiting.notice === notice { return }
            endSoftNotice(process)
        }
        notice.arm()
        guard let token = try? watch(notice.fd, notice.readiness, .softLimit(process.id)) else { return }
        process.softNotice = (notice, token)
    }

    /// The first of these looks.
    var nextMemoryLook: Instant? { processes.values.lazy.compactMap(\.memoryWatch.nextLook).min() }

    /// Measures a worker, and ends one that the kernel has ended in part, or that nobody but us holds to its limit.
    ///
    /// - Returns: false when there is nothing to be read of it.
    @discardableResult
    private func look(at process: WorkerProcess, _ now: Instant) -> Bool {
        let (id, incarnation) = (process.id, process.incarnation)
        guard let usage = process.group.usage(pid: process.pid) else { return false }
        let soft = tree.status(of: id)?.grant.softKB ?? 0
        let bars = [soft.multipliedReportingOverflow(by: 1024).partialValue, process.group.hardLimitBytes ?? 0]
        process.memoryWatch.sampled(usage.usedBytes, bars: bars, at: now)
        if usage.isOverLimit { process.group.condemn(usedBytes: usage.usedBytes) }
        if usage.isOverLimit || usage.isMaimed { kill(id, incarnation) }
        // A v1 hierarchy says nothing by itself (measured on 6.18).
        if usage.isOutOfTasks || process.taskNotice?.notice.isBomb() == true { endForTasks(process) }
        happen(.memory(id, incarnation, usedKB: usage.usedBytes / 1024, peakKB: usage.peakBytes / 1024))
        return true
    }
}
