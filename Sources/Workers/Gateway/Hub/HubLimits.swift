internal import Config
internal import NIOCore

/// The bounds of the hub.
struct HubLimits: Sendable {
    /// Connections in all.
    var connections = 512
    /// Bulk streams, paired or waiting.
    var streams = 128
    /// Connections of one worker that wait for the next stream of the gateway's own, and how long each does: a hundred streams
    /// that end together need not be dialled anew when they begin again.
    var resting = 128
    var rest = TimeAmount.seconds(30)
    /// Rows of the ledger that came with answers and wait for the journal to catch up.
    var rows = 256
    /// From accept to HELLO.
    var hello = TimeAmount.seconds(5)
    /// From HELLO of a stream's opener to HELLO of its other side.
    var pairing = TimeAmount.seconds(10)
    /// Between two requests to start the other side.
    var startEvery = TimeAmount.seconds(3)
    /// Bytes that wait for a worker that does not read.
    var pendingBytes = 32 * 1024 * 1024

    init() {}

    /// With room for every request of the pass-through endpoint besides.
    init(_ endpoint: EndpointConfig) {
        guard endpoint.enabled else { return }
        connections += endpoint.maxConcurrent
        streams += endpoint.maxConcurrent
    }
}
