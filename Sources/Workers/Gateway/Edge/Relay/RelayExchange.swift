internal import Config
internal import Failover
internal import FoundationEssentials
internal import IPCHub
internal import Runtime

/// One request of the pass-through endpoint: the body whole, then the worker of its model, then, while nothing of an answer
/// has gone to the client, the workers of the fallbacks.
///
/// On the event loop that edge and hub share. The model worker rotates its keys; going to another model is decided here, and
/// nowhere else.
final class RelayExchange {
    /// Attempts that one answer may cost, all keys and models together.
    static let attemptLimit: UInt32 = 6
    /// From the whole request to the whole answer.
    static let timeLimit = Duration.seconds(600)
    private static let pieceBytes = 256 * 1024
    /// A body that goes along with its request, in one frame.
    static let smallBody = 64 * 1024
    /// Longest error of a worker.
    static let errorBytes = 64 * 1024
    /// What of the client's request concerns the provider.
    static let passedHeaders = [
        "anthropic-version", "anthropic-beta", "openai-organization", "openai-project", "idempotency-key",
    ]

    typealias Header = (name: String, value: String)

    private enum State {
        /// The client still sends.
        case receiving
        case asking
        /// A worker tells an error, which the client reads only when nobody else does better.
        case failing(HubRelayHead, Data)
        // From here on nobody is asked again.

        /// An answer in one piece, until all that has come of it is read: its end may be there already.
        case gathering(status: Int, [Header], Data)
        case answering(isEventStream: Bool)
        case over
    }

    private let format: RelayFormat
    private let config: GatewayConfig
    private let id: String
    private let workers: any RelayWorkers
    private weak var output: (any RelayOutput)?
    private let headers: [HubRelayHeader]
    private let now: () -> ContinuousClock.Instant
    private let declared: Int
    private let room: RelayRoom
    /// Bytes that this request holds, those of its body that are to come among them.
    private(set) var held = 0 {
        didSet { room.changed(by: held - oldValue) }
    }
    private var state = State.receiving
    private var body: [UInt8] = []
    private var deadline: ContinuousClock.Instant?
    private var candidates: [ModelRef] = []
    private var model = ModelRef()
    private var stream: GatewayStream?
    /// Bytes of the body that the worker in hand has, and whether it knows that this is all.
    private var sent = 0
    private var isSent = false
    private var attemptsLeft = RelayExchange.attemptLimit
    /// What the model that was asked for said; a fallback's own error would only puzzle who did not ask for it.
    private var refusal: (head: HubRelayHead, body: Data)?
    private var failures: [String] = []
    private var isShed = false

    /// - Parameters:
    ///   - id: the request's own, for the ledger.
    ///   - declared: bytes of the body as the client announced them; 0: it did not.
    init(
        format: RelayFormat,
        id: String,
        headers: [(name: String, value: String)],
        declared: Int,
        config: GatewayConfig,
        output: any RelayOutput,
        now: @escaping () -> ContinuousClock.Instant,
        workers: any RelayWorkers,
        room: RelayRoom = RelayRoom()
    ) {
        self.format = format
        self.id = id
        self.config = config
        self.output = output
        self.now = now
        self.workers = workers
        self.declared = declared
        self.room = room
        self.headers = Array(headers.lazy.compactMap(Self.passed).prefix(16))
        body.reserveCapacity(declared)
        hold(declared)
    }

    private static func passed(_ header: Header) -> HubRelayHeader? {
        guard let name = passedHeaders.first(where: { header.name.isSameHeader(as: $0) }),
            header.value.utf8.count <= 1024
        else { return nil }
        var passed = HubRelayHeader()
        (passed.name, passed.value) = (name, header.value)
        return passed
    }

    private func hold(_ bytes: Int) {
        if held != bytes { held = bytes }
    }

    // MARK: From the client

    func take(_ bytes: some Collection<UInt8>) {
        guard case .receiving = state else { return }
        guard body.count + bytes.count <= RelayCall.bodyLimit else { return refuse(413, .context, Self.tooLong) }
        body.append(contentsOf: bytes)
        hold(max(declared, body.count))
    }

    static let tooLong = "a request has at most \(RelayCall.bodyLimit / 1_048_576) MiB"

