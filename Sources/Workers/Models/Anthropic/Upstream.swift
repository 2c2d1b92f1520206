internal import AsyncHTTPClient
internal import IPCHub
internal import NIOCore
internal import NIOHTTP1
internal import Runtime

/// The provider at the other end of HTTP.
struct Upstream: Sendable {
    let client: ProviderClient
    let url: String
    let headers: HTTPHeaders
    let times: CallTimes
    let credential: Credential

    /// Longest error body that is read.
    static let errorLimit = 64 * 1024

    init(
        client: ProviderClient,
        baseURL: String,
        extraHeaders: [String: String],
        credential: Credential,
        times: CallTimes
    ) {
        self.client = client
        self.times = times
        self.credential = credential
        url = "\(baseURL)/v1/messages"
        var headers = HTTPHeaders([
            ("content-type", "application/json"), ("accept", "text/event-stream"), ("anthropic-version", "2023-06-01"),
            ("user-agent", "clawhold"),
        ])
        for (name, value) in credential.headers { headers.replaceOrAdd(name: name, value: value) }
        for (name, value) in extraHeaders where Self.isSafe(name) && Self.isSafe(value) {
            // Betas add up, everything else is as the operator says.
            let beta = name.lowercased() == "anthropic-beta" ? headers.first(name: name) : nil
            headers.replaceOrAdd(name: name, value: beta.map { "\($0),\(value)" } ?? value)
        }
        self.headers = headers
    }

    private static func isSafe(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }

    /// One attempt. `receive` is given each event in order; what it throws ends the attempt.
    ///
    /// Throws `Failure`, or `CancellationError` when the task was cancelled, which closes the connection.
    func stream(
        _ body: [UInt8],
        overall: ContinuousClock.Instant,
        receive: @escaping @Sendable (HubModelEvent) async throws -> Void
    ) async throws {
        let watch = CallWatch(times: times, overall: overall)
        try await withThrowingTaskGroup(of: Failure?.self) { group in
            group.addTask {
                try await client.lend { try await read(body, $0, watch, receive) }
                return nil
            }
            group.addTask { try await watch.expired() }
            defer { group.cancelAll() }
            guard let failure = try await group.next() ?? nil else { return }
            // The answer was whole; only the connection is not used again.
            if watch.phase == .end { return }
            throw failure
        }
    }

    private func read(
        _ body: [UInt8],
        _ client: HTTPClient,
        _ watch: CallWatch,
        _ receive: @Sendable (HubModelEvent) async throws -> Void
    ) async throws {
        let response = try await head(body, client)
        guard response.status == .ok else {
            watch.enter(.idle, for: times.idle)
            throw await error(response)
        }
        let type = response.headers.first(name: "content-type")?.lowercased() ?? ""
        guard type.hasPrefix("text/event-stream") else {
            throw Failure(
                .badRequest,
                "the answer is no event stream but \(type.isEmpty ? "has no type" : type.prefix(80))"
            )
        }
        watch.enter(.firstContent, for: times.firstContent)
        var decoder = EventStreamDecoder()
        var message = MessageStream()
        var hasContent = false
        do {
            for try await buffer in response.body {
                if hasContent { watch.enter(.idle, for: times.idle) }
                for event in try decoder.decode(buffer.readableBytesView) {
                    for event in try message.take(event) {
                        if !hasContent { watch.enter(.idle, for: times.idle) }
                        hasContent = true
                        try await receive(event)
                        // Waiting for the agent is not the provider's silence.
                        watch.enter(.idle, for: times.idle)
                    }
                }
                if message.isFinished { watch.enter(.end, for: times.end) }
            }
        } catch let failure as Failure {
            throw failure
        } catch let failure as EventStreamDecoder.Failure {
            throw Failure(.cut, failure.description)
        } catch {
            if message.isFinished { return }
            try Task.checkCancellation()
            throw Failure(.cut, "the connection broke: \(credential.redacted("\(error)"))", isTransient: true)
        }
        guard message.isFinished else { throw Failure(.cut, "the stream ended before message_stop", isTransient: true) }
    }

    private func head(_ body: [UInt8], _ client: HTTPClient) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers = headers
        request.body = .bytes(body)
        do {
            return try await client.execute(request, deadline: .distantFuture)
        } catch {
            try Task.checkCancellation()
            throw Failure(
                .unreachable,
                "no connection: \(credential.redacted("\(error)"))",
                isTransient: !"\(error)".contains("invalidURL")
            )
        }
    }

    /// The failure that an error response tells of. A body that does not end in time is as good as none.
    private func error(_ response: HTTPClientResponse) async -> Failure {
        var bytes: [UInt8] = []
        do {
            for try await buffer in response.body {
                bytes.append(contentsOf: buffer.readableBytesView.prefix(Self.errorLimit - bytes.count))
                if bytes.count >= Self.errorLimit { break }
            }
        } catch {
            // What has come so far tells enough.
        }
        var failure = ErrorClassification.classify(
            status: Int(response.status.code),
            body: bytes,
            headers: ErrorClassification.Headers(response.headers)
        )
        failure.cause = credential.redacted(failure.cause)
        return failure
    }
}

extension ErrorClassification.Headers {
    /// `retry-after-ms` counts before `retry-after` (seconds); a date there is not understood and counts as absent.
    init(_ headers: HTTPHeaders) {
        func number(_ name: String) -> Double? {
            headers.first(name: name).flatMap { Double($0.trimmingPrefix { $0 == " " }) }.flatMap { $0 >= 0 ? $0 : nil }
        }
        if let milliseconds = number("retry-after-ms") {
            retryAfter = .milliseconds(min(milliseconds, 1e10))
        } else if let seconds = number("retry-after") {
            retryAfter = .milliseconds(min(seconds * 1000, 1e10))
        }
        switch headers.first(name: "x-should-retry") {
        case "true": shouldRetry = true
        case "false": shouldRetry = false
        default: break
        }
        requestID = headers.first(name: "request-id").map { String($0.prefix(100)) }
    }
}
