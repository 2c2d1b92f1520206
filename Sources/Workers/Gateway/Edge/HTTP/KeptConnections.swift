internal import NIOCore

/// Connections whose relayed request was answered and which wait for the next one (docs/decisions/0192): so many and no
/// more, each for so long. One timer serves all. On the edge's event loop.
final class KeptConnections {
    private let limits: EdgeLimits
    private let eventLoop: any EventLoop
    /// The one that waits longest first.
    private var waiting: [(connection: HTTPConnection, until: NIODeadline)] = []
    private var timer: Scheduled<Void>?

    init(limits: EdgeLimits, eventLoop: any EventLoop) {
        self.limits = limits
        self.eventLoop = eventLoop
    }

    /// When it is one too many the one that waits longest is closed.
    func add(_ connection: HTTPConnection) {
        waiting.append((connection, .now() + limits.keptFor))
        if waiting.count > limits.kept { waiting.removeFirst().connection.close() }
        arm()
    }

    /// It has a request again, or is closed.
    func remove(_ connection: HTTPConnection) {
        guard let index = waiting.lastIndex(where: { $0.connection === connection }) else { return }
        waiting.remove(at: index)
    }

    func closeAll() {
        let all = waiting
        waiting = []
        timer?.cancel()
        timer = nil
        for (connection, _) in all { connection.close() }
    }

    /// The timer stays as it is when connections go: who came after the one that it was for is due later.
    private func arm() {
        guard timer == nil, let first = waiting.first else { return }
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        timer = eventLoop.scheduleTask(deadline: first.until) { this.value.expire() }
    }

    private func expire() {
        timer = nil
        let now = NIODeadline.now()
        while let first = waiting.first, first.until <= now { waiting.removeFirst().connection.close() }
        arm()
    }
}
