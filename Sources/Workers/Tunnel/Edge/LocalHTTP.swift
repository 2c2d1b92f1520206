internal import AsyncHTTPClient
internal import Config
internal import NIOCore
internal import NIOHTTP1

/// The one HTTP client of this worker: for the provider's API on this machine, for probes through its edge, and for what the
/// door hands on.
final class LocalHTTP: Sendable {
    let client: HTTPClient

    init(group: any EventLoopGroup) {
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .seconds(10)
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        configuration.connectionPool.idleTimeout = .seconds(10)
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        client = HTTPClient(eventLoopGroup: group, configuration: configuration)
    }

    /// The body of a good answer, at most 256 KiB, within 5 s; nil otherwise.
    func get(_ url: String) async -> [UInt8]? {
        do {
            let response = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(5))
            guard response.status == .ok else { return nil }
            return Array(try await response.body.collect(upTo: 256 * 1024).readableBytesView)
        } catch {
            // Whoever asks tries again, and says what it is missing.
            return nil
        }
    }

    func shutdown() async {
        // It is the end of the process; what fails now has no consequence.
        try? await client.shutdown()
    }
}
