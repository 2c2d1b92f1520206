internal import AsyncHTTPClient
internal import Failover
internal import IPCHub
internal import NIOCore
internal import NIOHTTP1
internal import Runtime

/// One attempt at passing a request through: a connection, its phases with their deadlines, and what of the answer goes on.
///
/// On the event loop of the provider's connections and of who asked: bytes go from the one socket to the other within one
/// round of it, and a client that does not read keeps the provider's socket unread.
final class RelayAttempt: ProviderConnectionUser {
    /// What is sent, and how the answer is read.
    struct Request {
        var head: HTTPRequestHead
        var body: [ArraySlice<UInt8>]
        var isStream: Bool
        /// Of the wire and the key: everything that must not be seen in a cause.
        var redaction: Redaction
    }

    /// What becomes of the response's body.
    private enum Reading {
        /// No head yet.
        case nothing
        case events
        case whole(ByteBuffer)
        /// An error's words.
        case refusal(HTTPHeaders, ByteBuffer)
    }

    private var request: Request
    private let connections: ProviderConnections
    private let times: CallTimes
    private let output: any RelayOutput
    private let first: () -> Void
    private let finished: (AttemptReport) -> Void
    private let progress: AttemptProgress
    private let overall: ContinuousClock.Instant
    private var delivery: RelayDelivery
    private var connection: ProviderConnection?
    private var reading = Reading.nothing
    private var response = HubRelayHead()
    private var responseHeaders = HTTPHeaders()
    private var phase = CallWatch.Phase.head
    private var deadline: ContinuousClock.Instant
    private var timer: Scheduled<Void>?
    private var isOver = false

    /// - Parameters:
    ///   - first: the answer begins.
    ///   - finished: called once, with how it ended.
    init(
        _ request: Request,
        delivery: RelayDelivery,
        connections: ProviderConnections,
        times: CallTimes,
        limit: Duration,
        into output: any RelayOutput,
        first: @escaping () -> Void,
        finished: @escaping (AttemptReport) -> Void
    ) {
        (self.request, self.delivery, self.connections, self.times) = (request, delivery, connections, times)
        (self.output, self.first, self.finished) = (output, first, finished)
        let began = ContinuousClock.now
        progress = AttemptProgress(began: began)
        overall = began + min(limit, times.total)
        deadline = began + times.connect + times.head
    }

    func begin() {
        watch()
        output.whenWritable = { [weak self] in self?.connection?.readOn() }
        output.whenGone = { [weak self] in self?.cancel() }
        connect(isFresh: false)
    }

    /// Who asked is gone.
    func cancel() { over(.clientGone) }

