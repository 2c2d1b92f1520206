internal import NIOCore

/// A time limit that every request of a connection moves. While it only moves away the timer in hand is left as it is, and
/// looks again when it fires: setting one up and cancelling it would be a good part of a small request.
///
/// On the event loop that it is made with.
final class MovingDeadline {
    private let eventLoop: any EventLoop
    private let expired: () -> Void
    private var deadline: NIODeadline?
    private var timer: (at: NIODeadline, task: Scheduled<Void>)?

    /// - Parameter expired: called when a deadline passes that was neither moved nor lifted.
    init(on eventLoop: any EventLoop, expired: @escaping () -> Void) {
        self.eventLoop = eventLoop
        self.expired = expired
    }

    func set(in amount: TimeAmount) {
        let deadline = eventLoop.now + amount
        self.deadline = deadline
        if let timer, timer.at <= deadline { return }
        timer?.task.cancel()
        arm(deadline)
    }

    /// There is no limit until the next `set`.
    func lift() { deadline = nil }

    /// Lets go of the timer as well.
    func cancel() {
        lift()
        timer?.task.cancel()
        timer = nil
    }

    private func arm(_ time: NIODeadline) {
        let this = NIOLoopBound(self, eventLoop: eventLoop)
        timer = (time, eventLoop.scheduleTask(deadline: time) { this.value.fired() })
    }

    private func fired() {
        timer = nil
        guard let deadline else { return }
        if deadline > eventLoop.now { return arm(deadline) }
        self.deadline = nil
        expired()
    }
}
