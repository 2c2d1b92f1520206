internal import IPCHub

extension HubChatMessage {
    /// Sets where a message stands: conversation, thread, place, and where an answer goes.
    mutating func stand(in chat: Bot.Chat, topic: Int64?, answering message: Int64?) {
        chatType = chat.isDirect ? .direct : .group
        conversation = String(chat.id)
        if !chat.isDirect {
            if let topic { conversation += ":topic:\(topic)" }
            place.channelID = String(chat.id)
            place.channelName = chat.title ?? ""
            conversationLabel = chat.title ?? String(chat.id)
        }
        thread = topic.map { String($0) } ?? ""
        replyTarget = ReplyTarget(chat: chat.id, thread: topic, message: message).encoded()
    }

    /// Sets who speaks. A group that writes as itself (an anonymous administrator, a linked channel) has no person's name.
    mutating func speak(as user: Bot.User?, for chat: Bot.Chat?) {
        if let chat {
            senderID = String(chat.id)
            senderName = chat.title ?? ""
            senderUsername = chat.username ?? ""
        } else if let user {
            senderID = String(user.id)
            senderName = user.name
            senderUsername = user.username ?? ""
            senderIsBot = user.isBot == true
        }
        if chatType == .direct { conversationLabel = senderName }
    }
}

extension Bot.Chat {
    /// A forum's topic (its general one is 1), or the thread of a direct chat that has topics. The threads that plain
    /// supergroups make of replies are not conversations of their own.
    func topic(of message: Bot.Message) -> Int64? {
        topic(thread: message.messageThreadId, isTopic: message.isTopicMessage)
    }

    func topic(thread: Int64?, isTopic: Bool?) -> Int64? {
        if isForum == true, !isDirect { return isTopic == true ? thread ?? 1 : 1 }
        return isTopic == true ? thread : nil
    }
}
