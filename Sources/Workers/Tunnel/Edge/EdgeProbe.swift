internal import AsyncHTTPClient
internal import Config
internal import NIOCore
internal import NIOHTTP1

/// Asks for every listed path by its public address: the answer that only our own door can give has to come back.
struct EdgeProbe: Sendable {
    let door: Door
    let limit: TimeAmount

    init(door: Door, limit: TimeAmount = .seconds(10)) {
        self.door = door
        self.limit = limit
    }

    /// Nil when all came back; else what happened instead, in words.
    func failure(of base: String) async -> String? {
        for route in door.table.routes {
            if let failure = await failure(of: base, path: route.path) { return failure }
        }
        return nil
    }

    private func failure(of base: String, path: String) async -> String? {
        guard let (nonce, answer) = door.nonces.make() else { return "too many probes are under way" }
        defer { door.nonces.forget(nonce) }
        var request = HTTPClientRequest(url: "\(base)\(path)?\(RouteTable.probeKey)=\(nonce)")
        request.headers.add(name: "user-agent", value: "clawhold")
        // ngrok's free plan shows browsers a page of its own first.
        request.headers.add(name: "ngrok-skip-browser-warning", value: "1")
        do {
            let response = try await door.http.client.execute(request, timeout: limit)
            let body = try await response.body.collect(upTo: 16 * 1024)
            let text = String(decoding: body.readableBytesView, as: UTF8.self)
            if response.status == .ok, text == answer { return nil }
            let code = NgrokTrouble.code(in: text).map { " (ERR_NGROK_\($0))" } ?? ""
            return response.status == .ok
                ? "somebody else answers \(path)" : "\(path) is answered with \(response.status.code)\(code)"
        } catch is NIOTooManyBytesError {
            return "somebody else answers \(path)"
        } catch {
            return Self.words(error)
        }
    }

    static func words(_ error: any Error) -> String {
        switch error as? HTTPClientError {
        case .deadlineExceeded?, .readTimeout?, .connectTimeout?: "no answer in time"
        case .remoteConnectionClosed?: "the connection was closed"
        default: String("\(error)".prefix(200))
        }
    }
}
