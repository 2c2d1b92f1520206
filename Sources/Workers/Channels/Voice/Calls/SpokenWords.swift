internal import FoundationEssentials
internal import IPCHub
internal import Runtime

/// What of a call goes into the journal: what was said, or that it was refused. Our own JSON, the `raw` of INBOUND.
struct SpokenWords: Codable, Sendable, Equatable {
    var version = 1
    var callId: String
    var providerCallId: String
    var direction: CallRecord.Direction
    /// Who is at the other end, E.164 where there is a number.
    var number: String
    /// What tells this utterance from others of the call.
    var turn: String
    var text = ""
    /// Milliseconds since 1970.
    var at: Int64
    /// Why the call was refused, and what to set; nil: it was not.
    var refused: String?

    /// Longest text of one turn; what is beyond is cut.
    static let textBytes = 64 << 10

    var key: String { "voice-call:default:\(providerCallId):\(refused == nil ? turn : "refused")" }

    func encoded() -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Texts and integers: encoding them cannot fail.
        return Array((try? encoder.encode(self)) ?? Data())
    }

    /// Where an answer goes.
    struct Target: Codable, Equatable {
        var callId: String

        init(callId: String) { self.callId = callId }

        init?(decoding bytes: some Sequence<UInt8>) {
            guard let target = try? JSONDecoder().decode(Self.self, from: Data(bytes)) else { return nil }
            self = target
        }
    }

    /// Reads a journaled event.
    static func normalize(_ raw: [UInt8]) -> ChannelNormalization {
        guard raw.count <= 1 << 20, let words = try? JSONDecoder().decode(Self.self, from: Data(raw)),
            words.version == 1
        else { return .ignored("not of this worker's making: it cannot be read") }
        var message = HubChatMessage()
        message.chatType = .direct
        // Whoever hides the number shares no conversation with others who do.
        message.conversation = E164.isHidden(words.number) ? words.callId : E164.digits(words.number)
        message.conversationLabel = words.number
        message.senderID = words.number
        message.messageID = words.turn
        message.timestampMs = words.at
        if let refused = words.refused { return .refused(message, "the call was refused: \(refused)") }
        guard !words.text.isEmpty else { return .refused(message, "nothing was said") }
        message.text = words.text
        message.mentioned = true
        message.replyTarget = (try? JSONEncoder().encode(Target(callId: words.callId))) ?? Data()
        return .message(message)
    }
}
