internal import Config
internal import IPCHub
internal import Journal

extension DeliveryCore {
    /// How often the files are looked at for people whom another program let in.
    static let pairedEvery: Int64 = 10_000

    /// Who was let in by pairing, as the files say now.
    mutating func admitted(_ lists: [String: [String]]) {
        for (worker, people) in lists {
            guard let access = access[worker] else { continue }
            paired[worker] = SenderList(people, channel: access.channel)
        }
    }

    /// The files have been asked about a stranger.
    mutating func paired(_ stranger: Stranger, _ answer: Result<PairingAnswer, PairingDisk.Failure>, _ now: Int64) {
        var settling = stranger.settling
        guard let access = access[settling.channel] else { return }
        let message = stranger.message
        let facts = MessageFacts(message: message, access: access, debounce: 0)
        let path = ConfigLine.path(access.path("allowFrom"))
        var refusal = AccessRefusal(kind: .pairing, reason: "a stranger, not in \(path)")
        if let entry = AccessPolicy.entry(of: message) {
            refusal.changes = [.allowFrom(entry)]
            refusal.admit = ConfigLine.text(.allowFrom(entry), in: access)
        }
        var command = ""
        var reply: NewNotice?
        switch answer {
        case .success(.approved(let people)):
            admitted([access.worker: people])
            return judge(stranger, now, isKnown: true)
        case .success(.asked(.created(let code))):
            refusal.reason += "; was told a pairing code"
            command = "clawhold pairing approve \(access.channel) \(code)"
            reply = facts.notice(PairingWords.reply(channel: access.channel, id: message.senderID, code: code))
        case .success(.asked(.waiting(let code))):
            refusal.reason += "; waits with a pairing code"
            command = "clawhold pairing approve \(access.channel) \(code)"
        case .success(.asked(.full)):
            refusal.reason += "; \(PairingRequest.most) others wait for pairing, so there was no code"
            command = "clawhold pairing list \(access.channel)"
        case .failure(let failure):
            refusal.reason += "; no pairing code: \(failure)"
            log(.error, "no pairing code for a stranger: \(failure)", about: access.worker)
        }
        let hint = command.isEmpty ? "" : " — \(command)"
        tellIgnored(message, refusal.reason + hint, access.worker, now)
        settling.verdict = .ignored(reason: refusal.reason + hint)
        var note = note(refusal, facts)
        note.command = command
        settling.verdict.note = note
        settling.verdict.conversation = facts.conversation
        settling.verdict.sender = facts.sender
        settling.verdict.preview = facts.preview
        if let reply { settling.verdict.notices = [reply] }
        commit(.settleInbox(settling))
    }
}

extension Stranger {
    /// What the files are asked.
    func question(_ channel: String, _ account: String) -> PairingQuestion {
        let event = DeliveryCore.turnID(of: event.eventKey)
        return PairingQuestion(
            channel: channel,
            account: account,
            id: message.senderID,
            meta: PairingWords.meta(of: message, account: account, event: event)
        )
    }
}
