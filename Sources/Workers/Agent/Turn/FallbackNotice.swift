internal import IPCHub
internal import Runtime

/// That another model than the wanted one answered: said in front of the answer once per change, kept in the session under
/// OpenClaw's names (`fallbackNotice…`), shown by `/status`.
struct FallbackNotice: Equatable, Sendable {
    var wanted: String
    var answering: String
    /// "is overloaded".
    var reason: String

    init(wanted: String, answering: String, reason: String) {
        self.wanted = wanted
        self.answering = answering
        self.reason = reason
    }

    /// What the session was told last; nil when the wanted model answered.
    init?(_ entry: JSONObject) {
        guard let wanted = entry["fallbackNoticeSelectedModel"]?.string, !wanted.isEmpty,
            let answering = entry["fallbackNoticeActiveModel"]?.string, !answering.isEmpty
        else { return nil }
        self.init(wanted: wanted, answering: answering, reason: entry["fallbackNoticeReason"]?.string ?? "")
    }

    static func store(_ notice: FallbackNotice?, _ entry: inout JSONObject) {
        entry["fallbackNoticeSelectedModel"] = notice.map { .string($0.wanted) }
        entry["fallbackNoticeActiveModel"] = notice.map { .string($0.answering) }
        entry["fallbackNoticeReason"] = notice.map { .string($0.reason) }
    }

    /// Whether a person who was told `other` knows this already.
    func isKnown(to other: FallbackNotice?) -> Bool { other?.wanted == wanted && other?.answering == answering }

    var sentence: String { "(\(answering) answers: \(wanted) \(reason).)" }

    var statusLine: String { "\(answering) answered last, because \(wanted) \(reason)" }
}