    /// The request is whole.
    func complete() {
        guard case .receiving = state else { return }
        deadline = now() + Self.timeLimit
        hold(body.count)
        guard let name = RelayBody(body)?.modelName else {
            return refuse(400, .badRequest, "the body must be a JSON object with a model: \"provider/model\"")
        }
        guard let first = target(name) else {
            let known = providers.joined(separator: ", ")
            return refuse(
                404,
                .modelNotFound,
                "no model \(name.prefix(scalars: 100)): write provider/model with one of \(known)"
            )
        }
        if let objection = workers.objection(to: first.model) { return refuse(402, .billing, objection) }
        let fallbacks = config.agent(config.defaultAgent).model.fallbacks.filter { !$0.worker.isEmpty }
        candidates = [first] + fallbacks.filter { $0.model != first.model && workers.objection(to: $0.model) == nil }
        next()
    }

    /// The client reads again.
    func resume() { stream?.isReading = true }

    /// The client is gone: closing is cancelling.
    func abandon() { over() }

    private var providers: [String] { config.models.map(\.provider).filter { $0 != "demo" } }

    private func target(_ name: String) -> ModelRef? {
        guard let slash = name.firstIndex(of: "/") else { return nil }
        let provider = name[..<slash].lowercased()
        let rest = name[name.index(after: slash)...]
        guard !rest.isEmpty, rest.utf8.count <= 200, provider != "demo",
            config.models.contains(where: { $0.provider == provider })
        else { return nil }
        return ModelRef(model: "\(provider)/\(rest)", worker: "model:\(provider)")
    }

    // MARK: To the workers

    private func next() {
        stream?.close()
        guard !candidates.isEmpty, attemptsLeft > 0, deadline.map({ now() < $0 }) ?? true else { return giveUp() }
        model = candidates.removeFirst()
        ask(isFresh: false)
    }

    private func ask(isFresh: Bool) {
        (state, sent, isSent) = (.asking, 0, false)
        stream = workers.openStream(model.worker, isFresh: isFresh) { [weak self] event in self?.take(event) }
    }

    private func take(_ event: GatewayStream.Event) {
        switch (state, event) {
        case (.receiving, _), (.over, _): return
        case (_, .opened): begin()
        case (_, .writable): pump()
        // The worker went while its connection rested: the next incarnation has not been asked.
        case (.asking, .ended) where stream?.isReused == true: ask(isFresh: true)
        case (_, .ended(let why)): broke(why)
        case (.asking, .frame(.relayHead(let head))): take(head)
        case (.failing(let head, let words), .frame(.mediaChunk(let chunk))):
            guard words.count + chunk.data.count <= Self.errorBytes else { return broke("its error has no end") }
            state = .failing(head, words + chunk.data)
        case (.failing(let head, let words), .frame(.mediaEnd(let end))):
            release(end)
            failed(head, words)
        case (.gathering(let status, let headers, let bytes), .frame(.mediaChunk(let chunk))):
            state = .gathering(status: status, headers, bytes.isEmpty ? chunk.data : bytes + chunk.data)
        case (.gathering(let status, let headers, let bytes), .frame(.mediaEnd(let end))) where end.error.isEmpty:
            release(end)
            over()
            output?.head(status: status, headers: headers, framing: .whole(bytes.count))
            output?.body(bytes)
            output?.end()
        case (.gathering, .frame(.mediaEnd)):
            part()
            finish(isWhole: false)
        case (.gathering, .caughtUp):
            part()
            output?.flush()
        case (.answering, .frame(.mediaChunk(let chunk))):
            output?.body(chunk.data)
            if output?.isWritable == false { stream?.isReading = false }
        case (.answering, .caughtUp): output?.flush()
        case (_, .caughtUp): return
        case (.answering(let isEventStream), .frame(.mediaEnd(let end))):
            release(end)
            // In a stream of events the worker has said it in the client's own dialect.
            finish(isWhole: end.error.isEmpty || isEventStream)
        case (_, .frame(let other)): broke("it sent a frame of type \(other.type), which does not belong there")
        }
    }

    private func begin() {
        var request = HubRelayRequest()
        request.path = format.rawValue
        request.model = String(model.model.drop { $0 != "/" }.dropFirst())
        request.caller.runID = id
        request.caller.purpose = "relay"
        request.headers = headers
        let left = deadline.map { now().duration(to: $0) } ?? Self.timeLimit
        request.timeLeftMs = UInt32(clamping: max(1, left.wholeMilliseconds))
        request.attemptsLeft = attemptsLeft
        if body.count <= Self.smallBody {
            request.body = Data(body)
            (sent, isSent) = (body.count, true)
            stream?.send(.relayRequest(request), .mediaEnd(HubMediaEnd()))
        } else {
            stream?.send(.relayRequest(request))
            pump()
        }
    }

