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

        /// Name and handle, for a sentence: `Ada L (@ada)`.
        var words: String {
            let handle = username.map { "@\($0)" } ?? String(id)
            return name.isEmpty ? handle : "\(name) (\(handle))"
        }
    }

    /// What `getMe` says about the bot itself.
    struct Me: Decodable, Equatable, Sendable {
        var id: Int64
        var username: String?
        var canJoinGroups: Bool?
        var canReadAllGroupMessages: Bool?
        var supportsInlineQueries: Bool?

        var user: User { User(id: id, username: username) }
    }

    struct Chat: Decodable, Sendable {
        var id: Int64
        /// `private`, `group`, `supergroup`, `channel`.
        var type: String
        var title: String?
        var username: String?
        var isForum: Bool?

        var isDirect: Bool { type == "private" }
    }

    struct Entity: Decodable, Sendable {
        var type: String
        /// In UTF-16 units, as is `length`.
        var offset: Int
        var length: Int
        var url: String?
        var user: User?
    }

    /// A part of which only its presence counts.
    struct Present: Decodable, Sendable {
        init(from decoder: any Decoder) {}
    }

    /// A part that is passed over when it is not as the API describes it: the message around it still counts.
    struct Lenient<Value: Decodable & Sendable>: Decodable, Sendable {
        var value: Value?

        init(from decoder: any Decoder) {
            value = try? Value(from: decoder)  // what cannot be read is as good as absent
        }
    }

    struct WebhookInfo: Decodable, Sendable {
        var url: String?
        var hasCustomCertificate: Bool?
        var pendingUpdateCount: Int?
        var lastErrorMessage: String?
    }

    struct SentMessage: Decodable, Sendable {
        var messageId: Int64
    }

    struct ChatMember: Decodable, Sendable {
        var status: String
        var user: User?
    }

    /// Where a file can be fetched; `filePath` is relative to the file address.
    struct File: Decodable, Sendable {
        var filePath: String?
        var fileSize: Int64?
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
