internal import CLinux
internal import Glibc

/// Ends what a dead worker left behind where no cgroup holds it together.
///
/// We are PID 1 or a subreaper, so whatever a worker ever started stays a descendant of ours, however it forks and
/// whichever sessions it opens. What remains is to tell whose. In the order of what they prove: a living worker above it,
/// a worker's session, a worker's own user, the mark in its environment. One that shows nothing of this has taken pains
/// to hide where it comes from; it ends with the first foreign worker that is older than it (docs/decisions/0087).
package enum Descendants {
    /// A process as the walk sees it.
    struct Entry: Hashable, Sendable {
        var pid: Int32
        var parent: Int32
        var session: Int32
        var startTime: UInt64
    }

    /// More passes than a program that forks against us can win: each one stops what it finds.
    private static let passes = 32

    /// Kills what is left of `dead`, whose exit has been collected.
    ///
    /// - Parameter living: the workers that run; nothing of theirs is touched.
    /// - Returns: how many were killed.
    @discardableResult
    package static func endRest(of dead: WorkerOrigin, living: [WorkerOrigin]) -> Int {
        // What is left of it hangs beneath children of ours that are no workers: mostly there are none.
        let known = Set(living.map(\.pid))
        if let children = children(of: getpid()), children.allSatisfy({ known.contains($0) }) { return 0 }
        return end { table in
            let facts = Facts(uid: uid(of:), mark: environment(of:))
            return rest(of: dead, living: living, table: table, own: getpid(), facts: facts)
        }
    }

    /// Kills all descendants of ours: for the supervisor's end.
    @discardableResult
    package static func endAll() -> Int {
        let own = getpid()
        return end { table in
            let parents = Dictionary(table.map { ($0.pid, $0) }, uniquingKeysWith: { first, _ in first })
            return table.filter { chain(of: $0, in: parents, to: own) != nil }
        }
    }

    /// Stops what `choose` finds, again until it finds nothing new, then kills: what is stopped cannot fork.
    private static func end(_ choose: ([Entry]) -> [Entry]) -> Int {
        var stopped: [Int32: Entry] = [:]
        for _ in 0..<passes {
            let new = choose(scan()).filter { stopped[$0.pid]?.startTime != $0.startTime }
            if new.isEmpty { break }
            for entry in new {
                signal(entry, SIGSTOP)
                stopped[entry.pid] = entry
            }
        }
        for entry in stopped.values { signal(entry, SIGKILL) }
        return stopped.count
    }

    /// Signals the very process that was seen, not one that got its number since.
    private static func signal(_ entry: Entry, _ number: Int32) {
        let opened = clinux_pidfd_open(entry.pid)
        guard opened >= 0 else {
            if opened != -ESRCH, ProcessFacts.stat(of: entry.pid)?.startTime == entry.startTime {
                _ = kill(entry.pid, number)
            }
            return
        }
        let descriptor = Descriptor(owning: opened)
        guard ProcessFacts.stat(of: entry.pid)?.startTime == entry.startTime else { return }
        _ = clinux_pidfd_send_signal(descriptor.raw, number)
    }

    /// What has to be read of a process only when its place in the tree does not tell.
    struct Facts {
        var uid: (Int32) -> UInt32?
        var mark: (Int32) -> String
    }

    /// Those of `table` that are the dead worker's.
    static func rest(
        of dead: WorkerOrigin,
        living: [WorkerOrigin],
        table: [Entry],
        own: Int32,
        facts: Facts
    ) -> [Entry] {
        let parents = Dictionary(table.map { ($0.pid, $0) }, uniquingKeysWith: { first, _ in first })
        let alive = Set(living.map(\.pid))
        let uids = Set(living.compactMap(\.uid))
        let marks = living.map(\.mark)
        return table.filter { entry in
            guard let chain = chain(of: entry, in: parents, to: own) else { return false }
            for link in chain {
                if alive.contains(link.pid) { return false }
                if link.session == dead.pid { return true }
                if alive.contains(link.session) { return false }
            }
            if let uid = facts.uid(entry.pid) {
                if uid == dead.uid { return true }
                if uids.contains(uid) { return false }
            }
            let mark = facts.mark(entry.pid)
            if !mark.isEmpty {
                if mark == dead.mark { return true }
                if marks.contains(mark) { return false }
            }
            return dead.isForeign && entry.startTime >= dead.startTime
        }
    }

    /// From the entry up to the child of ours above it; nil when it is no descendant of ours.
    private static func chain(of entry: Entry, in table: [Int32: Entry], to own: Int32) -> [Entry]? {
        var chain: [Entry] = []
        var current = entry
        while chain.count < 4096 {
            if current.pid == own { return nil }
            chain.append(current)
            if current.parent == own { return chain }
            guard let parent = table[current.parent] else { return nil }
            current = parent
        }
        return nil
    }

    /// All processes but zombies.
    private static func scan() -> [Entry] {
        ProcessFacts.all().compactMap { pid in
            guard let stat = ProcessFacts.stat(of: pid), stat.state != "Z", stat.state != "X" else { return nil }
            return Entry(pid: pid, parent: stat.parent, session: stat.session, startTime: stat.startTime)
        }
    }

    /// Children of all threads of a process; nil where the kernel does not list them (CONFIG_PROC_CHILDREN).
    static func children(of pid: Int32) -> [Int32]? {
        var all: [Int32] = []
        for thread in SystemFile.names(in: "/proc/\(pid)/task") {
            guard let text = try? SystemFile.text("/proc/\(pid)/task/\(thread)/children") else { return nil }
            all += text.split(separator: " ").compactMap { Int32($0) }
        }
        return all
    }

    /// Processes beneath a pid that hang together, at most `limit`.
    static func count(beneath root: Int32, limit: Int64) -> Int64 {
        var next = children(of: root) ?? []
        var count: Int64 = 0
        while let pid = next.popLast(), count < limit {
            count += 1
            next += children(of: pid) ?? []
        }
        return count
    }

    private static func uid(of pid: Int32) -> UInt32? {
        guard let text = try? SystemFile.text("/proc/\(pid)/status", limit: 8192) else { return nil }
        return SystemFile.field("Uid", of: text).flatMap { UInt32(exactly: $0) }
    }

    /// The mark in the environment that a process was executed with; empty without one.
    private static func environment(of pid: Int32) -> String {
        guard let bytes = try? SystemFile.bytes("/proc/\(pid)/environ", limit: 256 * 1024) else { return "" }
        let name = Array("\(WorkerOrigin.variable)=".utf8)
        return bytes.split(separator: 0).first { $0.starts(with: name) }.map { String(decoding: $0, as: UTF8.self) }
            ?? ""
    }
}
