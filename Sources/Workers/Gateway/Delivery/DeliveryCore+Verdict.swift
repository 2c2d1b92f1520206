internal import Config
internal import IPCHub
internal import Journal
internal import SwiftProtobuf

extension DeliveryCore {
    /// What becomes of a parsed message: who it is for, whether its sender may, what it starts. A stranger who may ask to be
    /// let in waits for the pairing files.
    mutating func judge(_ stranger: Stranger, _ now: Int64, isKnown: Bool = false) {
        let message = stranger.message
        var settling = stranger.settling
        guard let access = access[settling.channel] else {
            settling.verdict = .ignored(reason: "\(settling.channel) is not in the configuration any more")
            return commit(.settleInbox(settling))
        }
        let facts = MessageFacts(message: message, access: access, debounce: debounce(access.channel))
        let route = router.route(message, access: access)
        switch decide(message, access, route) {
        case .allow(let grant):
            settling.verdict = admittedVerdict(stranger, facts, access, route, grant, now)
            if case .turn(let turn) = settling.verdict.outcome { settling.agent = turn.agent }
        case .quiet(let refusal):
            let heard = message.isSpoken ? facts.heard(limit: access.historyLimit) : nil
            settling.verdict = InboxVerdict(
                heard.map { .heard($0, reason: refusal.reason) } ?? .ignored(reason: refusal.reason)
            )
            settling.verdict.note = note(refusal, facts)
        case .deny(let refusal):
            tellIgnored(message, refusal.text, access.worker, now)
            settling.verdict = .ignored(reason: refusal.text)
            settling.verdict.note = note(refusal, facts)
            if refusal.isAnswered { settling.verdict.notices = [facts.notice(Sentences.notAuthorized)] }
        case .pairing:
            guard isKnown else { return effect(.pair(stranger)) }
            // On the list of the file and not on ours: its entry is none that counts.
            settling.verdict = .ignored(reason: "not admitted by pairing")
        }
        settling.verdict.conversation = facts.conversation
        settling.verdict.sender = facts.sender
        settling.verdict.preview = facts.preview
        commit(.settleInbox(settling))
    }

    /// The worker says that it is no message.
    func unsupported(_ reason: String, of message: HubChatMessage? = nil) -> InboxVerdict {
        var verdict = InboxVerdict.ignored(reason: reason)
        var note = IgnoredNote(code: "unsupported", reason: Shown.text(reason, limit: 200))
        if let message { MessageFacts.describe(message, &note) }
        verdict.note = note
        return verdict
    }

    private func admittedVerdict(
        _ stranger: Stranger,
        _ facts: MessageFacts,
        _ access: ChannelAccess,
        _ route: Router.Route,
        _ grant: AccessGrant,
        _ now: Int64
    ) -> InboxVerdict {
        let message = stranger.message
        guard message.isSpoken else { return happening(facts, access) }
        var verdict: InboxVerdict
        if grant.mayCommand, StopWord.isStop(message.text) {
            verdict = .stop(lane: route.sessionKey, notice: facts.notice(Sentences.stopped))
        } else {
            verdict = .turn(turn(stranger, facts, access, route, grant))
            acknowledge(&verdict, facts, grant)
        }
        if grant.isOwner {
            verdict.owner = OwnerChat(
                channel: access.worker,
                conversation: facts.conversation,
                target: [UInt8](message.replyTarget),
                at: now
            )
        }
        return verdict
    }

    private func turn(
        _ stranger: Stranger,
        _ facts: MessageFacts,
        _ access: ChannelAccess,
        _ route: Router.Route,
        _ grant: AccessGrant
    ) -> NewTurn {
        var message = stranger.message
        message.mayCommand = grant.mayCommand
        message.mentioned = grant.wasMentioned
        message.thinking = ""
        // The frame it came in was smaller than the bound of frames, so this cannot fail.
        let bytes = (try? message.serializedBytes() as [UInt8]) ?? []
        let turnID = Self.turnID(of: stranger.event.eventKey)
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
        return turn
    }

    /// "Seen": a reaction at once, taken away again behind the answer where that is wanted.
    ///
    /// Source: spec/channels-voice-tunnel.md 1.14.
    private func acknowledge(_ verdict: inout InboxVerdict, _ facts: MessageFacts, _ grant: AccessGrant) {
        let (access, message) = (facts.access, facts.message)
        guard !access.ackReaction.isEmpty, !message.messageID.isEmpty, message.kind == .message else { return }
        let isDirect = message.chatType == .direct
        let isWanted =
            switch access.ackReactionScope {
            case "all": true
            case "direct": isDirect
            case "group-all": !isDirect
            case "group-mentions": !isDirect && grant.wasMentioned
            default: false
            }
        guard isWanted else { return }
        var reaction = HubOutgoing()
        reaction.kind = .reaction
        reaction.messageID = message.messageID
        reaction.emoji = access.ackReaction
        verdict.notices.append(facts.notice(AnswerParts.row(reaction, "", isMinor: true)))
        guard access.removeAckAfterReply else { return }
        reaction.remove = true
        verdict.afterTurn.append(facts.notice(AnswerParts.row(reaction, "", isMinor: true)))
    }

