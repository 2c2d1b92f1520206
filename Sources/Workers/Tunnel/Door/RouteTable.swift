internal import Config
internal import NIOCore
internal import NIOHTTP1

/// What is let through: listed paths, each to its own port of this machine; everything else is 404, as if it were not there.
/// Pure.
struct RouteTable: Sendable {
    let routes: [TunnelRoute]

    /// Bytes of a request's body.
    static let bodyBytes = 1 << 20

    enum Decision: Equatable {
        /// To the route with this index.
        case forward(Int)
        /// A probe of ours that came back: say this.
        case prove(String)
        case answer(HTTPResponseStatus, String)
    }

    /// - Parameter prove: the answer to a nonce that is ours and under way; nil otherwise.
    func decide(_ head: HTTPRequestHead, prove: (String) -> String?) -> Decision {
        let uri = head.uri
        guard uri.utf8.count <= 8192 else { return .answer(.uriTooLong, "too long") }
        // CONNECT and absolute forms are a proxy's, which this is not.
        guard uri.hasPrefix("/") else { return .answer(.badRequest, "bad request") }
        let path = uri.prefix { $0 != "?" && $0 != "#" }
        guard let index = index(of: path) else { return .answer(.notFound, "not found") }
        if head.method == .GET, let nonce = Self.nonce(uri), let answer = prove(nonce) { return .prove(answer) }
        if let length = head.headers.first(name: "content-length") {
            guard let bytes = Int(length), bytes >= 0 else { return .answer(.badRequest, "no such length") }
            guard bytes <= Self.bodyBytes else { return .answer(.payloadTooLarge, "too long") }
        }
        return .forward(index)
    }

    /// A connection that wants to become a WebSocket, on a route where it may.
    func isUpgrade(_ head: HTTPRequestHead, _ index: Int) -> Bool {
        routes.indices.contains(index) && routes[index].isTree && head.method == .GET
            && head.headers[canonicalForm: "upgrade"].contains { $0.lowercased() == "websocket" }
    }

    /// A head as it goes over the wire, what belongs to the connection included: it is the same connection from here on.
    static func head(of head: HTTPRequestHead) -> ByteBuffer {
        var text = "\(head.method.rawValue) \(head.uri) HTTP/1.1\r\n"
        for (name, value) in head.headers { text += "\(name): \(value)\r\n" }
        if !head.headers.contains(name: "x-forwarded-for") { text += "x-forwarded-for: unknown\r\n" }
        return ByteBuffer(string: text + "\r\n")
    }

    /// Exact matches go before trees, longer trees before shorter ones.
    func index(of path: some StringProtocol) -> Int? {
        if let exact = routes.firstIndex(where: { $0.path == path }) { return exact }
        return routes.indices
            .filter { routes[$0].isTree && Self.isBeneath(path, routes[$0].path) }
            .max { routes[$0].path.utf8.count < routes[$1].path.utf8.count }
    }

    private static func isBeneath(_ path: some StringProtocol, _ tree: String) -> Bool {
        tree == "/" || path.hasPrefix(tree + "/")
    }

    static let probeKey = "clawhold-probe"

    /// The nonce of `/path?clawhold-probe=<hex>`.
    static func nonce(_ uri: String) -> String? {
        guard let mark = uri.firstIndex(of: "?") else { return nil }
        for pair in uri[mark...].dropFirst().split(separator: "&") where pair.hasPrefix(probeKey + "=") {
            let value = pair.dropFirst(probeKey.utf8.count + 1)
            return value.utf8.count == 32 && value.allSatisfy(\.isHexDigit) ? String(value) : nil
        }
        return nil
    }

    /// The headers that belong to one connection and not to the request (RFC 9110, 7.6.1).
    static let hopByHop: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer",
        "transfer-encoding", "upgrade",
    ]

    /// What is handed on of a head. A provider says for whom it speaks; without that the target would take the request for
    /// one of this machine's own.
    static func forwarded(_ headers: HTTPHeaders) -> HTTPHeaders {
        let named = headers[canonicalForm: "connection"].map { $0.lowercased() }
        var kept = HTTPHeaders()
        for (name, value) in headers {
            let lower = name.lowercased()
            if hopByHop.contains(lower) || lower == "content-length" || named.contains(lower) { continue }
            kept.add(name: name, value: value)
        }
        if !kept.contains(name: "x-forwarded-for") { kept.add(name: "x-forwarded-for", value: "unknown") }
        return kept
    }

    /// The same for an answer.
    static func returned(_ headers: HTTPHeaders) -> HTTPHeaders {
        var kept = HTTPHeaders()
        for (name, value) in headers
        where !hopByHop.contains(name.lowercased()) || name.lowercased() == "content-length" {
            kept.add(name: name, value: value)
        }
        return kept
    }
}
