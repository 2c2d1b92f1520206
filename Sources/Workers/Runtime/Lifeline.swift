internal import CLinux
internal import Glibc
package import IPCControl
package import NIOCore
internal import NIOPosix
internal import Synchronization

/// A worker's end of its lifeline once there is an event loop: readiness, heartbeats, drain.
package final class Lifeline: Sendable {
    private let channel: any Channel
    private let state: Mutex<State>

    private struct State {
        var drain: Drain?
        var waiting: [CheckedContinuation<Drain, Never>] = []
        var receiver: (@Sendable (Block) -> Void)?
        var early: [Block] = []
        var shedders: [@Sendable () async -> Void] = []
        var isShedding = false
        var isOutOfDescriptors = false
        var watches: [@Sendable () -> Bool] = []
        /// A heartbeat is on its way through the thread pool.
        var isBeating = false
    }

    /// Most blocks kept while nobody receives them yet; a gateway that is slower than this at its start is broken.
    static let earlyLimit = 4096

    private init(channel: any Channel) {
        self.channel = channel
        state = Mutex(State())
    }

    /// Adopts `descriptor` on `eventLoop` and starts the heartbeat. Reads begin once the reader is in its place.
    ///
    /// `ended` is called when the supervisor is gone or speaks nonsense: without a supervisor a worker has no purpose.
    package static func adopt(
        _ descriptor: Int32,
        on eventLoop: any EventLoop,
        ended: @escaping @Sendable () -> Void = { exit(0) }
    ) async throws -> Lifeline {
        let channel = try await ClientBootstrap(group: eventLoop)
            .channelOption(.autoRead, value: false)
            .withConnectedSocket(descriptor)
            .get()
        let lifeline = Lifeline(channel: channel)
        try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.addHandler(LifelineReader(lifeline: lifeline, ended: ended))
        }.get()
        try await channel.setOption(.autoRead, value: true).get()
        channel.eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: .seconds(2)) { [weak lifeline] _ in
            lifeline?.pulse()
        }
        return lifeline
    }

    /// May receive work from now on.
    package func ready() { send(Block("READY")) }

    /// One line for `ps`, cut at 200 characters.
    package func status(_ text: String) { send(Block("STATUS", ["TEXT": String(text.prefix(200))])) }

    /// Parks this worker until its configuration or a secret changes, and ends the process.
    package func fatal(_ reason: String) async -> Never {
        await sendLast(Block("FATAL", ["REASON": String(reason.prefix(1000))]))
        exit(78)
    }

    /// Ends the process because there is nothing to do; it is started again on demand.
    package func leave() async -> Never {
        await sendLast(Block("LEAVE"))
        exit(0)
    }

    /// Sends a block; what is said after the supervisor is gone is lost, as the process is about to be.
    package func send(_ block: Block) {
        guard let bytes = Self.encode(block) else { return }
        channel.writeAndFlush(bytes, promise: nil)
    }

    /// Asks `moves` before every heartbeat, on the event loop. While it says false there is none, and after ten seconds of that
    /// the supervisor replaces this worker: for threads that the event loop knows nothing of.
    package func watching(_ moves: @escaping @Sendable () -> Bool) {
        state.withLock { $0.watches.append(moves) }
    }

    /// Calls `give` at every SHED: it drops what can be had again, before free memory goes back to the kernel. Several are
    /// called one after another.
    package func shedding(_ give: @escaping @Sendable () async -> Void) {
        state.withLock { $0.shedders.append(give) }
    }

    /// Everything but DRAIN and SHED goes to `receiver` from now on, in order, on the event loop. The gateway's concern.
    package func receive(_ receiver: @escaping @Sendable (Block) -> Void) {
        channel.eventLoop.execute {
            let early = self.state.withLock { state in
                state.receiver = receiver
                defer { state.early = [] }
                return state.early
            }
            for block in early { receiver(block) }
        }
    }

    /// Returns when the supervisor asks this worker to finish, at once when it already has.
    package func drained() async -> Drain {
        await withCheckedContinuation { continuation in
            let drain = state.withLock { state -> Drain? in
                if state.drain == nil { state.waiting.append(continuation) }
                return state.drain
            }
            if let drain { continuation.resume(returning: drain) }
        }
    }

    /// Whether the supervisor has asked this worker to finish.
    package var isDraining: Bool { drain != nil }

    /// The supervisor's request to finish; nil before it came.
    package var drain: Drain? { state.withLock { $0.drain } }

    func read(_ block: Block) {
        switch block.type {
        case "DRAIN": drain(Drain(reason: block["REASON"] ?? "stop", milliseconds: max(0, block.integer("BY_MS") ?? 0)))
        case "SHED": shed()
        default: handOn(block)
        }
    }

    private func handOn(_ block: Block) {
        let receiver = state.withLock { state in
            if state.receiver == nil, state.early.count < Self.earlyLimit { state.early.append(block) }
            return state.receiver
        }
        receiver?(block)
    }

    func drain(_ drain: Drain) {
        let waiting = state.withLock { state in
            if state.drain == nil { state.drain = drain }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: drain) }
    }

    /// A heartbeat proves what does the work: it is due on the event loop, goes once through the pool that tasks run on, and
    /// back. When one of them stands still it does not come, unless it is the disk that lets a thread wait: the next incarnation
    /// would wait for it too (`docs/decisions/0044`).
    private func pulse() {
        let watches = state.withLock { state -> [@Sendable () -> Bool]? in
            guard !state.isBeating else { return nil }
            state.isBeating = true
            return state.watches
        }
        guard let watches else {
            if OwnThreads.someWaitForDisk() { beat() }
            return
        }
        let loop = channel.eventLoop
        // Ends at once, or is the proof that the pool is stuck.
        Task {
            loop.execute {
                self.state.withLock { $0.isBeating = false }
                if watches.allSatisfy({ $0() }) { self.beat() }
            }
        }
    }

    /// A worker that has no descriptor left can neither take a connection nor make one, and would never be missed: it is
    /// silent, and after ten seconds of that it is replaced.
    private func beat() {
        let hasRoom = OwnDescriptors.haveRoom()
        let isNews = state.withLock { state in
            defer { state.isOutOfDescriptors = !hasRoom }
            return state.isOutOfDescriptors == hasRoom
        }
        if isNews, !hasRoom { OwnDescriptors.complain() }
        guard hasRoom else { return }
        send(Block("HEARTBEAT", ["PSS_KB": String(OwnMemory.proportionalKB() ?? 0)]))
    }

    /// The memory that this worker can do without, back to the kernel; the heartbeat shows the supervisor what it was worth.
    private func shed() {
        let shedders = state.withLock { state -> [@Sendable () async -> Void]? in
            guard !state.isShedding else { return nil }
            state.isShedding = true
            return state.shedders
        }
        guard let shedders else { return }
        // Ends by itself. Not on the event loop: going through a large heap takes milliseconds.
        Task {
            for give in shedders { await give() }
            _ = clinux_trim_heap()
            self.state.withLock { $0.isShedding = false }
            self.beat()
        }
    }

    private func sendLast(_ block: Block) async {
        guard let bytes = Self.encode(block) else { return }
        try? await channel.writeAndFlush(bytes).get()  // nobody is left to be told when this fails
    }

    /// Nil for a block over the bounds, which only a text without a bound of its own could make.
    private static func encode(_ block: Block) -> ByteBuffer? {
        guard let bytes = try? block.encoded() else { return nil }
        return ByteBuffer(bytes: bytes)
    }
}
