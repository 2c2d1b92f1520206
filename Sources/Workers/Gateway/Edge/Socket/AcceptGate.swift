internal import NIOCore

/// Keeps the number of connections of one listener within its bounds by not accepting: who is too many waits in the
/// kernel's queue instead of being turned away, and strangers that have had their time make room.
final class AcceptGate: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel
    typealias OutboundIn = Never

    private let limits: EdgeLimits
    private var context: ChannelHandlerContext?
    private var open = 0
    /// Oldest first.
    private var strangers: [(channel: any Channel, since: NIODeadline)] = []
    private var isReadPending = false
    private var relief: Scheduled<Void>?

    init(limits: EdgeLimits) {
        self.limits = limits
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        relief?.cancel()
        self.context = nil
    }

    func read(context: ChannelHandlerContext) {
        if mayAccept {
            context.read()
        } else {
            isReadPending = true
            scheduleRelief()
        }
    }

    func opened(_ channel: any Channel) {
        open += 1
        strangers.append((channel, .now()))
    }

    /// The client has proven itself.
    func admitted(_ channel: any Channel) {
        strangers.removeAll { $0.channel === channel }
        resume()
    }

    /// Another client may speak on the connection now, as a reverse proxy keeps them for all of its own: it has to prove itself.
    func doubted(_ channel: any Channel) { strangers.append((channel, .now())) }

    func closed(_ channel: any Channel) {
        open -= 1
        admitted(channel)
    }

    private var mayAccept: Bool { open < limits.connections && strangers.count < limits.strangers }

    private func resume() {
        guard isReadPending, mayAccept else { return }
        isReadPending = false
        relief?.cancel()
        relief = nil
        context?.read()
    }

    private func scheduleRelief() {
        guard relief == nil, let context, let oldest = strangers.first else { return }
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        relief = context.eventLoop.scheduleTask(deadline: oldest.since + limits.strangerPatience) {
            this.value.relieve()
        }
    }

    private func relieve() {
        relief = nil
        guard isReadPending else { return }
        let now = NIODeadline.now()
        for stranger in strangers where stranger.since + limits.strangerPatience <= now {
            stranger.channel.close(promise: nil)
        }
        scheduleRelief()
    }
}
