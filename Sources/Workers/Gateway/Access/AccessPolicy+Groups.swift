internal import Config
internal import IPCHub

extension AccessPolicy {
    /// Groups as Telegram has them: a list of groups, in each a list of senders, and topics within.
    func groupPlace(_ message: HubChatMessage) -> Result<AccessPlace, AccessRefusal> {
        let id = Self.groupID(of: message)
        let topicID = Self.topicID(of: message)
        let named = Shown.isPlain(id)
        func no(_ kind: AccessRefusal.Kind, _ reason: String, _ change: AdmittingChange) -> Result<
            AccessPlace, AccessRefusal
        > {
            .failure(refusal(kind, reason, named ? change : nil, message))
        }
        let group = access.groups[id] ?? access.groups["*"]
        let topic = topicID.flatMap { group?.topics[$0] }
        let groups = ConfigLine.path(access.path("groups"))
        switch topic?.groupPolicy ?? group?.groupPolicy ?? access.groupPolicy {
        case .disabled:
            if let topicID, topic?.groupPolicy != nil {
                return no(
                    .groupsOff,
                    "its topic is switched off (groupPolicy in \(groups))",
                    .placePolicy(id, topic: topicID)
                )
            }
            if group?.groupPolicy != nil {
                return no(
                    .groupsOff,
                    "the group is switched off (groupPolicy in \(groups))",
                    .placePolicy(id, topic: nil)
                )
            }
            let path = ConfigLine.path(access.path("groupPolicy"))
            return no(.groupsOff, "groups are switched off (\(path) is disabled)", .groupPolicy)
        case .allowlist, .open: break
        }
        if !access.groups.isEmpty, group == nil { return no(.group, "the group is not in \(groups)", .group(id)) }
        guard group?.enabled ?? true else {
            return no(.groupOff, "the group is disabled in \(groups)", .groupEnabled(id, topic: nil))
        }
        guard topic?.enabled ?? true else {
            return no(.groupOff, "the topic is disabled in \(groups)", .groupEnabled(id, topic: topicID))
        }
        if let refusal = senderRefusal(message, id, topicID, group, topic) { return .failure(refusal) }
        let freely = AdmittingChange.placeMention(
            mentionKey(id),
            topic: topic?.requireMention == nil ? nil : topicID
        )
        // The first group that is listed closes all the others: the door for them is opened before.
        var place = AccessPlace(freely: access.groups.isEmpty ? .group("*") : freely, othersToo: freely)
        place.lists = [topic?.allowFrom ?? group?.allowFrom ?? access.groupAllowFrom ?? []]
        place.requireMention =
            topic?.requireMention ?? group?.requireMention ?? access.groups["*"]?.requireMention ?? true
        return .success(place)
    }

    private func senderRefusal(
        _ message: HubChatMessage,
        _ id: String,
        _ topicID: String?,
        _ group: GroupAccess?,
        _ topic: GroupAccess?
    ) -> AccessRefusal? {
        let entry = Self.entry(of: message)
        // A list of the place itself counts whatever the policy says.
        if let list = topic?.allowFrom ?? group?.allowFrom {
            guard !senders(list).names(message) else { return nil }
            let isTopics = topic?.allowFrom != nil
            // The entry of `*` counts for this group as long as it has none of its own.
            let key = access.groups[id] == nil ? "*" : id
            let change = entry.map { AdmittingChange.placeSender($0, group: key, topic: isTopics ? topicID : nil) }
            let path = access.path("groups") + [key] + (isTopics ? ["topics", topicID ?? ""] : []) + ["allowFrom"]
            return refusal(.groupSender, "not in \(ConfigLine.path(path))", change, message)
        }
        let policy = topic?.groupPolicy ?? group?.groupPolicy ?? access.groupPolicy
        guard policy == .allowlist, !senders(access.groupAllowFrom ?? access.allowFrom).names(message) else {
            return nil
        }
        let change = entry.map { entry -> AdmittingChange in
            if access.groupAllowFrom != nil { return .groupSender(entry) }
            // Without a list of its own the group has that of direct messages: a new one would put these people out.
            return access.allowFrom.count < 16 ? .groupAllowFrom(access.allowFrom + [entry]) : .allowFrom(entry)
        }
        let path = ConfigLine.path(access.path("groupAllowFrom"))
        return refusal(.groupSender, "not in \(path)", change, message)
    }

    /// Where the group's need of a mention is written: its own entry hides the one of `*` as a whole.
    private func mentionKey(_ id: String) -> String {
        guard access.groups[id] == nil, let all = access.groups["*"] else { return id }
        return all.allowFrom == nil && all.groupPolicy == nil && all.topics.isEmpty ? id : "*"
    }

    /// The group without its topic: `-100` of `-100:topic:42`.
    static func groupID(of message: HubChatMessage) -> String {
        message.place.channelID.isEmpty ? split(message.conversation).group : message.place.channelID
    }

    static func topicID(of message: HubChatMessage) -> String? {
        let topic = message.thread.isEmpty ? split(message.conversation).topic : message.thread
        return topic.isEmpty ? nil : topic
    }

    private static func split(_ conversation: String) -> (group: String, topic: String) {
        let parts = conversation.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[parts.count - 2] == "topic", let topic = parts.last else {
            return (conversation, "")
        }
        return (parts.dropLast(2).joined(separator: ":"), String(topic))
    }
}