    private func pump() {
        guard let stream, !isSent else { return }
        while sent < body.count {
            guard stream.isWritable else { return }
            var chunk = HubMediaChunk()
            chunk.data = Data(body[sent..<min(body.count, sent + Self.pieceBytes)])
            sent += chunk.data.count
            stream.send(.mediaChunk(chunk))
        }
        // What was sent may have left at once, and the rest with it: `writable` came from within.
        guard !isSent else { return }
        isSent = true
        stream.send(.mediaEnd(HubMediaEnd()))
    }

    /// A worker that has said its last word has read ours, and takes the next request on the same connection.
    private func release(_ end: HubMediaEnd) {
        if end.error.isEmpty, isSent { stream?.finish() }
    }

    private func take(_ head: HubRelayHead) {
        attemptsLeft -= min(head.attempts, attemptsLeft)
        guard (200...599).contains(head.status) else { return broke("it sent status \(head.status)") }
        if head.status >= 400, head.tryNext || isFallback {
            state = .failing(head, Data())
        } else {
            answer(head)
        }
    }

    private var isFallback: Bool { refusal != nil || !failures.isEmpty }

    private func answer(_ head: HubRelayHead) {
        if isSent {
            body = []
            hold(0)
        }
        var headers = head.headers.prefix(32).map { (name: $0.name, value: $0.value) }
        let isEventStream = headers.contains {
            $0.name.isSameHeader(as: "content-type") && $0.value.lowercased().hasPrefix("text/event-stream")
        }
        // Another model than the one that was asked for may have answered.
        headers.append((name: "x-clawhold-model", value: model.model))
        guard isEventStream else {
            state = .gathering(status: Int(head.status), headers, Data())
            return
        }
        state = .answering(isEventStream: true)
        output?.head(status: Int(head.status), headers: headers, framing: .events)
    }

    /// The end of an answer in one piece is not there yet: what is there goes on.
    private func part() {
        guard case .gathering(let status, let headers, let bytes) = state else { return }
        state = .answering(isEventStream: false)
        output?.head(status: status, headers: headers, framing: .pieces)
        output?.body(bytes)
        if output?.isWritable == false { stream?.isReading = false }
    }

    private func failed(_ head: HubRelayHead, _ words: Data) {
        // Who has no room has no words either.
        if words.isEmpty {
            isShed = true
            failures.append("\(model.model): no room for another request now")
        } else if isFallback {
            failures.append("\(model.model): status \(head.status)")
        } else {
            refusal = (head, words)
        }
        next()
    }

    /// The worker in hand is of no use any more.
    private func broke(_ why: String) {
        failures.append("\(model.model): \(why)")
        part()
        guard case .answering(let isEventStream) = state else {
            attemptsLeft -= min(1, attemptsLeft)
            return next()
        }
        if isEventStream {
            output?.body(Data(format.errorEvent(Self.failure(.cut, "\(model.model) broke off: \(why)"))))
        }
        finish(isWhole: isEventStream)
    }

    private func giveUp() {
        guard let refusal else {
            return refuse(503, isShed ? .shed : .unreachable, failures.joined(separator: "; "))
        }
        over()
        output?.head(
            status: Int(refusal.head.status),
            headers: refusal.head.headers.prefix(32).map { (name: $0.name, value: $0.value) },
            framing: .whole(refusal.body.count)
        )
        output?.body(refusal.body)
        output?.end()
    }

    private func finish(isWhole: Bool) {
        over()
        if isWhole { output?.end() } else { output?.cut() }
    }

    private func over() {
        state = .over
        stream?.close()
        (body, candidates) = ([], [])
        hold(0)
    }

    /// Answers with an error in the client's dialect, unless an answer has begun.
    func refuse(_ status: Int, _ kind: HubModelEvent.Failed.Kind, _ words: String) {
        switch state {
        case .gathering, .answering, .over: return
        case .receiving, .asking, .failing: over()
        }
        let error = Data(format.error(Self.failure(kind, words)))
        output?.head(
            status: status,
            headers: [(name: "content-type", value: "application/json")],
            framing: .whole(error.count)
        )
        output?.body(error)
        output?.end()
    }

    private static func failure(_ kind: HubModelEvent.Failed.Kind, _ words: String) -> HubModelEvent.Failed {
        var failed = HubModelEvent.Failed()
        failed.kind = kind
        failed.cause = words.prefix(scalars: 1000)
        return failed
    }
}
