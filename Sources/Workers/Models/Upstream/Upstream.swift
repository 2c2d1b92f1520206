package import Config
internal import Failover
internal import FoundationEssentials
internal import IPCHub
package import Logging
internal import NIOHTTP1
internal import Runtime

/// A provider at the other end of HTTP: makes single attempts, in whatever dialect it is given.
///
/// One attempt is one request. Its phases have deadlines of their own, nothing of an answer goes on before its first word or
/// call (until then another key or model can take over without anybody seeing it), and its report is made whatever happens.
package struct Upstream: ProviderAttempts {
    package let client: ProviderClient
    /// For requests that are passed through.
    package let connections: ProviderConnections
    package let dialect: any Dialect
    package let baseURL: String
    /// The operator's own; they stand over the dialect's.
    package let extraHeaders: [(name: String, value: String)]
    package let times: CallTimes
    let log: Logger
    /// Models that think before they speak: they have twice the time for their first word.
    let slowModels: Set<String>

    /// Longest error body that is read.
    static let errorLimit = 64 * 1024
    /// Longest answer in one piece.
    static let wholeLimit = 4 * 1024 * 1024
    /// Most bytes of what a model thinks that are kept back until it says something; what is beyond is not shown.
    static let thinkingLimit = 1 << 20

    package init(
        client: ProviderClient,
        connections: ProviderConnections,
        dialect: any Dialect,
        config: ProviderConfig,
        times: CallTimes? = nil,
        log: Logger
    ) {
        self.client = client
        self.connections = connections
        self.dialect = dialect
        baseURL = config.baseURL
        extraHeaders = config.headers.filter { Self.isSafe($0.key) && Self.isSafe($0.value) }
            .sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        self.times = times ?? CallTimes(config)
        self.log = log
        slowModels = Set(config.models.filter(\.isReasoning).map(\.id))
    }

    package func shed() async {
        connections.shed()
        await client.shed()
    }

    private static func isSafe(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }

    /// Everything that must not be seen in a cause.
    func redaction(_ key: ProviderKey) -> Redaction {
        Redaction([key.account] + extraHeaders.map(\.value), key: key.value)
    }

    /// The headers of a request, the operator's own last. Betas add up, everything else is as the operator says.
    func headers(_ request: WireRequest, key: ProviderKey) -> HTTPHeaders {
        var headers = HTTPHeaders([("content-type", request.contentType), ("user-agent", "clawhold")])
        headers.add(name: "accept", value: request.form == .events ? "text/event-stream" : "application/json")
        func put(_ name: String, _ value: String) {
            let beta = name.lowercased() == "anthropic-beta" ? headers.first(name: name) : nil
            headers.replaceOrAdd(name: name, value: beta.map { "\($0),\(value)" } ?? value)
        }
        for (name, value) in request.headers where Self.isSafe(value) { put(name, value) }
        for (name, value) in dialect.authentication(key) where Self.isSafe(value) { put(name, value) }
        for (name, value) in extraHeaders { put(name, value) }
        return headers
    }

    /// The times of one call: a model that thinks has longer for its first word.
    func times(for call: ModelCall) -> CallTimes {
        var times = times
        let thinks = !["", "off"].contains(call.request.thinking) || slowModels.contains(call.request.model)
        if thinks { times.firstContent += times.firstContent }
        return times
    }

    static var now: Int64 { Int64(clamping: Int(Date().timeIntervalSince1970)) }
}
