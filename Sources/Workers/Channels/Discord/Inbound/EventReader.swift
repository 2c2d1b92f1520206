internal import FoundationEssentials
internal import IPCHub
internal import Runtime

/// Parses journaled events: pure, the same result for the same bytes. Facts only: who may talk is the gateway's decision.
/// Everything is optional to it: what Discord left out or changed costs a fact, not the message.
struct EventReader: Sendable {
    /// `channel:discord:<account>`: the owner of the files.
    let owner: String

    /// Text of a reply that is told along.
    static let quoteLimit = 2000

    func read(_ raw: [UInt8]) -> ChannelNormalization {
        guard let envelope = try? JSON(parsing: raw), envelope["v"]?.integer == 1,
            let event = envelope["event"], event.object != nil
        else {
            return .ignored("an event that cannot be read: \(raw.count) bytes that are not as Discord describes them")
        }
        let reading = Reading(envelope: envelope, event: event, owner: owner)
        return switch envelope["type"]?.string {
        case "MESSAGE_CREATE"?: reading.message()
        case "INTERACTION_CREATE"?: reading.interaction()
        case "MESSAGE_REACTION_ADD"?: reading.reaction(removed: false)
        case "MESSAGE_REACTION_REMOVE"?: reading.reaction(removed: true)
        default: .ignored("an event that is neither a message, a command, a button nor a reaction")
        }
    }

    /// One event, with the names around it.
    struct Reading {
        let envelope: JSON
        let event: JSON
        let owner: String

        var botID: String { envelope["bot"]?["id"]?.string ?? "" }
        var channelID: String { event["channel_id"]?.string ?? "" }
        var guildID: String? { event["guild_id"]?.string }

        /// What all kinds have in common.
        func base(sender user: JSON?, member: JSON?) -> HubChatMessage {
            var message = HubChatMessage()
            let id = user?["id"]?.string ?? ""
            message.senderID = id
            message.senderUsername = user?["username"]?.string ?? ""
            message.senderName =
                [
                    member?["nick"]?.string, user?["global_name"]?.string, user?["username"]?.string,
                ].compactMap { $0 }.first { !$0.isEmpty } ?? id
            message.senderIsBot = user?["bot"]?.bool ?? false
            message.senderRoles = (member?["roles"]?.array ?? []).prefix(250).compactMap(\.string)
            place(&message)
            return message
        }

        private func place(_ message: inout HubChatMessage) {
            let channel = envelope["channel"] ?? event["channel"]
            // 1: a direct chat, 3: one of several people.
            let type = channel?["type"]?.integer ?? event["channel_type"]?.integer ?? (guildID == nil ? 1 : 0)
            let name = channel?["name"]?.string ?? ""
            guard let guildID else {
                message.chatType = type == 3 ? .group : .direct
                message.conversation = type == 3 ? channelID : message.senderID
                message.conversationLabel =
                    type == 3 ? (name.isEmpty ? "group \(channelID)" : name) : message.senderName
                if type == 3 {
                    message.place.channelID = channelID
                    message.place.channelName = name
                }
                return
            }
            message.chatType = .channel
            message.conversation = channelID
            let guild = envelope["guild"]?["name"]?.string ?? ""
            message.place.guildID = guildID
            message.place.guildName = guild
            message.place.channelID = channelID
            message.place.channelName = name
            message.place.topic = channel?["topic"]?.string ?? ""
            message.place.starter = envelope["starter"]?.string ?? ""
            let isThread = (10...12).contains(type)
            if isThread {
                message.thread = channelID
                message.place.parentID = channel?["parent"]?.string ?? channel?["parent_id"]?.string ?? ""
                message.place.parentName = envelope["parent"]?["name"]?.string ?? ""
                message.place.isOwnThread = !botID.isEmpty && channel?["owner"]?.string == botID
                if message.place.topic.isEmpty {
                    message.place.topic = envelope["parent"]?["topic"]?.string ?? ""
                }
            }
            let room = name.isEmpty ? "channel \(channelID)" : "#\(name)"
            message.conversationLabel = guild.isEmpty ? room : "\(guild) \(room)"
        }

