internal import Config
internal import IPCHub

/// Whom a message talks with, as bindings and session keys name it.
struct Peer: Equatable {
    /// Raw values are those of bindings.
    enum Kind: String {
        case direct = "dm"
        case group
        case channel
    }

    var kind: Kind
    /// Of a direct chat the person, else the group (with its topic) or the channel or thread.
    var id: String
    /// What is put behind the session's key; nil: nothing.
    var thread: String?

    init(_ message: HubChatMessage, channel: String) {
        kind =
            switch message.chatType {
            case .direct, .UNRECOGNIZED: .direct
            case .group: .group
            case .channel: .channel
            }
        id = message.conversation
        let thread = message.thread.isEmpty ? nil : message.thread
        switch (channel, kind) {
        // A call is a conversation of its own, who is on the line is the person.
        case (GatewayVoice.channel, _): if PhoneNumber.isE164(message.senderID) { id = message.senderID }
        // A thread is a channel of its own.
        case ("discord", .channel): id = [message.place.channelID, thread ?? "", id].first { !$0.isEmpty } ?? id
        // The topic is part of the group's id.
        case ("telegram", .group): break
        case ("telegram", .direct), ("slack", _): self.thread = thread
        default: break
        }
    }
}