    /// What nobody said: it starts no turn, the conversation's next one is told.
    private func happening(_ facts: MessageFacts, _ access: ChannelAccess) -> InboxVerdict {
        let message = facts.message
        guard message.kind == .reaction else {
            return InboxVerdict(.heard(facts.happened(own: false), reason: "told with the next message"))
        }
        let guild = AccessPolicy.guildKey(message.place, in: access.guilds ?? [:]).flatMap { access.guilds?[$0] }
        let mode = guild?.reactionNotifications ?? access.reactionNotifications
        switch mode {
        case "off": return .ignored(reason: "reactions are not told (reactionNotifications is off)")
        case "allowlist":
            let list = SenderList(guild?.users ?? access.allowFrom, channel: access.channel)
            guard list.names(message) else {
                return .ignored(reason: "a reaction of somebody who is on no list (reactionNotifications is allowlist)")
            }
        default: break
        }
        return InboxVerdict(.heard(facts.happened(own: mode == "own"), reason: "told with the next message"))
    }

    /// `messages.inbound.debounceMs`, at most five minutes; none on the telephone.
    private func debounce(_ network: String) -> Int64 {
        // Somebody holds the line.
        guard network != GatewayVoice.channel else { return 0 }
        let queue = config.queue
        let wait = queue.inboundDebounceByChannel[network] ?? queue.inboundDebounceMilliseconds
        return Int64(min(max(0, wait), 300_000))
    }

    private func decide(_ message: HubChatMessage, _ access: ChannelAccess, _ route: Router.Route) -> AccessDecision {
        var circumstances = AccessPolicy.Circumstances()
        circumstances.paired = paired[access.worker]
        circumstances.patterns = patterns[route.agentID] ?? []
        circumstances.canSeeMentions =
            Self.showsMentions.contains(access.channel) || channelStatus[access.worker]?.botID.isEmpty == false
        circumstances.patternsYieldToMentions = access.channel == "whatsapp"
        return AccessPolicy(access: access, commands: config.commands).decide(message, circumstances)
    }

    /// Networks whose worker knows its own name before it takes in a message, so that it always tells of a mention.
    private static let showsMentions: Set<String> = ["discord", "telegram"]

    // MARK: Reasons

    func note(_ refusal: AccessRefusal, _ facts: MessageFacts) -> IgnoredNote {
        var note = IgnoredNote(code: refusal.kind.rawValue, reason: Shown.text(refusal.reason, limit: 500))
        facts.describe(&note)
        note.admit = refusal.admit
        if let first = refusal.changes.first {
            let path = ConfigLine.path(first.line(in: facts.access).path)
            note.place = facts.access.line > 0 ? "\(path) (the account is on line \(facts.access.line))" : path
        }
        return note
    }

    mutating func tellIgnored(_ message: HubChatMessage, _ reason: String, _ channel: String, _ now: Int64) {
        guard let unsaid = ignored.count(sender: "\(channel) \(message.senderID)", now: now) else { return }
        let sender = Shown.text(message.senderID)
        let name = message.senderUsername.isEmpty ? "" : " (@\(Shown.text(message.senderUsername)))"
        let more = unsaid > 0 ? " (and \(unsaid) before it)" : ""
        log(.info, "ignored a message from \(sender)\(name): \(reason)\(more)", about: channel)
    }
}

extension MessageFacts {
    func notice(_ text: String) -> NewNotice { notice(OutboxPart(text: text)) }

    /// To the conversation that the message came from.
    func notice(_ part: OutboxPart) -> NewNotice {
        NewNotice(conversation: conversation, target: [UInt8](message.replyTarget), part: part)
    }

    /// Who and where, fit for being shown.
    func describe(_ note: inout IgnoredNote) {
        Self.describe(message, &note)
        note.conversation = Shown.text(conversation, limit: 128)
        note.senderName = Shown.text(sender)
    }

    static func describe(_ message: HubChatMessage, _ note: inout IgnoredNote) {
        note.chatType =
            switch message.chatType {
            case .direct, .UNRECOGNIZED: "direct"
            case .group: "group"
            case .channel: "channel"
            }
        note.conversation = Shown.text(message.conversation, limit: 128)
        note.label = Shown.text(message.conversationLabel, limit: 128)
        note.sender = Shown.text(message.senderID, limit: 128)
        note.messageID = Shown.text(message.messageID, limit: 128)
    }
}