        private var names: MessageText {
            var text = MessageText()
            for user in (event["mentions"]?.array ?? []).prefix(100) {
                guard let id = user["id"]?.string else { continue }
                text.users[id] =
                    [
                        user["member"]?["nick"]?.string, user["global_name"]?.string,
                        user["username"]?.string,
                    ].compactMap { $0 }.first { !$0.isEmpty }
            }
            text.users[botID] = envelope["bot"]?["name"]?.string
            for member in envelope["roles"]?.object?.members ?? [] { text.roles[member.key] = member.value.string }
            for member in envelope["channels"]?.object?.members ?? [] {
                text.channels[member.key] = member.value.string
            }
            return text
        }

        // MARK: Messages

        func message() -> ChannelNormalization {
            let author = event["author"]
            guard let senderID = author?["id"]?.string, !channelID.isEmpty else {
                return .ignored("a message without author or channel")
            }
            guard senderID != botID else { return .ignored("the bot's own message") }
            var message = base(sender: author, member: event["member"])
            let id = event["id"]?.string ?? ""
            message.messageID = id
            message.timestampMs = Snowflake.milliseconds(id)
            message.replyTarget = ReplyTarget(channel: channelID, message: id).encoded()
            if event["webhook_id"]?.string != nil { message.senderIsBot = true }
            let type = event["type"]?.integer ?? 0
            switch type {
            case 0, 19, 20, 23: break
            case 21: return .ignored("a note that repeats the first message of a thread")
            default:
                message.kind = .system
                message.text = SystemMessage.words(type, who: message.senderName, event)
                return .message(message)
            }
            return spoken(message)
        }

        private func spoken(_ start: HubChatMessage) -> ChannelNormalization {
            var message = start
            let text = names
            message.text = text.all(of: event)
            message.media = AttachmentList(owner: owner).media(
                of: event,
                channel: channelID,
                id: message.messageID
            )
            guard !message.text.isEmpty || !message.media.isEmpty else { return .ignored(withoutWords) }
            mentions(&message)
            reply(&message, text)
            if event["message_reference"]?["type"]?.integer == 1 {
                let from = event["message_reference"]?["channel_id"]?.string ?? ""
                message.forwardedFrom = text.channels[from].map { "#\($0)" } ?? "another channel"
            }
            return .message(message)
        }

        private var withoutWords: String {
            guild == nil
                ? "a message without words and files"
                : "a message without words and files; if its sender did write something, Discord withholds it: switch on "
                    + "MESSAGE CONTENT INTENT at \(CloseMeaning.portal) → the application → Bot → Privileged Gateway Intents"
        }

        private var guild: String? { guildID }

        private func mentions(_ message: inout HubChatMessage) {
            let people = (event["mentions"]?.array ?? []).prefix(100).compactMap { $0["id"]?.string }
            let roles = (event["mention_roles"]?.array ?? []).prefix(100).compactMap(\.string)
            let ownRole = envelope["guild"]?["own_role"]?.string
            let answered = event["referenced_message"]?["author"]?["id"]?.string
            let names = people.contains(botID) || roles.contains { $0 == ownRole }
            message.mentioned = names || (answered == botID && !botID.isEmpty)
            message.mentionsOthers =
                !message.mentioned && (people.contains { $0 != botID } || roles.contains { $0 != ownRole })
        }

        private func reply(_ message: inout HubChatMessage, _ text: MessageText) {
            guard let answered = event["referenced_message"], answered.object != nil,
                event["message_reference"]?["type"]?.integer ?? 0 == 0
            else { return }
            let author = answered["author"]
            message.reply.messageID = answered["id"]?.string ?? ""
            message.reply.sender =
                [author?["global_name"]?.string, author?["username"]?.string].compactMap { $0 }
                .first { !$0.isEmpty } ?? ""
            message.reply.isOwn = author?["id"]?.string == botID
            var words = text.all(of: answered)
            if words.isEmpty, answered["attachments"]?.array?.isEmpty == false { words = "[a file]" }
            message.reply.text = String(words.prefix(EventReader.quoteLimit))
        }

