internal import Config
internal import IPCHub
internal import Journal
internal import SwiftProtobuf

extension DeliveryCore {
    /// What becomes of a parsed message: who it is for, whether its sender may, what it starts. And whose lane it goes to.
    mutating func verdict(
        _ message: HubChatMessage,
        _ event: InboxRow,
        _ link: LinkState,
        _ now: Int64
    ) -> (InboxVerdict, String?) {
        guard let access = access[link.worker] else {
            return (.ignored(reason: "\(link.worker) is not in the configuration any more"), nil)
        }
        let route = router.route(message, access: access)
        let grant: AccessGrant
        switch decide(message, access, route) {
        case .allow(let granted): grant = granted
        case .quiet(let refusal): return (.ignored(reason: refusal.reason), nil)
        case .deny(let refusal):
            tellIgnored(message, refusal.text, link.worker, now)
            return (.ignored(reason: refusal.text), nil)
        case .pairing:
            let path = ConfigLine.path(access.path("allowFrom"))
            let admit = AccessPolicy.entry(of: message).map { " — add \"\($0)\" to \(path)" } ?? ""
            tellIgnored(message, "not in \(path)\(admit)", link.worker, now)
            return (.ignored(reason: "not in \(path)\(admit)"), nil)
        }
        guard message.isSpoken else { return (.ignored(reason: "no message"), nil) }
        let conversation = message.thread.isEmpty ? message.conversation : "\(message.conversation):\(message.thread)"
        if grant.mayCommand, StopWord.isStop(message.text) {
            let notice = NewNotice(
                conversation: conversation,
                target: [UInt8](message.replyTarget),
                text: Sentences.stopped
            )
            return (.stop(lane: route.sessionKey, notice: notice), nil)
        }
        var message = message
        message.mayCommand = grant.mayCommand
        message.mentioned = grant.wasMentioned
        // The frame it came in was smaller than the bound of frames, so this cannot fail.
        let bytes = (try? message.serializedBytes() as [UInt8]) ?? []
        let turnID = Self.turnID(of: event.eventKey)
        let turn = NewTurn(
            turnID: turnID,
            runID: turnID,
            sessionKey: route.sessionKey,
            lane: route.sessionKey,
            agent: "agent:\(route.agentID)",
            channel: link.worker,
            account: access.account,
            conversation: conversation,
            target: [UInt8](message.replyTarget),
            message: bytes
        )
        return (.turn(turn), turn.agent)
    }

    private func decide(_ message: HubChatMessage, _ access: ChannelAccess, _ route: Router.Route) -> AccessDecision {
        var circumstances = AccessPolicy.Circumstances()
        circumstances.patterns = patterns[route.agentID] ?? []
        circumstances.canSeeMentions =
            Self.showsMentions.contains(access.channel) || channelStatus[access.worker]?.botID.isEmpty == false
        circumstances.patternsYieldToMentions = access.channel == "whatsapp"
        return AccessPolicy(access: access, commands: config.commands).decide(message, circumstances)
    }

    /// Networks whose worker knows its own name before it takes in a message, so that it always tells of a mention.
    private static let showsMentions: Set<String> = ["discord", "telegram"]

    private mutating func tellIgnored(_ message: HubChatMessage, _ reason: String, _ channel: String, _ now: Int64) {
        guard let unsaid = ignored.count(sender: "\(channel) \(message.senderID)", now: now) else { return }
        let sender = Shown.text(message.senderID)
        let name = message.senderUsername.isEmpty ? "" : " (@\(Shown.text(message.senderUsername)))"
        let more = unsaid > 0 ? " (and \(unsaid) before it)" : ""
        log(.info, "ignored a message from \(sender)\(name): \(reason)\(more)", about: channel)
    }
}
