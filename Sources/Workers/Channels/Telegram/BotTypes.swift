internal import FoundationEssentials

/// The parts of the Bot API's objects that this worker reads. Unknown fields are skipped, absent ones are nil.
///
/// Names are the API's (`message_id`), in camel case.
enum Bot {
    /// Decodes one of these from the API's JSON.
    static func decode<Value: Decodable>(_ type: Value.Type, from bytes: some Sequence<UInt8>) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: Data(bytes))
    }

    struct User: Decodable, Equatable, Sendable {
        var id: Int64
        var isBot: Bool?
        var firstName: String?
        var lastName: String?
        var username: String?

        /// First and last name, as people read it.
        var name: String {
            [firstName, lastName].compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: " ")
        }
    }

    struct Chat: Decodable, Sendable {
        var id: Int64
        /// `private`, `group`, `supergroup`, `channel`.
        var type: String
        var title: String?
        var username: String?
        var isForum: Bool?
    }

    struct Entity: Decodable, Sendable {
        var type: String
        /// In UTF-16 units, as is `length`.
        var offset: Int
        var length: Int
        var url: String?
        var user: User?
    }

    struct Message: Decodable, Sendable {
        var messageId: Int64
        var messageThreadId: Int64?
        var isTopicMessage: Bool?
        var from: User?
        var senderChat: Chat?
        var date: Int64
        var chat: Chat
        var text: String?
        var caption: String?
        var entities: [Entity]?
        var captionEntities: [Entity]?
        var replyToMessage: Repliable?
        var migrateToChatId: Int64?
        var migrateFromChatId: Int64?
        var photo: Present?
        var video: Present?
        var videoNote: Present?
        var voice: Present?
        var audio: Present?
        var document: Present?
        var sticker: Present?
        var location: Present?
        var contact: Present?
        var poll: Present?
        var dice: Present?

        /// What it carries besides words, as a person would say it; nil for none that we know.
        var media: String? {
            let kinds: [(Present?, String)] = [
                (photo, "a photo"), (video, "a video"), (videoNote, "a video note"), (voice, "a voice message"),
                (audio, "an audio file"), (document, "a file"), (sticker, "a sticker"), (location, "a location"),
                (contact, "a contact"), (poll, "a poll"), (dice, "a dice"),
            ]
            return kinds.first { $0.0 != nil }?.1
        }
    }

    /// A part of which only its presence counts.
    struct Present: Decodable, Sendable {
        init(from decoder: any Decoder) {}
    }

    /// A message that another one answers: only what mention detection needs.
    struct Repliable: Decodable, Sendable {
        var messageId: Int64
        var from: User?
    }

    struct WebhookInfo: Decodable, Sendable {
        var url: String?
    }

    struct SentMessage: Decodable, Sendable {
        var messageId: Int64
    }

    /// Every answer: `{ok:true,result}` or `{ok:false,error_code,description,parameters}`.
    struct Answer<Result: Decodable>: Decodable {
        var ok: Bool
        var result: Result?
        var errorCode: Int?
        var description: String?
        var parameters: Parameters?
    }

    struct Parameters: Decodable, Sendable {
        var retryAfter: Int?
        var migrateToChatId: Int64?
    }
}