    private func connect(isFresh: Bool) {
        connections.take(isFresh: isFresh) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success(let connection):
                guard !isOver else { return connection.close() }
                self.connection = connection
                connection.send(request.head, request.body, for: self)
            case .failure(let error): fail(TransportFailure.beforeHead(error, redaction: request.redaction))
            }
        }
    }

    // MARK: The response

    var mayRead: Bool { output.isWritable }

    func head(_ head: HTTPResponseHead) {
        guard !isOver else { return }
        progress.answered(Int(head.status.code))
        guard head.status == .ok else {
            progress.refusal = Classification.failure(
                status: Int(head.status.code),
                body: ErrorBody(),
                headers: AnswerHeaders(head.headers, now: Upstream.now),
                now: Upstream.now
            )
            reading = .refusal(head.headers, ByteBuffer())
            return enter(.end, for: min(times.idle, times.afterwards))
        }
        if let failure = Upstream.compressed(head.headers) { return fail(failure) }
        enter(.firstContent, for: times.firstContent)
        let type = head.headers.first(name: "content-type")?.lowercased() ?? ""
        let isStream = type.hasPrefix("text/event-stream") || (type.isEmpty && request.isStream)
        reading = isStream ? .events : .whole(ByteBuffer())
        (response, responseHeaders) = (Upstream.relayHead(head), head.headers)
    }

    func body(_ bytes: ByteBuffer) {
        guard !isOver else { return }
        var bytes = bytes
        switch reading {
        case .nothing: break
        case .events:
            pass(delivery.take(bytes))
            follow()
        case .whole(var whole):
            reading = .nothing
            enter(.idle, for: times.idle)
            guard whole.readableBytes + bytes.readableBytes <= Upstream.relayWholeLimit else {
                return fail(CallFailure(.cut, "the answer is longer than \(Upstream.relayWholeLimit) bytes"))
            }
            if whole.readableBytes == 0 { whole = bytes } else { whole.writeBuffer(&bytes) }
            reading = .whole(whole)
        case .refusal(let headers, var words):
            reading = .nothing
            if var part = bytes.readSlice(length: min(bytes.readableBytes, Upstream.errorLimit - words.readableBytes)) {
                words.writeBuffer(&part)
            }
            reading = .refusal(headers, words)
            if words.readableBytes >= Upstream.errorLimit { refused(headers, words) }
        }
    }

    func end() {
        connection = nil
        guard !isOver else { return }
        switch reading {
        case .nothing: fail(CallFailure(.cut, "the answer ended before its end"))
        case .events: conclude()
        case .refusal(let headers, let words): refused(headers, words)
        case .whole(let bytes):
            let wanted = request.isStream ? "event stream" : "JSON"
            do throws(CallFailure) {
                let json = try Upstream.json(
                    Array(bytes.readableBytesView),
                    wanted: wanted,
                    type: responseHeaders.first(name: "content-type") ?? "",
                    headers: responseHeaders
                )
                pass(delivery.take(whole: json, bytes))
                done()
            } catch {
                fail(error)
            }
        }
    }

    func broke(_ error: any Error) {
        guard !isOver else { return }
        let wasReused = connection?.isReused == true
        connection = nil
        switch reading {
        // The provider had closed it, or did so as the request came: it has not been heard. Once only, on a new one.
        case .nothing where wasReused: connect(isFresh: true)
        case .nothing: fail(TransportFailure.beforeHead(Upstream.closed(error), redaction: request.redaction))
        // What came so far tells enough.
        case .refusal(let headers, let words): refused(headers, words)
        // A connection that breaks behind a whole answer took nothing away.
        case .events where delivery.draft.isFinished: conclude()
        case .events, .whole: fail(TransportFailure.inBody(error, redaction: request.redaction))
        }
    }

    // MARK: What goes on

    private func pass(_ passed: RelayDelivery.Passed) {
        progress.note(delivery.draft)
        if passed.isFirst {
            progress.commit()
            // Nobody is asked with it again.
            request.body = []
            first()
            output.head(response)
        }
        if passed.bytes.readableBytes > 0 { output.body(passed.bytes) }
        if let failure = passed.failure { fail(failure) }
    }

    private func conclude() {
        guard !isOver else { return }
        pass(delivery.conclude())
        done()
    }

    private func done() {
        guard !isOver else { return }
        over(.finished(delivery.draft.finished))
    }

    private func refused(_ headers: HTTPHeaders, _ words: ByteBuffer) {
        fail(
            Classification.failure(
                status: progress.status,
                body: ErrorBody(Array(words.readableBytesView)),
                headers: AnswerHeaders(headers, now: Upstream.now),
                now: Upstream.now
            )
        )
    }

    private func fail(_ failure: CallFailure) {
        var failure = failure
        failure.cause = request.redaction(failure.cause)
        if failure.status == 0 { failure.status = progress.status }
        over(.failed(failure))
    }

    private func over(_ end: AttemptReport.End) {
        guard !isOver else { return }
        isOver = true
        timer?.cancel()
        timer = nil
        (output.whenWritable, output.whenGone) = (nil, nil)
        connection?.close()
        connection = nil
        var report = progress.report(end)
        // The provider's words, too.
        report.servedModel = request.redaction(report.servedModel)
        finished(report)
    }

    // MARK: Time

    private func enter(_ phase: CallWatch.Phase, for limit: Duration) {
        self.phase = phase
        let next = ContinuousClock.now + limit
        let isEarlier = next < deadline
        deadline = next
        if isEarlier { watch() }
    }

    /// Enters the phase of an answer of which this has come.
    private func follow() {
        guard !isOver else { return }
        let draft = delivery.draft
        if draft.isOver {
            enter(.end, for: times.end)
        } else if draft.isFinished {
            enter(.end, for: times.afterwards)
        } else if draft.hasBegun {
            // Waiting for who asked is not the provider's silence: the whole time alone bounds it.
            enter(.idle, for: output.isWritable ? times.idle : times.total)
        }
    }

    /// One timer, which looks again when the deadline has moved meanwhile: events are many.
    private func watch() {
        timer?.cancel()
        let this = NIOLoopBound(self, eventLoop: connections.loop)
        let wait = min(deadline, overall) - ContinuousClock.now
        timer = connections.loop.scheduleTask(in: TimeAmount(max(.zero, wait))) { this.value.expire() }
    }

    private func expire() {
        guard !isOver else { return }
        let now = ContinuousClock.now
        guard now >= deadline || now >= overall else { return watch() }
        if phase == .end {
            if let refusal = progress.refusal { return fail(refusal) }
            return conclude()
        }
        fail(CallWatch.Expiry(phase: phase, isOverall: now >= overall).failure)
    }
}
