internal import AsyncHTTPClient
package import Failover
package import IPCHub
internal import NIOCore
internal import NIOHTTP1
package import Runtime

extension Upstream {
    package func attempt(
        _ call: ModelCall,
        with key: ProviderKey,
        limit: Duration,
        receive: @escaping @Sendable (HubModelEvent) async throws -> Void
    ) async -> AttemptReport {
        let began = ContinuousClock.now
        let times = times(for: call)
        let progress = AttemptProgress(began: began)
        let watch = CallWatch(times: times, overall: began + min(limit, times.total), on: client.loop)
        let delivery = AnswerDelivery(
            reader: dialect.reader(call),
            progress: progress,
            watch: watch,
            times: times,
            receive: receive
        )
        return await reported(progress, redaction: redaction(key)) {
            let request = try dialect.request(call, key: key)
            let expiry = try await watch.run {
                try await exchange(request, key: key, times: times, watch: watch, progress: progress) { response in
                    try await read(response, into: delivery, form: request.form, watch: watch, times: times)
                }
            }
            // The answer was whole; only the connection's end was missing, and it is not used again.
            if let expiry {
                guard expiry.phase == .end else { throw expiry.failure }
                if let refusal = progress.refusal { throw refusal }
                try await delivery.conclude()
            }
        }
    }

    /// Runs an attempt and makes the report of how it ended.
    func reported(
        _ progress: AttemptProgress,
        redaction: Redaction,
        _ work: () async throws -> Void
    ) async -> AttemptReport {
        var report = await ended(progress, redaction: redaction, work)
        // The provider's words, too.
        report.servedModel = redaction(report.servedModel)
        return report
    }

    private func ended(
        _ progress: AttemptProgress,
        redaction: Redaction,
        _ work: () async throws -> Void
    ) async -> AttemptReport {
        do {
            try await work()
            guard let finished = progress.finished else { throw CallFailure(.cut, "the answer ended before its end") }
            return progress.report(.finished(finished))
        } catch var failure as CallFailure {
            if Task.isCancelled { return progress.report(.clientGone) }
            failure.cause = redaction(failure.cause)
            if failure.status == 0 { failure.status = progress.status }
            return progress.report(.failed(failure))
        } catch {
            // Cancelled, or who asked takes nothing any more.
            return progress.report(.clientGone)
        }
    }

    /// Sends a request and hands over the response when it is a good one; throws what any other means.
    func exchange(
        _ request: WireRequest,
        key: ProviderKey,
        times: CallTimes,
        watch: CallWatch,
        progress: AttemptProgress,
        _ read: @Sendable (HTTPClientResponse) async throws -> Void
    ) async throws {
        try await client.lend { client in
            let response: HTTPClientResponse
            do {
                response = try await client.execute(outgoing(request, key: key), deadline: .distantFuture)
            } catch {
                try Task.checkCancellation()
                throw TransportFailure.beforeHead(error, redaction: redaction(key))
            }
            progress.answered(Int(response.status.code))
            guard response.status == .ok else {
                throw await refusal(response, times: times, watch: watch, progress: progress)
            }
            try Self.isPlain(response)
            watch.enter(.firstContent, for: times.firstContent)
            do {
                try await read(response)
            } catch let error where Self.isOfTransport(error) {
                try Task.checkCancellation()
                throw TransportFailure.inBody(error, redaction: redaction(key))
            }
        }
    }

    static func isOfTransport(_ error: any Error) -> Bool {
        error is HTTPClientError || error is IOError || error is ChannelError || error is HTTPParserError
            || "\(type(of: error))".hasPrefix("NIOSSL") || "\(type(of: error))".hasPrefix("BoringSSL")
    }

    private func outgoing(_ request: WireRequest, key: ProviderKey) -> HTTPClientRequest {
        var outgoing = HTTPClientRequest(url: baseURL + request.path)
        outgoing.method = .POST
        outgoing.headers = headers(request, key: key)
        switch request.body {
        case .bytes(let bytes): outgoing.body = .bytes(bytes)
        case .pieces(let pieces):
            let length = pieces.reduce(0) { $0 + $1.count }
            outgoing.body = .stream(
                WirePieces(pieces: pieces),
                length: .known(Int64(length))
            )
        }
        return outgoing
    }

