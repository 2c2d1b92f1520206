internal import AsyncHTTPClient
internal import ChannelHTTP
internal import FoundationEssentials
internal import Glibc
internal import IPCControl
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Runtime
internal import Synchronization

/// The one HTTP client of this worker. The token stands in a header that is never printed.
final class DiscordAPI: Sendable {
    /// Discord wants an address and a version. No name of a host that is not ours.
    static let userAgent = "DiscordBot (https://clawhold.invalid, \(Build.version))"

    private let client: HTTPClient
    private let group: any EventLoopGroup
    private let base: String
    private let token: String
    private let limits = Mutex(RateLimits())
    /// The host that REST calls go to: files may be fetched from it too.
    let host: String

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
        client = HTTPClient(eventLoopGroup: group, configuration: configuration)
        self.group = group
        base = root + "/api/v10"
        host = Self.authority(root)
        self.token = token
    }

    /// The end, for tests: a client must not be forgotten unclosed.
    func shutdown() async {
        // What fails now has no consequence.
        try? await client.shutdown()
    }

    /// `host:port` of an address, without its scheme and path.
    static func authority(_ url: String) -> String {
        let parts = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        return parts.count >= 3 ? parts[2].lowercased() : ""
    }

    /// Makes a call and gives back the JSON of a good answer (`null` for an empty one).
    ///
    /// Waits for its place within the limits and tries again what Discord asks to be tried again, both for at most
    /// `patience` in all; longer waits are the caller's, as `.tooMany`.
    func call(_ call: DiscordCall, patience: Duration = .seconds(5)) async -> Result<JSON, CallFailure> {
        let deadline = ContinuousClock.now + patience
        var tries = 0
        while true {
            if let pause = limits.withLock({ $0.admit(call.route, isFree: call.isFree, at: .now) }) {
                guard ContinuousClock.now + pause <= deadline else {
                    return .failure(.tooMany(after: pause, isGlobal: false))
                }
                do { try await Task.sleep(for: pause) } catch { return .failure(.unreached("cancelled")) }
                continue
            }
            tries += 1
            let result = await once(call)
            guard case .failure(.tooMany(let pause, _)) = result, tries < 3, ContinuousClock.now + pause <= deadline
            else { return result }
            do { try await Task.sleep(for: pause) } catch { return result }
        }
    }

    private func once(_ call: DiscordCall) async -> Result<JSON, CallFailure> {
        var request = HTTPClientRequest(url: base + call.path)
        request.method = call.method
        request.headers.add(name: "authorization", value: "Bot \(token)")
        request.headers.add(name: "user-agent", value: Self.userAgent)
        switch call.body {
        case .none:
            // Discord refuses a POST or PUT that does not say how long it is.
            if call.method != .GET, call.method != .DELETE { request.body = .bytes(ByteBuffer()) }
        case .json(let json):
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: json.encoded()))
        case .form(let form):
            request.headers.add(name: "content-type", value: form.contentType)
            request.body = .stream(form.parts, length: .known(form.length))
        }
        let prepared = request
        do {
            return try await TimeLimit.run(call.timeout, on: group.any()) {
                try await self.exchange(prepared, call.route)
            }
        } catch is TimeLimit.Exceeded {
            return .failure(.unknown("no answer within \(call.timeout)"))
        } catch let error as MediaError {
            return .failure(.unreached(error.description))
        } catch {
            return .failure(failure(error))
        }
    }

    private func exchange(_ request: HTTPClientRequest, _ route: String) async throws -> Result<JSON, CallFailure> {
        let response = try await client.execute(request, deadline: .distantFuture)
        var bytes: [UInt8] = []
        for try await part in response.body {
            guard bytes.count + part.readableBytes <= DiscordLimits.answerBytes else {
                return .failure(.unknown("an answer longer than \(DiscordLimits.answerBytes) bytes"))
            }
            bytes.append(contentsOf: part.readableBytesView)
        }
        let status = Int(response.status.code)
        let body = bytes.isEmpty ? JSON.null : try? JSON(parsing: bytes)
        let notice = Self.notice(response.headers, body)
        let isGlobal =
            body?["global"]?.bool ?? (response.headers.first(name: "x-ratelimit-global") != nil)
        limits.withLock { $0.record(route, status: status, notice, isGlobal: isGlobal, at: .now) }
        guard (200..<300).contains(status) else {
            // Without JSON a 429 comes from the wall in front of Discord: it wants more patience.
            let after = notice.retryAfter ?? (body == nil ? .seconds(60) : nil)
            return .failure(CallFailure(status: status, body: body, after: after))
        }
        guard let body else { return .failure(.unknown("an answer that is not JSON")) }
        return .success(body)
    }

    private static func notice(_ headers: HTTPHeaders, _ body: JSON?) -> RateLimits.Notice {
        func seconds(_ name: String) -> Duration? {
            headers.first(name: name).flatMap { CallFailure.pause(.string($0)) }
        }
        return RateLimits.Notice(
            bucket: headers.first(name: "x-ratelimit-bucket").map { String($0.prefix(64)) },
            remaining: headers.first(name: "x-ratelimit-remaining").flatMap { Int($0) },
            resetAfter: seconds("x-ratelimit-reset-after"),
            scope: headers.first(name: "x-ratelimit-scope"),
            retryAfter: CallFailure.pause(body?["retry_after"]) ?? seconds("retry-after")
        )
    }

    /// Fetches a file, whose address was checked, without the token. `body` gets the head, then piece by piece.
    func download(
        _ url: String,
        head: @Sendable (HTTPHeaders) throws -> Void,
        chunk: @Sendable (ByteBuffer) async throws -> Void
    ) async throws -> HTTPResponseStatus {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "user-agent", value: Self.userAgent)
        let response = try await client.execute(request, deadline: .now() + .seconds(110))
        guard response.status == .ok else { return response.status }
        try head(response.headers)
        for try await part in response.body { try await chunk(part) }
        return .ok
    }

    /// Whether a request can have left when this error came. In doubt it did.
    private func failure(_ error: any Error) -> CallFailure {
        let lost = LostRequest(error, token: token)
        return lost.isUnsent ? .unreached(lost.words) : .unknown(lost.words)
    }
}
