internal import IPCControl

/// The connections of the command line: what each waits for, and what is on its way to it.
struct ControlClients {
    /// More than that at once are turned away.
    static let limit = 16
    /// A client that says nothing is let go after that.
    static let patience = Duration.seconds(10)
    /// How long `start`, `stop`, `restart` and `replan` wait for their result.
    static let resultLimit = Duration.seconds(30)
    /// A client that does not read loses its connection, not the supervisor its memory.
    static let queueLimit = 2 * 1024 * 1024

    /// How long no connection is taken after one could not be.
    static let acceptPause = Duration.seconds(1)

    /// When connections are taken again.
    var acceptAgainAt: Instant?
    private(set) var all: [UInt64: ControlClient] = [:]
    private var nextNumber: UInt64 = 0

    /// A number for a connection about to be added.
    mutating func newNumber() -> UInt64 {
        nextNumber += 1
        return nextNumber
    }

    mutating func add(_ client: ControlClient) {
        all[client.number] = client
    }

    @discardableResult
    mutating func remove(_ number: UInt64) -> ControlClient? {
        all.removeValue(forKey: number)
    }

    var isFull: Bool { all.count >= Self.limit }

    /// When the next client's patience or result is over.
    var deadline: Instant? {
        [all.values.lazy.compactMap(\.deadline).min(), acceptAgainAt].lazy.compactMap { $0 }.min()
    }

    /// A log line for those who follow the log.
    func tell(_ line: LogLine) {
        for client in all.values {
            guard case .logs(let worker) = client.state, worker == nil || worker == line.worker else { continue }
            client.send(.log(line))
        }
    }

    /// An event for those who follow the events.
    func tell(_ entry: EventLog.Entry) {
        for client in all.values {
            guard case .events(let worker) = client.state, worker == nil || worker == entry.id else { continue }
            client.send(.event(entry))
        }
    }

    /// A plan is in force, or there is none, for those who asked for it.
    func planned(error: String?) {
        for client in all.values {
            if case .plan = client.state { client.finish(error: error) }
        }
    }
}

/// One connection to the control socket.
final class ControlClient {
    let number: UInt64
    let descriptor: Descriptor
    let token: UInt64
    let uid: UInt32
    var decoder = BlockDecoder()
    var outgoing = WriteQueue(limit: ControlClients.queueLimit)
    var state = State.idle
    var deadline: Instant?
    var isWriting = false
    /// It does not read, or wrote nonsense: closed at the end of the turn.
    var isBroken = false

    /// What the client waits for.
    enum State: Equatable {
        case idle
        /// A worker that has to become ready, in an incarnation after this one.
        case ready(WorkerID, after: UInt64)
        case stopped(WorkerID)
        case plan
        case logs(WorkerID?)
        case events(WorkerID?)
        /// An upgrade, through the change of image.
        case upgrade
    }

    init(number: UInt64, descriptor: consuming Descriptor, token: UInt64, uid: UInt32, now: Instant) {
        self.number = number
        self.uid = uid
        self.descriptor = descriptor
        self.token = token
        deadline = now + ControlClients.patience
    }

    func send(_ block: Block) {
        guard let bytes = block.encodedWithinBounds() else { return }
        if !outgoing.append(bytes) { isBroken = true }
    }

    /// The last block of an answer.
    func finish(error: String? = nil) {
        var block = Block("ANSWER", ["END": error == nil ? "ok" : "error"])
        block["TEXT"] = error
        send(block)
        state = .idle
        deadline = .now() + ControlClients.patience
    }

    func wait(for state: State) {
        self.state = state
        switch state {
        case .ready, .stopped, .plan: deadline = .now() + ControlClients.resultLimit
        // An upgrade ends by the deadlines of its steps.
        case .logs, .events, .upgrade: deadline = nil
        case .idle: deadline = .now() + ControlClients.patience
        }
    }
}
