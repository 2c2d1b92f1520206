internal import FoundationEssentials

/// Where an answer goes: made when a message is parsed, kept by the gateway, given back with every chunk.
struct ReplyTarget: Codable, Equatable, Sendable {
    var chat: Int64
    /// The forum topic or thread; the general topic is 1.
    var thread: Int64?
    /// The message that is answered.
    var message: Int64?

    /// Groups have tighter limits; their numbers are negative.
    var isGroup: Bool { chat < 0 }

    func encoded() -> Data {
        // Encoding integers cannot fail.
        (try? JSONEncoder().encode(self)) ?? Data()
    }

    init?(decoding bytes: some Sequence<UInt8>) {
        guard let target = try? JSONDecoder().decode(Self.self, from: Data(bytes)) else { return nil }
        self = target
    }

    init(chat: Int64, thread: Int64? = nil, message: Int64? = nil) {
        self.chat = chat
        self.thread = thread
        self.message = message
    }
}
