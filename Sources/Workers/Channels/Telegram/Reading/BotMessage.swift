extension Bot {
    /// A message of any kind. What is not needed to know who said what where is read leniently.
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
        var entities: Lenient<[Entity]>?
        var captionEntities: Lenient<[Entity]>?
        var mediaGroupId: String?
        var replyToMessage: Lenient<Answered>?
        var externalReply: Lenient<ExternalReply>?
        var quote: Lenient<Quote>?
        var forwardOrigin: Lenient<Origin>?
        var migrateToChatId: Int64?
        var migrateFromChatId: Int64?
        var files: MessageFiles
        var things: MessageThings
        var service: MessageService

        private enum CodingKeys: CodingKey {
            case messageId, messageThreadId, isTopicMessage, from, senderChat, date, chat, text, caption, entities
            case captionEntities, mediaGroupId, replyToMessage, externalReply, quote, forwardOrigin, migrateToChatId
            case migrateFromChatId
        }

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            messageId = try values.decode(Int64.self, forKey: .messageId)
            messageThreadId = try values.decodeIfPresent(Int64.self, forKey: .messageThreadId)
            isTopicMessage = try values.decodeIfPresent(Bool.self, forKey: .isTopicMessage)
            from = try values.decodeIfPresent(User.self, forKey: .from)
            senderChat = try values.decodeIfPresent(Chat.self, forKey: .senderChat)
            date = try values.decode(Int64.self, forKey: .date)
            chat = try values.decode(Chat.self, forKey: .chat)
            text = try values.decodeIfPresent(String.self, forKey: .text)
            caption = try values.decodeIfPresent(String.self, forKey: .caption)
            entities = try values.decodeIfPresent(Lenient.self, forKey: .entities)
            captionEntities = try values.decodeIfPresent(Lenient.self, forKey: .captionEntities)
            mediaGroupId = try values.decodeIfPresent(String.self, forKey: .mediaGroupId)
            replyToMessage = try values.decodeIfPresent(Lenient.self, forKey: .replyToMessage)
            externalReply = try values.decodeIfPresent(Lenient.self, forKey: .externalReply)
            quote = try values.decodeIfPresent(Lenient.self, forKey: .quote)
            forwardOrigin = try values.decodeIfPresent(Lenient.self, forKey: .forwardOrigin)
            migrateToChatId = try values.decodeIfPresent(Int64.self, forKey: .migrateToChatId)
            migrateFromChatId = try values.decodeIfPresent(Int64.self, forKey: .migrateFromChatId)
            files = try MessageFiles(from: decoder)
            things = try MessageThings(from: decoder)
            service = try MessageService(from: decoder)
        }
    }

    /// The message that another one answers.
    struct Answered: Decodable, Sendable {
        var messageId: Int64
        var from: User?
        var senderChat: Chat?
        var text: String?
        var caption: String?
        var forumTopicCreated: Present?
    }

    /// A message of another chat that is answered here.
    struct ExternalReply: Decodable, Sendable {
        var origin: Origin
        var messageId: Int64?
    }

    /// The part of an answered message that its answer is about.
    struct Quote: Decodable, Sendable {
        var text: String
    }

    /// Who wrote what is passed on.
    struct Origin: Decodable, Sendable {
        var senderUser: User?
        var senderUserName: String?
        var senderChat: Chat?
        var chat: Chat?
        var authorSignature: String?

        /// As people read it; "" when nothing is said.
        var words: String {
            if let senderUser { return senderUser.words }
            if let senderUserName, !senderUserName.isEmpty { return senderUserName }
            guard let place = senderChat ?? chat else { return "" }
            let name = place.title ?? place.username.map { "@\($0)" } ?? String(place.id)
            return authorSignature.map { "\(name) (\($0))" } ?? name
        }
    }
}
