internal import AsyncHTTPClient
package import NIOCore
internal import NIOHTTP1

/// Where OAuth requests go.
package protocol TokenEndpoint: Sendable {
    /// Throws when no answer came.
    func post(_ request: OAuthRequest) async throws -> (status: Int, body: [UInt8])
}

/// A login service at the other end of HTTPS. The client lives for one request: there is one in an hour.
package struct HTTPTokenEndpoint: TokenEndpoint {
    private let group: any EventLoopGroup
    private static let bodyLimit = 64 * 1024
    private static let timeLimit = TimeAmount.seconds(30)

    package init(group: any EventLoopGroup) { self.group = group }

    package func post(_ request: OAuthRequest) async throws -> (status: Int, body: [UInt8]) {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: .seconds(10), read: .seconds(20))
        configuration.httpVersion = .http1Only
        let client = HTTPClient(eventLoopGroup: group, configuration: configuration)
        var wire = HTTPClientRequest(url: request.url)
        wire.method = .POST
        wire.headers.add(name: "content-type", value: request.contentType)
        wire.headers.add(name: "accept", value: "application/json")
        wire.headers.add(name: "user-agent", value: "clawhold")
        wire.body = .bytes(request.body)
        do {
            let response = try await client.execute(wire, timeout: Self.timeLimit)
            let body = try await response.body.collect(upTo: Self.bodyLimit)
            try? await client.shutdown()  // its one request is over
            return (Int(response.status.code), Array(body.readableBytesView))
        } catch {
            try? await client.shutdown()
            throw error
        }
    }
}
