internal import AsyncHTTPClient
internal import Config
package import Failover
internal import IPCHub
internal import NIOCore
internal import NIOHTTP1
package import Runtime
internal import Synchronization

extension Upstream: RelayAttempts {
    /// Longest answer in one piece that is relayed.
    static let relayWholeLimit = 16 * 1024 * 1024

    package func relayFormat(_ path: String) -> RelayFormat? {
        guard let format = RelayFormat(rawValue: path) else { return nil }
        return dialect.relays(format) ? format : nil
    }

    package func relay(
        _ call: RelayCall,
        _ format: RelayFormat,
        with key: ProviderKey,
        limit: Duration,
        into answer: RelayAnswer,
        first: @escaping @Sendable () -> Void,
        ended: @escaping @Sendable (AttemptReport) -> Void
    ) async -> AttemptReport? {
        guard let body = RelayBody(call.body), let address = connections.address else {
            let words =
                connections.address == nil ? "\(ProviderConnections.BadAddress())" : "the body is no JSON object"
            return AttemptReport(.failed(CallFailure(connections.address == nil ? .unreachable : .badRequest, words)))
        }
        let hidesCounts = format == .chat && body.isStream && !body.hasStreamOptions && dialect.relayAsksForUsage
        let pieces = body.pieces(model: call.request.model, asksForUsage: hidesCounts)
        var wire = WireRequest(
            path: dialect.relayPath(format),
            headers: dialect.relayHeaders(call.request.headers.map { ($0.name, $0.value) }),
            body: .pieces(pieces)
        )
        wire.form = body.isStream ? .events : .whole
        var headers = headers(wire, key: key)
        headers.replaceOrAdd(name: "host", value: address.authority)
        headers.replaceOrAdd(name: "content-length", value: String(pieces.reduce(0) { $0 + $1.count }))
        let request = RelayAttempt.Request(
            head: HTTPRequestHead(version: .http1_1, method: .POST, uri: address.path + wire.path, headers: headers),
            body: Self.joined(pieces),
            isStream: body.isStream,
            redaction: redaction(key)
        )
        let reader = dialect.relayReader(format, model: call.request.model)
        let running = NIOLoopBoundBox<RelayAttempt?>.makeEmptyBox(
            valueType: RelayAttempt.self,
            eventLoop: connections.loop
        )
        let loop = connections.loop
        let isCancelled = Mutex(false)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                answer.perform { output in
                    let attempt = RelayAttempt(
                        request,
                        delivery: RelayDelivery(reader: reader, format: format, hidesCounts: hidesCounts),
                        connections: connections,
                        times: times,
                        limit: limit,
                        into: output,
                        first: {
                            first()
                            continuation.resume(returning: nil)
                        },
                        finished: { report in
                            running.value = nil
                            if report.isCommitted { ended(report) } else { continuation.resume(returning: report) }
                        }
                    )
                    running.value = attempt
                    // A cancellation before this found nothing to cancel.
                    if isCancelled.withLock({ $0 }) { attempt.cancel() } else { attempt.begin() }
                }
            }
        } onCancel: {
            isCancelled.withLock { $0 = true }
            loop.execute { running.value?.cancel() }
        }
    }

    /// Small bodies in one write, large ones without a copy.
    private static func joined(_ pieces: [ArraySlice<UInt8>]) -> [ArraySlice<UInt8>] {
        let size = pieces.reduce(0) { $0 + $1.count }
        return size > 256 * 1024 ? pieces : [pieces.reduce(into: []) { $0 += $1 }[...]]
    }

    /// What of the provider's head concerns who asked.
    static func relayHead(_ response: HTTPResponseHead) -> HubRelayHead {
        let names = ["content-type", "request-id", "x-request-id", "openai-processing-ms", "openai-version"]
        var head = HubRelayHead()
        head.status = UInt32(response.status.code)
        for field in response.headers where head.headers.count < 32 {
            let name = field.name.lowercased()
            guard names.contains(name) || name.hasPrefix("x-ratelimit-") || name.hasPrefix("anthropic-ratelimit-")
            else {
                continue
            }
            var header = HubRelayHeader()
            (header.name, header.value) = (name, String(field.value.prefix(500)))
            head.headers.append(header)
        }
        return head
    }

    /// A connection that ends without a word, in the terms of the other client.
    static func closed(_ error: any Error) -> any Error {
        (error as? ChannelError) == .eof || error is HTTPParserError ? HTTPClientError.remoteConnectionClosed : error
    }
}
