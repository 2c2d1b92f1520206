/// A stranger who wrote to the bot and waits for its owner's word.
package struct PairingRequest: Sendable, Equatable {
    /// The sender as the network numbers people.
    package var id: String
    /// Eight characters that the owner types.
    package var code: String
    /// Milliseconds since 1970.
    package var createdAt: Int64
    package var lastSeenAt: Int64
    /// What is known of the sender besides: `username`, `name`, `accountId`; and what we need for a later word to him.
    package var meta: [String: String]

    package init(id: String, code: String, createdAt: Int64, lastSeenAt: Int64, meta: [String: String]) {
        self.id = id
        self.code = code
        self.createdAt = createdAt
        self.lastSeenAt = lastSeenAt
        self.meta = meta
    }

    /// Where the sender can be answered, in hexadecimal; opaque.
    static let targetKey = "clawholdTarget"
    /// The event that made the request: when it is parsed once more the sender is answered once more.
    static let eventKey = "clawholdEvent"

    /// After this it is as if nobody had asked. Re-contact does not prolong it.
    static let lifetime: Int64 = 3_600_000
    /// Requests of one channel that wait at a time.
    static let most = 3

    package var expiresAt: Int64 { createdAt + Self.lifetime }

    /// What the operator is shown.
    package var shownMeta: [String: String] { meta.filter { $0.key != Self.targetKey && $0.key != Self.eventKey } }
}

/// The code that a stranger passes on.
enum PairingCode {
    /// Nothing that can be taken for something else: no I, O, 0, 1.
    private static let alphabet = Array("ABCDEFGHJKLMNPQRSTUVWXYZ23456789")
    static let length = 8

    /// From the system's generator, which is fit for secrets; none of those that wait.
    static func fresh(_ taken: Set<String>) -> String {
        var random = SystemRandomNumberGenerator()
        while true {
            let code = String((0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] })
            if !taken.contains(code) { return code }
        }
    }
}