        // MARK: Reactions

        func reaction(removed: Bool) -> ChannelNormalization {
            guard let user = event["user_id"]?.string, !channelID.isEmpty else {
                return .ignored("a reaction without a person or a channel")
            }
            let member = event["member"]
            var message = base(sender: member?["user"] ?? ["id": .string(user)], member: member)
            if guildID == nil, message.chatType == .direct { message.conversation = user }
            let id = event["message_id"]?.string ?? ""
            let emoji = event["emoji"]
            let name = emoji?["name"]?.string ?? "something"
            let sign = emoji?["id"]?.string == nil ? name : ":\(name):"
            message.kind = .reaction
            message.messageID = id
            message.reply.messageID = id
            message.reply.isOwn =
                (!botID.isEmpty && event["message_author_id"]?.string == botID)
                || envelope["own"]?.bool == true
            message.text =
                removed
                ? "\(message.senderName) took the reaction \(sign) from message \(id) away"
                : "\(message.senderName) reacted with \(sign) to message \(id)"
            message.replyTarget = ReplyTarget(channel: channelID, message: id).encoded()
            return .message(message)
        }

        // MARK: Commands and buttons

        func interaction() -> ChannelNormalization {
            let member = event["member"]
            guard let user = member?["user"] ?? event["user"], let token = event["token"]?.string,
                let id = event["id"]?.string, !channelID.isEmpty
            else { return .ignored("a command or button without a person, a channel or a token") }
            var message = base(sender: user, member: member)
            let data = event["data"]
            let isCommand: Bool
            switch event["type"]?.integer {
            case 2?:
                isCommand = true
                message.kind = .command
                message.text = Self.typed(data)
            case 3?:
                isCommand = false
                message.kind = .button
                message.text = ButtonData.data(of: data?["custom_id"]?.string ?? "")
                let values = (data?["values"]?.array ?? []).prefix(25).compactMap(\.string)
                if !values.isEmpty { message.text += " " + values.joined(separator: " ") }
                message.messageID = event["message"]?["id"]?.string ?? ""
                message.reply.messageID = message.messageID
                message.reply.isOwn = true
            default: return .ignored("an interaction that is neither a command nor a button")
            }
            message.mentioned = true
            message.timestampMs = Snowflake.milliseconds(id)
            let application =
                event["application_id"]?.string ?? envelope["bot"]?["application"]?.string ?? ""
            message.replyTarget =
                ReplyTarget(
                    channel: channelID,
                    message: message.messageID.isEmpty ? nil : message.messageID,
                    interaction: .init(
                        application: application,
                        token: token,
                        made: message.timestampMs,
                        isDeferred: isCommand
                    )
                ).encoded()
            return .message(message)
        }

        /// The command as one would type it: `/name sub value value`.
        private static func typed(_ data: JSON?) -> String {
            var words = ["/" + (data?["name"]?.string ?? "")]
            var options = data?["options"]?.array ?? []
            // 1 and 2: a subcommand and a group of them, which bring options of their own.
            while let first = options.first, [1, 2].contains(first["type"]?.integer), words.count < 4 {
                words.append(first["name"]?.string ?? "")
                options = first["options"]?.array ?? []
            }
            for option in options.prefix(25) {
                switch option["value"] {
                case .string(let text)?, .number(let text)?: words.append(text)
                case .integer(let number)?: words.append(String(number))
                case .bool(let value)?: words.append(value ? "true" : "false")
                case .null?, .array?, .object?, nil: break
                }
            }
            return words.joined(separator: " ")
        }
    }
}
