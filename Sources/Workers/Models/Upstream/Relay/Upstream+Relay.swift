internal import AsyncHTTPClient
internal import Config
package import Failover
internal import IPCHub
internal import NIOCore
internal import NIOHTTP1
package import Runtime

extension Upstream: RelayAttempts {
    package func relayFormat(_ path: String) -> RelayFormat? {
        guard let format = RelayFormat(rawValue: path) else { return nil }
        return dialect.relays(format) ? format : nil
    }

    package func relay(
        _ call: RelayCall,
        _ format: RelayFormat,
        with key: ProviderKey,
        limit: Duration,
        receive: @escaping @Sendable (RelayPart) async throws -> Void
    ) async -> AttemptReport {
        let began = ContinuousClock.now
        let progress = AttemptProgress(began: began)
        let watch = CallWatch(times: times, overall: began + min(limit, times.total), on: client.loop)
        let delivering = RelaySlot()
        return await reported(progress, redaction: redaction(key)) {
            guard let body = RelayBody(call.body) else { throw CallFailure(.badRequest, "the body is no JSON object") }
            let hidesCounts = format == .chat && body.isStream && !body.hasStreamOptions && dialect.relayAsksForUsage
            var request = WireRequest(
                path: dialect.relayPath(format),
                headers: dialect.relayHeaders(call.request.headers.map { ($0.name, $0.value) }),
                body: Self.body(body.pieces(model: call.request.model, asksForUsage: hidesCounts))
            )
            request.form = body.isStream ? .events : .whole
            let expiry = try await watch.run { [request, isStream = body.isStream] in
                try await exchange(request, key: key, times: times, watch: watch, progress: progress) { response in
                    let delivery = RelayDelivery(
                        reader: dialect.relayReader(format, model: call.request.model),
                        format: format,
                        hidesCounts: hidesCounts,
                        head: Self.head(response),
                        progress: progress,
                        watch: watch,
                        times: times,
                        receive: receive
                    )
                    delivering.set(delivery)
                    try await pass(response, into: delivery, isStream: isStream, watch: watch)
                }
            }
            if let expiry {
                guard expiry.phase == .end else { throw expiry.failure }
                if let refusal = progress.refusal { throw refusal }
                try await delivering.delivery?.conclude()
            }
        }
    }

    /// Small bodies in one write, large ones without a copy.
    private static func body(_ pieces: [ArraySlice<UInt8>]) -> WireRequest.Body {
        let size = pieces.reduce(0) { $0 + $1.count }
        return size > 256 * 1024 ? .pieces(pieces) : .bytes(pieces.reduce(into: []) { $0 += $1 })
    }

    /// What of the provider's head concerns who asked.
    private static func head(_ response: HTTPClientResponse) -> RelayPart {
        let names = ["content-type", "request-id", "x-request-id", "openai-processing-ms", "openai-version"]
        let headers = response.headers.filter { field in
            let name = field.name.lowercased()
            return names.contains(name) || name.hasPrefix("x-ratelimit-") || name.hasPrefix("anthropic-ratelimit-")
        }
        return .head(
            status: UInt32(response.status.code),
            headers: headers.prefix(32).map { field in
                var header = HubRelayHeader()
                (header.name, header.value) = (field.name.lowercased(), String(field.value.prefix(500)))
                return header
            }
        )
    }

    private func pass(
        _ response: HTTPClientResponse,
        into delivery: RelayDelivery,
        isStream: Bool,
        watch: CallWatch
    ) async throws {
        let type = response.headers.first(name: "content-type")?.lowercased() ?? ""
        guard type.hasPrefix("text/event-stream") || (type.isEmpty && isStream) else {
            let wanted = isStream ? "event stream" : "JSON"
            let limit = Self.relayWholeLimit
            let found = try await whole(response, limit: limit, wanted: wanted, watch: watch, times: times)
            return try await delivery.take(whole: found.json, found.bytes)
        }
        do {
            for try await buffer in response.body { try await delivery.take(buffer.readableBytesView) }
        } catch let error where Self.isOfTransport(error) {
            // A connection that breaks behind a whole answer took nothing away.
            guard delivery.isFinished, !Task.isCancelled else { throw error }
        }
        try await delivery.conclude()
    }

    /// Longest answer in one piece that is relayed.
    static let relayWholeLimit = 16 * 1024 * 1024
}
