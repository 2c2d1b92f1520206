internal import FoundationEssentials
internal import IPCHub

/// Makes a chat message of one of Telegram's.
struct MessageReader {
    let message: Bot.Message
    let bot: Bot.User
    let owner: String
    let commands: Set<String>
    let seal: FileSeal

    var reading: UpdateReading {
        guard message.chat.type != "channel" else { return .ignored("a channel post: channels are not answered") }
        if let chat = message.migrateToChatId { return .message(migrated(to: chat)) }
        if message.migrateFromChatId != nil { return .ignored("a note that this group became a supergroup") }
        var result = framed
        let text = EntityText(message.text ?? message.caption ?? "", entities)
        result.text = words(text)
        result.media = files
        guard result.text.contains(where: { !$0.isWhitespace }) || !result.media.isEmpty else { return service }
        if let mediaGroup = message.mediaGroupId { result.album = String(mediaGroup.prefix(64)) }
        if let reply { result.reply = reply }
        result.forwardedFrom = message.forwardOrigin?.value?.words ?? ""
        result.mentioned = isMentioned(text)
        result.mentionsOthers = !result.mentioned && text.mentionsSomebody
        if let command = text.command(of: bot, known: commands), message.forwardOrigin == nil {
            result.kind = .command
            result.text = command
        }
        return .message(result)
    }

    /// Everything but the content.
    private var framed: HubChatMessage {
        var result = HubChatMessage()
        result.stand(in: message.chat, topic: message.chat.topic(of: message), answering: message.messageId)
        result.speak(as: message.from, for: message.senderChat)
        result.messageID = String(message.messageId)
        result.timestampMs = UpdateReader.milliseconds(message.date)
        return result
    }

    private var entities: [Bot.Entity]? {
        message.text == nil ? message.captionEntities?.value : message.entities?.value
    }

    private func words(_ text: EntityText) -> String {
        [text.expanded, message.things.words, unseenSticker].filter { !$0.isEmpty }.joined(separator: "\n")
    }

    // MARK: Files

    private var files: [HubMedia] {
        let files = message.files
        var result: [HubMedia] = []
        func add(_ file: MessageFiles.File?, _ kind: HubMedia.Kind, mime: String, name: String = "") {
            guard let file else { return }
            result.append(media(file, kind, mime: file.mimeType ?? mime, name: file.fileName ?? name))
        }
        add(files.largestPhoto, .image, mime: "image/jpeg")
        add(files.video?.value, .video, mime: "video/mp4")
        add(files.videoNote?.value, .video, mime: "video/mp4")
        add(files.voice?.value, .voice, mime: "audio/ogg")
        add(files.audio?.value, .audio, mime: "audio/mpeg", name: files.audio?.value?.title ?? "")
        // An animation comes a second time as a document, for clients that know no animations.
        if files.animation?.value != nil {
            add(files.animation?.value, .video, mime: "video/mp4")
        } else if let document = files.document?.value {
            let isImage = document.mimeType?.hasPrefix("image/") == true
            add(document, isImage ? .image : .file, mime: "")
        }
        if let sticker = files.sticker?.value, sticker.isPicture {
            let file = MessageFiles.File(fileId: sticker.fileId, fileSize: sticker.fileSize)
            result.append(media(file, .sticker, mime: "image/webp", name: sticker.emoji ?? ""))
        }
        return result
    }

    private func media(_ file: MessageFiles.File, _ kind: HubMedia.Kind, mime: String, name: String) -> HubMedia {
        var result = HubMedia()
        result.kind = kind
        result.owner = owner
        result.ref = .init(seal.ref(file.fileId))
        result.mime = String(mime.prefix(128))
        result.name = String(name.prefix(256))
        result.size = UInt64(exactly: file.fileSize ?? 0) ?? 0
        return result
    }

    /// What stands for an animated sticker, which is not fetched.
    private var unseenSticker: String {
        guard let sticker = message.files.sticker?.value, !sticker.isPicture else { return "" }
        return "[animated sticker\(sticker.emoji.map { " \($0)" } ?? "")]"
    }

    // MARK: Replies and mentions

    /// The message that is answered. In a topic every message answers the one that opened it; that one is left out.
    private var answered: Bot.Answered? {
        guard let answered = message.replyToMessage?.value, answered.forumTopicCreated == nil,
            message.isTopicMessage != true || answered.messageId != message.messageThreadId
        else { return nil }
        return answered
    }

    private var reply: HubReplyContext? {
        var result = HubReplyContext()
        if let answered {
            result.messageID = String(answered.messageId)
            result.sender = answered.senderChat.map { $0.title ?? String($0.id) } ?? answered.from?.words ?? ""
            result.text = answered.text ?? answered.caption ?? ""
            result.isOwn = answered.from?.id == bot.id
        } else if let external = message.externalReply?.value {
            result.messageID = external.messageId.map { String($0) } ?? ""
            result.sender = external.origin.words
        } else {
            return nil
        }
        if let quote = message.quote?.value, !quote.text.isEmpty {
            result.text = quote.text
            result.isQuote = true
        }
        return result
    }

    private func isMentioned(_ text: EntityText) -> Bool {
        text.mentions(bot) || answered.map { $0.from?.id == bot.id } == true
    }

    // MARK: What the chat says itself

    private func migrated(to chat: Int64) -> HubChatMessage {
        var result = framed
        var supergroup = message.chat
        supergroup.id = chat
        supergroup.type = "supergroup"
        result.stand(in: supergroup, topic: nil, answering: nil)
        result.kind = .system
        result.migratedFrom = String(message.chat.id)
        result.text = "the group \(message.chat.id) became a supergroup: its number is \(chat) now"
        return result
    }

    private var service: UpdateReading {
        var result = framed
        result.kind = .system
        let who = message.from?.words ?? message.senderChat?.title ?? "somebody"
        if let joined = message.service.newChatMembers?.value, !joined.isEmpty {
            guard !joined.contains(where: { $0.id == bot.id }) else {
                return .ignored("the bot joined \(Self.named(message.chat)): a note of the chat, nothing to answer")
            }
            result.text = "joined the chat: \(joined.prefix(16).map(\.words).joined(separator: ", "))"
        } else if let left = message.service.leftChatMember?.value, left.id != bot.id {
            result.text = "left the chat: \(left.words)"
        } else if let title = message.service.newChatTitle {
            result.text = "\(who) changed the chat's title to \(title)"
        } else if let pinned = message.service.pinnedMessage?.value {
            result.text = "\(who) pinned message \(pinned.messageId)"
        } else {
            return .ignored("a service message of the chat, or a kind of message that this version does not know")
        }
        return .message(result)
    }

    /// `"Workshop" (-1001)`.
    static func named(_ chat: Bot.Chat) -> String { "\"\(chat.title ?? "")\" (\(chat.id))" }
}
