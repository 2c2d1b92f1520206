package import IPCHub

/// The way in for a network's events.
package struct ChannelIntake: Sendable {
    /// Where the gateway's journal stands: empty at the very first start.
    package let cursor: [UInt8]
    private let worker: ChannelWorker

    init(cursor: [UInt8], worker: ChannelWorker) {
        self.cursor = cursor
        self.worker = worker
    }

    /// What the outside world calls this channel's routes, where the configuration leads them through a tunnel.
    package var publicURLs: PublicURLs { worker.publicURLs }

    /// The telephone calls that the gateway keeps for this channel.
    package var calls: CallKeeper { worker.calls }

    /// Returns when every event is journaled; only then may the network be told. Waits out a gateway that is away.
    ///
    /// At most 100 events and 16 MiB a call. Throws `ChannelRefusal` when the gateway cannot take events at the moment
    /// (disk full): the network is to be asked for them again later. Throws on cancellation.
    package func deliver(_ events: [ChannelEvent]) async throws {
        try await worker.deliver(events)
    }

    /// Moves the cursor where there is no event to journal.
    package func move(to cursor: [UInt8]) async { await worker.move(to: cursor) }

    /// How the connection is, for the operator.
    package func status(_ status: HubChannelStatus) async { await worker.publish(status) }
}

/// The gateway does not take events now; the reason is its own.
package struct ChannelRefusal: Error, Sendable, CustomStringConvertible {
    package var description: String
}
