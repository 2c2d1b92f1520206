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
        let facts = MessageFacts(message: message, access: access, debounce: debounce(access.channel))
        let (outcome, agent) = outcome(message, facts, event, access, now)
        var verdict = InboxVerdict(outcome)
        verdict.conversation = facts.conversation
        verdict.sender = facts.sender
        verdict.preview = facts.preview
        if case .stop = outcome {
            let target = [UInt8](message.replyTarget)
            verdict.notices = [NewNotice(conversation: facts.conversation, target: target, text: Sentences.stopped)]
        }
        return (verdict, agent)
    }

    private mutating func outcome(
        _ message: HubChatMessage,
        _ facts: MessageFacts,
        _ event: InboxRow,
        _ access: ChannelAccess,
        _ now: Int64
    ) -> (InboxVerdict.Outcome, String?) {
        let route = router.route(message, access: access)
        let grant: AccessGrant
        switch decide(message, access, route) {
        case .allow(let granted): grant = granted
        case .quiet(let refusal) where message.isSpoken && message.chatType != .direct:
            return (.heard(facts.heard(limit: access.historyLimit), reason: refusal.reason), nil)
        case .quiet(let refusal): return (.ignored(reason: refusal.reason), nil)
        case .deny(let refusal):
            tellIgnored(message, refusal.text, access.worker, now)
            return (.ignored(reason: refusal.text), nil)
        case .pairing:
            let path = ConfigLine.path(access.path("allowFrom"))
            let admit = AccessPolicy.entry(of: message).map { " — add \"\($0)\" to \(path)" } ?? ""
            tellIgnored(message, "not in \(path)\(admit)", access.worker, now)
            return (.ignored(reason: "not in \(path)\(admit)"), nil)
        }
        guard message.isSpoken else { return (happening(message, facts, access), nil) }
        if grant.mayCommand, StopWord.isStop(message.text) { return (.stop(lane: route.sessionKey), nil) }
        var message = message
        message.mayCommand = grant.mayCommand
        message.mentioned = grant.wasMentioned
        // The frame it came in was smaller than the bound of frames, so this cannot fail.
        let bytes = (try? message.serializedBytes() as [UInt8]) ?? []
        let turnID = Self.turnID(of: event.eventKey)
        var turn = NewTurn(
            turnID: turnID,
            runID: turnID,
            sessionKey: route.sessionKey,
            lane: route.sessionKey,
            agent: "agent:\(route.agentID)",
            channel: access.worker,
            account: access.account,
            conversation: facts.conversation,
            target: [UInt8](message.replyTarget),
            message: bytes
        )
        turn.facts = facts.turn
        return (.turn(turn), turn.agent)
    }

    /// What nobody said: it starts no turn, the conversation's next one is told.
    private func happening(
        _ message: HubChatMessage,
        _ facts: MessageFacts,
        _ access: ChannelAccess
    ) -> InboxVerdict.Outcome {
        if message.kind == .reaction, access.reactionNotifications == "off" {
            return .ignored(reason: "reactions are not told (reactionNotifications is off)")
        }
        let own = message.kind == .reaction && access.reactionNotifications == "own"
        return .heard(facts.happened(own: own), reason: "told with the next message of the conversation")
    }

    /// `messages.inbound.debounceMs`, at most five minutes.
    private func debounce(_ network: String) -> Int64 {
        let queue = config.queue
        let wait = queue.inboundDebounceByChannel[network] ?? queue.inboundDebounceMilliseconds
        return Int64(min(max(0, wait), 300_000))
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
