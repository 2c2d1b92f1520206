internal import AsyncHTTPClient
internal import FoundationEssentials
internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// The one HTTP client of this worker and the bot's address, which holds the token: neither is ever printed.
final class BotAPI: Sendable {
    private let client: HTTPClient
    private let base: String
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
        client = HTTPClient(eventLoopGroup: group, configuration: configuration)
        base = "\(root)/bot\(token)/"
        self.token = token
    }

    func shutdown() async {
        // It is the end of the process; what fails now has no consequence.
        try? await client.shutdown()
    }

    /// Makes a call and decodes its result.
    func call<Value: Decodable & Sendable>(_ call: BotCall, _ type: Value.Type) async -> Result<Value, CallFailure> {
        switch await bytes(call) {
        case .failure(let failure): return .failure(failure)
        case .success(let bytes):
            guard let answer = try? Bot.decode(Bot.Answer<Value>.self, from: bytes), answer.ok,
                let result = answer.result
            else {
                return .failure(.unknown("\(call.method) was answered with something that is not the Bot API's JSON"))
            }
            return .success(result)
        }
    }

    /// Makes a call and gives back the bytes of a good answer (status 200), whole and at most
    /// `TelegramLimits.answerBytes` of them.
    func bytes(_ call: BotCall) async -> Result<[UInt8], CallFailure> {
        var request = HTTPClientRequest(url: base + call.method)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.headers.add(name: "user-agent", value: "clawhold")
        request.body = .bytes(ByteBuffer(bytes: call.body))
        let prepared = request
        do {
            return try await withThrowingTaskGroup(of: Result<[UInt8], CallFailure>?.self) { group in
                group.addTask { try await self.exchange(prepared) }
                group.addTask {
                    try await Task.sleep(for: call.timeout)
                    return nil
                }
                defer { group.cancelAll() }
                guard let first = try await group.next(), let result = first else {
                    return .failure(.unknown("no answer to \(call.method) within \(call.timeout)"))
                }
                return result
            }
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
        let words = redacted(String(describing: error))
        if error is NIOConnectionError || error is CancellationError { return .unreached(words) }
        // What a connect to an address without a name fails with. Unreachable hosts also end open connections: in doubt.
        if let error = error as? IOError, [ECONNREFUSED, EADDRNOTAVAIL].contains(error.errnoCode) {
            return .unreached(words)
        }
        switch error as? HTTPClientError {
        case .connectTimeout?, .tlsHandshakeTimeout?, .getConnectionFromPoolTimeout?, .invalidURL?, .emptyHost?:
            return .unreached(words)
        default: break
        }
        // A failed handshake sent no request; its type belongs to a module that only the HTTP client uses.
        if String(reflecting: type(of: error)).hasPrefix("NIOSSL"), words.hasPrefix("handshakeFailed") {
            return .unreached(words)
        }
        return .unknown(words)
    }

    /// `text` without the token and without line breaks, at most 300 characters.
    private func redacted(_ text: String) -> String {
        let flat = String(text.map { $0.isNewline ? " " : $0 }.prefix(300))
        return token.isEmpty
            ? flat : flat.split(separator: token, omittingEmptySubsequences: false).joined(separator: "<token>")
    }
}
