internal import AsyncHTTPClient
internal import ChannelHTTP
internal import FoundationEssentials
internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Runtime

/// The one HTTP client of this worker and the bot's address, which holds the token: neither is ever printed.
final class BotAPI: Sendable {
    private let client: HTTPClient
    private let group: any EventLoopGroup
    private let base: String
    private let fileBase: String
    private let token: String

    init(root: String, token: String, group: any EventLoopGroup) {
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .seconds(10)
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        // Shorter than servers keep connections: a request on a connection that is just being closed would leave a
        // message in doubt for nothing.
        configuration.connectionPool.idleTimeout = .seconds(10)
        // What cannot be reached is said at once: it is certain then that nothing left, and retrying is ours to plan.
        configuration.connectionPool.retryConnectionEstablishment = false
        // The poll holds one connection all the time, a server that hangs holds others: the next call has one of its own.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 32
        client = HTTPClient(eventLoopGroup: group, configuration: configuration)
        self.group = group
        base = "\(root)/bot\(token)/"
        fileBase = "\(root)/file/bot\(token)/"
        self.token = token
    }

    func shutdown() async {
        // It is the end of the process; what fails now has no consequence.
        try? await client.shutdown()
    }

    /// Makes a call and decodes its result.
    func call<Value: Decodable & Sendable>(_ call: BotCall, _ type: Value.Type) async -> Result<Value, CallFailure> {
        await bytes(call).flatMap { Self.decode($0, of: call.method) }
    }

    /// Makes a call and gives back the bytes of a good answer (status 200), whole and at most
    /// `TelegramLimits.answerBytes` of them.
    func bytes(_ call: BotCall) async -> Result<[UInt8], CallFailure> {
        var request = request(base + call.method, "application/json")
        request.body = .bytes(ByteBuffer(bytes: call.body))
        return await answer(request, to: call.method, within: call.timeout)
    }

    /// Sends a form with a file whose bytes come while it is sent. `length` is the body's, nil when it is not known.
    func upload(
        _ method: String,
        _ form: MultipartForm,
        length: Int64?,
        within time: Duration
    ) async -> Result<Bot.SentMessage, CallFailure> {
        var request = request(base + method, "multipart/form-data; boundary=\(form.boundary)")
        request.body = .stream(form, length: length.map { .known($0) } ?? .unknown)
        return await answer(request, to: method, within: time).flatMap { Self.decode($0, of: method) }
    }

    /// Reads a file, piece by piece. `path` comes from `getFile`.
    ///
    /// Throws `CallFailure`, what `piece` threw, or `CancellationError`.
    func download(_ path: String, _ piece: (ByteBuffer) async throws -> Void) async throws {
        var request = HTTPClientRequest(url: fileBase + path)
        request.headers.add(name: "user-agent", value: "clawhold")
        let response: HTTPClientResponse
        do {
            response = try await client.execute(request, timeout: .seconds(30))
        } catch {
            throw failure(error)
        }
        guard response.status.code == 200 else {
            throw CallFailure.refused(
                code: Int(response.status.code),
                description: "no file there",
                migratedTo: nil
            )
        }
        var body = response.body.makeAsyncIterator()
        while true {
            let next: ByteBuffer?
            do {
                next = try await body.next()
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                throw failure(error)
            }
            guard let next else { return }
            try await piece(next)
        }
    }

    private func request(_ url: String, _ contentType: String) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "content-type", value: contentType)
        request.headers.add(name: "user-agent", value: "clawhold")
        return request
    }

    private static func decode<Value: Decodable & Sendable>(
        _ bytes: [UInt8],
        of method: String
    ) -> Result<Value, CallFailure> {
        guard let answer = try? Bot.decode(Bot.Answer<Value>.self, from: bytes), answer.ok, let result = answer.result
        else { return .failure(.unknown("\(method) was answered with something that is not the Bot API's JSON")) }
        return .success(result)
    }

    private func answer(
        _ request: HTTPClientRequest,
        to method: String,
        within time: Duration
    ) async -> Result<[UInt8], CallFailure> {
        do {
            return try await TimeLimit.run(time, on: group.any()) { try await self.exchange(request) }
        } catch is TimeLimit.Exceeded {
            return .failure(.unknown("no answer to \(method) within \(time)"))
        } catch {
            return .failure(failure(error))
        }
    }

    private func exchange(_ request: HTTPClientRequest) async throws -> Result<[UInt8], CallFailure> {
        let response = try await client.execute(request, deadline: .distantFuture)
        var bytes: [UInt8] = []
        for try await part in response.body {
            bytes.append(contentsOf: part.readableBytesView.prefix(TelegramLimits.answerBytes + 1 - bytes.count))
            if bytes.count > TelegramLimits.answerBytes { return .failure(.tooLong(start: bytes)) }
        }
        guard response.status.code == 200 else {
            let answer = try? Bot.decode(Bot.Answer<Bot.Present>.self, from: bytes)
            return .failure(CallFailure(status: Int(response.status.code), answer: answer))
        }
        return .success(bytes)
    }

    /// Whether a request can have left when this error came. In doubt it did.
    private func failure(_ error: any Error) -> CallFailure {
        let lost = LostRequest(error, token: token)
        return lost.isUnsent ? .unreached(lost.words) : .unknown(lost.words)
    }
}