    private func read(
        _ response: HTTPClientResponse,
        into delivery: AnswerDelivery,
        form: WireRequest.Form,
        watch: CallWatch,
        times: CallTimes
    ) async throws {
        let type = response.headers.first(name: "content-type")?.lowercased() ?? ""
        guard form == .events, type.isEmpty || type.hasPrefix("text/event-stream") else {
            let wanted = form == .events ? "event stream" : "JSON"
            let found = try await whole(response, limit: Self.wholeLimit, wanted: wanted, watch: watch, times: times)
            try await delivery.take(whole: found.json)
            return try await delivery.conclude()
        }
        var decoder = EventStreamDecoder()
        do {
            for try await buffer in response.body {
                delivery.sawBytes()
                for event in try decoder.decode(buffer.readableBytesView) where !delivery.isOver {
                    try await delivery.take(event)
                }
                // What is left is the end of the body: read, so that the connection can be used again.
                if delivery.isOver { try await delivery.conclude() }
            }
            if let event = try decoder.finish(), !delivery.isOver { try await delivery.take(event) }
        } catch let failure as EventStreamDecoder.Failure {
            throw CallFailure(.cut, failure.description)
        } catch let error where Self.isOfTransport(error) {
            // A connection that breaks behind a whole answer took nothing away.
            guard delivery.isFinished, !Task.isCancelled else { throw error }
        }
        try await delivery.conclude()
    }

    /// An answer in one piece: asked for, or from a server that knows no streams.
    ///
    /// - Parameter wanted: what it is not when it cannot be read.
    func whole(
        _ response: HTTPClientResponse,
        limit: Int,
        wanted: String,
        watch: CallWatch,
        times: CallTimes
    ) async throws -> (json: JSON, bytes: [UInt8]) {
        var bytes: [UInt8] = []
        for try await buffer in response.body {
            watch.enter(.idle, for: times.idle)
            guard bytes.count + buffer.readableBytes <= limit else {
                throw CallFailure(.cut, "the answer is longer than \(limit) bytes")
            }
            bytes.append(contentsOf: buffer.readableBytesView)
        }
        let json = try Self.json(
            bytes,
            wanted: wanted,
            type: response.headers.first(name: "content-type") ?? "",
            headers: response.headers
        )
        return (json, bytes)
    }

    /// An answer in one piece, read. Throws what it means when it is none, or an error in the place of one.
    static func json(
        _ bytes: [UInt8],
        wanted: String,
        type: String,
        headers: HTTPHeaders
    ) throws(CallFailure) -> JSON {
        guard let json = try? JSON(parsing: bytes) else {
            let found = type.isEmpty ? "has no type" : "is \(type.lowercased().prefix(80))"
            throw CallFailure(
                .badRequest,
                "the answer is no \(wanted): it \(found). Is the base URL right?",
                status: 200
            )
        }
        if ErrorBody.isError(json) {
            throw Classification.failure(
                status: 200,
                body: ErrorBody(json),
                headers: AnswerHeaders(headers, now: Self.now),
                now: Self.now
            )
        }
        return json
    }

    private static func isPlain(_ response: HTTPClientResponse) throws(CallFailure) {
        if let failure = compressed(response.headers) { throw failure }
    }

    static func compressed(_ headers: HTTPHeaders) -> CallFailure? {
        guard let coding = headers.first(name: "content-encoding"), !["", "identity"].contains(coding.lowercased())
        else {
            return nil
        }
        return CallFailure(
            .badRequest,
            "the answer is compressed (\(coding.prefix(40))), which was not asked for: something in front of the provider does it",
            status: 200
        )
    }

    /// The failure that an error response tells of. A body that does not end in time is as good as none.
    private func refusal(
        _ response: HTTPClientResponse,
        times: CallTimes,
        watch: CallWatch,
        progress: AttemptProgress
    ) async -> CallFailure {
        let status = Int(response.status.code)
        let headers = answerHeaders(response)
        progress.refusal = Classification.failure(status: status, body: ErrorBody(), headers: headers, now: Self.now)
        watch.enter(.end, for: min(times.idle, times.afterwards))
        var bytes: [UInt8] = []
        do {
            for try await buffer in response.body {
                bytes.append(contentsOf: buffer.readableBytesView.prefix(Self.errorLimit - bytes.count))
                if bytes.count >= Self.errorLimit { break }
            }
        } catch {
            // What has come so far tells enough.
        }
        return Classification.failure(status: status, body: ErrorBody(bytes), headers: headers, now: Self.now)
    }

    func answerHeaders(_ response: HTTPClientResponse) -> AnswerHeaders {
        AnswerHeaders(response.headers, now: Self.now)
    }
}
