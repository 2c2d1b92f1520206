internal import AsyncHTTPClient
internal import ChannelHTTP
internal import FoundationEssentials
internal import NIOCore
internal import NIOHTTP1
internal import Runtime

/// The HTTP client of this worker. It knows who asks, and never prints it.
final class ProviderHTTP: Sendable {
    /// Longest answer that is read.
    static let answerBytes = 1 << 20

    private let client: HTTPClient
    private let group: any EventLoopGroup
    private let authorization: String
    private let secret: String
    private let limit: Duration

    /// - Parameters:
    ///   - authorization: the header's value.
    ///   - secret: what may not stand in an error.
    init(authorization: String, secret: String, group: any EventLoopGroup, limit: Duration = .seconds(15)) {
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .seconds(5)
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        // Shorter than servers keep connections: a request on one that is just being closed would be in doubt for nothing.
        configuration.connectionPool.idleTimeout = .seconds(10)
        // What cannot be reached is said at once: it is certain then that nothing left, and retrying is ours to plan.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 32
        client = HTTPClient(eventLoopGroup: group, configuration: configuration)
        self.group = group
        self.authorization = authorization
        self.secret = secret
        self.limit = limit
    }

    func shutdown() async {
        // It is the end of the process; what fails now has no consequence.
        try? await client.shutdown()
    }

    static func basic(_ user: String, _ password: String) -> String {
        "Basic \(Data("\(user):\(password)".utf8).base64EncodedString())"
    }

    /// Makes a request; a good answer (2xx) is its body.
    func send(_ request: ProviderRequest) async -> Result<JSON, ProviderFailure> {
        do {
            return try await TimeLimit.run(limit, on: group.any()) { try await self.exchange(request) }
        } catch is TimeLimit.Exceeded {
            return .failure(.unknown("no answer within \(limit)"))
        } catch {
            let lost = LostRequest(error, token: secret)
            return .failure(lost.isUnsent ? .unsent(lost.words) : .unknown(lost.words))
        }
    }

    private func exchange(_ request: ProviderRequest) async throws -> Result<JSON, ProviderFailure> {
        var message = HTTPClientRequest(url: request.url)
        message.method = HTTPMethod(rawValue: request.method.rawValue)
        message.headers.add(name: "user-agent", value: "clawhold")
        message.headers.add(name: "accept", value: "application/json")
        message.headers.add(name: "authorization", value: authorization)
        if !request.contentType.isEmpty {
            message.headers.add(name: "content-type", value: request.contentType)
            message.body = .bytes(ByteBuffer(bytes: request.body))
        }
        let response = try await client.execute(message, deadline: .distantFuture)
        var bytes: [UInt8] = []
        for try await part in response.body {
            guard bytes.count + part.readableBytes <= Self.answerBytes else {
                return .failure(.unknown("an answer longer than \(Self.answerBytes) bytes"))
            }
            bytes.append(contentsOf: part.readableBytesView)
        }
        let json = (try? JSON(parsing: bytes)) ?? .null
        let status = Int(response.status.code)
        switch status {
        case 200..<300: return .success(json)
        case 429:
            let seconds = response.headers.first(name: "retry-after").flatMap { Int($0) } ?? 2
            return .failure(.tooMany(seconds: min(max(seconds, 1), 60)))
        case 400..<500: return .failure(.refused(status: status, words(json)))
        default: return .failure(.unknown("\(status) \(words(json))"))
        }
    }

    /// What a provider says in its error: Twilio's `message`, Telnyx' `errors`.
    private func words(_ json: JSON) -> String {
        let first = json["errors"]?.array?.first
        let text =
            json["message"]?.string ?? first?["detail"]?.string ?? first?["title"]?.string ?? "without a description"
        let code = json["code"]?.integer.map { "\($0): " } ?? ""
        return LostRequest.redacted(code + text, token: secret)
    }
}
