/// One event on its way to the clients.
struct Publication: Sendable, Equatable {
    /// Who gets it.
    enum Audience: Sendable, Equatable {
        case everyone
        /// Operators that may read.
        case readers
        /// Readers that asked for tool events.
        case toolReaders
        /// Connections that asked for the worker table.
        case workerWatchers
    }

    var event: String
    var payload: WireValue
    var audience: Audience
    /// A client that does not keep up may miss it.
    var canBeDropped = false
    var carriesStateVersion = false
}
