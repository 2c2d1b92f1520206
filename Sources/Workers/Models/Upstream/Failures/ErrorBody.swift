internal import Failover
package import Runtime

/// What a provider's error says, whatever the shape of its body.
///
/// Shapes: Anthropic's and OpenAI's `{"error": {"type", "code", "message", …}}`, Google's `{"error": {"code", "status",
/// "details"}}` (also as the only element of an array), Mistral's flat `{"type", "code", "message"}`, OpenAI's flat event of the
/// Responses API, its `{"response": {"error": …}}`, and servers that write `{"error": "words"}` or `{"detail": "words"}`.
package struct ErrorBody: Sendable, Equatable {
    /// From the most to the least particular: sub-code, code, Google's status and reasons, type.
    package var codes: [String] = []
    /// A number where others put a word: Google and OpenRouter repeat the HTTP status here.
    package var statusCode = 0
    package var message = ""
    /// Google's RetryInfo, as written: "34.4s".
    package var retryDelay = ""
    /// Google's QuotaFailure: names of the quotas that are used up.
    package var quotas: [String] = []
    package var requestID = ""

    /// In scalars, as the other bounds of this file.
    package static let messageLimit = 600

    package init() {}

    /// A body that is no JSON is its own message.
    package init(_ bytes: some Collection<UInt8>) {
        self.init()
        if let json = try? JSON(parsing: bytes) {
            self = ErrorBody(json)
        } else {
            message = Self.plain(bytes)
        }
    }

    package init(_ json: JSON) {
        self.init()
        let root = json.array?.first ?? json
        let response = root["response"]
        var error = root["error"] ?? response?["error"]
        if error == .null { error = nil }
        requestID = root["request_id"]?.string ?? ""
        guard let error else {
            // Flat, or no error at all.
            read(root)
            if message.isEmpty { message = Self.words(root["detail"]) }
            return
        }
        if let text = error.string {
            message = text
            add(root["code"])
            add(root["type"])
        } else {
            read(error)
            if codes.isEmpty { add(root["code"]) }
        }
        message = message.prefix(scalars: Self.messageLimit)
    }

    /// Whether `json`, an event of a stream, is an error and not a part of the answer.
    package static func isError(_ json: JSON) -> Bool {
        guard let error = (json.array?.first ?? json)["error"] else { return false }
        return error.object?.members.isEmpty == false || error.string?.isEmpty == false
    }

    private mutating func read(_ error: JSON) {
        add(error["details"]?["error_code"])
        add(error["code"])
        for detail in (error["details"]?.array ?? []).prefix(20) {
            add(detail["reason"])
            if let delay = detail["retryDelay"]?.string { retryDelay = delay.prefix(scalars: 40) }
            for violation in (detail["violations"]?.array ?? []).prefix(20) {
                if let quota = violation["quotaId"]?.string { quotas.append(quota.prefix(scalars: 120)) }
            }
        }
        add(error["status"])
        add(error["type"])
        message = Self.words(error["message"])
        // OpenRouter passes on what its upstream said.
        if let raw = error["metadata"]?["raw"]?.string, !raw.isEmpty {
            message += message.isEmpty ? raw.prefix(scalars: 300) : " (\(raw.prefix(scalars: 300)))"
        }
        message = message.prefix(scalars: Self.messageLimit)
    }

    private mutating func add(_ value: JSON?) {
        if let text = value?.string, !text.isEmpty {
            if let number = Int(text), (400...599).contains(number) {
                statusCode = number
            } else if !codes.contains(text), codes.count < 16 {
                codes.append(text.prefix(scalars: 100))
            }
        } else if let number = value?.integer, (400...599).contains(number) {
            statusCode = Int(number)
        }
    }

    private static func words(_ value: JSON?) -> String {
        if let text = value?.string { return text.prefix(scalars: messageLimit) }
        guard let value, value != .null else { return "" }
        return plain(value.encoded())
    }

    private static func plain(_ bytes: some Collection<UInt8>) -> String {
        String(decoding: bytes.prefix(300), as: UTF8.self)
    }
}
