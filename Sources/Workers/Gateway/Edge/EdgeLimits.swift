internal import Config
internal import NIOCore

/// The bounds of the edge. Tests lower them to reach them.
struct EdgeLimits: Sendable {
    /// Open connections per listener; more wait in the kernel's queue.
    var connections = 512
    /// Of these, connections that have not proven themselves; more wait, the oldest are put out.
    var strangers = 64
    /// A stranger older than this makes room when others wait.
    var strangerPatience = TimeAmount.seconds(2)
    /// From accept to the end of the request head, or to `connect`.
    var handshake = TimeAmount.seconds(10)
    /// From then until a plain HTTP connection is gone.
    var httpAnswer = TimeAmount.seconds(30)
    /// Bytes that a WebSocket client may send before hello.
    var bytesBeforeHello = 64 * 1024
    /// One message after hello, fragments together.
    var messageBytes = 26_214_400
    /// Unsent bytes per connection; beyond it events that may be missed are, others end the connection.
    var unsentBytes = 8 * 1024 * 1024
    /// Requests of one connection under way at a time.
    var requestsInFlight = 64
    /// Body of a plain HTTP request: nothing here takes one.
    var httpBodyBytes = 64 * 1024
    /// A request of the pass-through endpoint, from its head to the end of its answer.
    var relay = TimeAmount.seconds(660)
    /// Connections that wait for the next such request, and how long each does.
    var kept = 64
    var keptFor = TimeAmount.seconds(60)
    /// The bodies of such requests together, until their answers begin.
    var relayBytes = 32 * 1024 * 1024
    var tick = TimeAmount.seconds(30)
    var health = TimeAmount.seconds(60)
    /// So long after the start the platform has to have asked for `/healthz`.
    var firstProbe = TimeAmount.seconds(60)
    /// Between two health events that newcomers cause.
    var healthPause = TimeAmount.seconds(1)
    /// At most one `workers` event in this time.
    var workers = TimeAmount.seconds(1)

    init() {}

    /// With room for every request of the pass-through endpoint besides.
    init(_ endpoint: EndpointConfig) {
        if endpoint.enabled { connections += endpoint.maxConcurrent }
    }
}
