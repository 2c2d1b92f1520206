internal import Config
internal import Failover
internal import IPCHub
internal import Runtime

/// Who comes in at the pass-through endpoint, and how much of it is held. On the edge's event loop.
final class RelayDoor {
    /// What becomes of a request for a model.
    enum Reception {
        case begun(RelayExchange)
        case refused(HTTPAnswer)
    }

    private let config: GatewayConfig
    private let limits: EdgeLimits
    private let now: () -> ContinuousClock.Instant
    private let workers: (any RelayWorkers)?
    private var exchanges: [ObjectIdentifier: RelayExchange] = [:]
    private let room = RelayRoom()
    /// A random name of this gateway's start, and requests since: together a request's own for the ledger.
    private let name = "relay-\(EdgeID.make().suffix(12))"
    private var begun = 0

    /// - Parameter workers: nil: there are none (safe mode), and nothing is relayed.
    init(
        config: GatewayConfig,
        limits: EdgeLimits,
        now: @escaping () -> ContinuousClock.Instant,
        workers: (any RelayWorkers)?
    ) {
        self.config = config
        self.limits = limits
        self.now = now
        self.workers = workers
    }

    /// The dialect that a path asks for; nil where nothing is relayed.
    func format(_ question: HTTPQuestion) -> RelayFormat? {
        guard config.endpoint.enabled, workers != nil, question.method == "POST" else { return nil }
        return RelayFormat(rawValue: question.path)
    }

    func begin(
        _ format: RelayFormat,
        headers: [(name: String, value: String)],
        output: any RelayOutput
    ) -> Reception {
        let length = headers.first { $0.name.isSameHeader(as: "content-length") }?.value
        let declared = max(0, length.flatMap { Int($0) } ?? 0)
        guard declared <= RelayCall.bodyLimit else {
            return .refused(Self.refusal(413, format.error(Self.failure(.context, RelayExchange.tooLong))))
        }
        guard let workers, exchanges.count < config.endpoint.maxConcurrent, hasRoom(for: declared) else {
            return .refused(overloaded(format))
        }
        begun += 1
        let exchange = RelayExchange(
            format: format,
            id: "\(name)-\(begun)",
            headers: headers,
            declared: declared,
            config: config,
            output: output,
            now: now,
            workers: workers,
            room: room
        )
        exchanges[ObjectIdentifier(exchange)] = exchange
        return .begun(exchange)
    }

    /// More of a body came; the one that goes beyond what all may hold together is refused.
    func grew(_ exchange: RelayExchange) {
        if !hasRoom(for: 0) { exchange.refuse(503, .shed, Self.full) }
    }

    /// Nobody waits for its answer any more, or it was given.
    func ended(_ exchange: RelayExchange) {
        exchange.abandon()
        exchanges[ObjectIdentifier(exchange)] = nil
    }

    func overloaded(_ format: RelayFormat) -> HTTPAnswer {
        Self.refusal(503, format.error(Self.failure(.shed, Self.full)), retryAfter: "5")
    }

    func unauthorized(_ format: RelayFormat) -> HTTPAnswer {
        Self.refusal(401, format.unauthorized("the key of this endpoint is the gateway's \(config.auth.mode.rawValue)"))
    }

    /// - Parameter wait: until the next attempt counts.
    func tooManyAttempts(_ format: RelayFormat, wait: Duration) -> HTTPAnswer {
        let failure = Self.failure(.rateLimit, "too many failed authentication attempts")
        return Self.refusal(429, format.error(failure), retryAfter: String(max(1, wait.wholeMilliseconds / 1000)))
    }

    private static let full = "the gateway has no room for another request now: try again in a moment"

    private func hasRoom(for bytes: Int) -> Bool {
        room.held + bytes <= limits.relayBytes
    }

    private static func failure(_ kind: HubModelEvent.Failed.Kind, _ words: String) -> HubModelEvent.Failed {
        var failed = HubModelEvent.Failed()
        (failed.kind, failed.cause) = (kind, words)
        return failed
    }

    private static func refusal(_ status: Int, _ body: [UInt8], retryAfter: String = "") -> HTTPAnswer {
        HTTPAnswer(
            status: status,
            contentType: "application/json",
            body: body,
            headers: retryAfter.isEmpty ? [] : [.init("Retry-After", retryAfter)]
        )
    }
}
