internal import FoundationEssentials
internal import IPCHub
internal import Journal

extension DeliveryCore {
    mutating func pumpSends(_ channel: String) {
        // Chunks go on while the intake is stopped and while the tree drains.
        guard channel.hasPrefix("channel:"), var link = links[channel], link.takesWork else { return }
        guard !isLeaving(link) else { return letGo(channel) }
        let isFree = link.sendClaim.want()
        links[channel] = link
        if isFree { commit(.claimSends(channel: channel, link: link.id, incarnation: link.incarnation)) }
    }

    mutating func sendsClaimed(_ channel: String, _ link: Int, _ claims: SendClaims) {
        dueAt[channel] = claims.nextAt
        guard current(channel, link) != nil else { return }
        for row in claims.rows { send(row, channel, link) }
        if links[channel]?.sendClaim.done() == true { pumpSends(channel) }
        letGo(channel)
    }

    mutating func send(_ row: OutboxRow, _ channel: String, _ link: Int) {
        sends[row.row] = (channel, row)
        if row.isInDoubt {
            log(
                .warning,
                "sends part \(row.chunk + 1) of answer \(row.origin) once more: it may arrive twice, its first sending was cut off",
                about: channel
            )
        }
        var send = HubSend()
        send.row = UInt64(clamping: row.row)
        send.target = Data(row.target)
        send.content = AnswerParts.content(of: row.part)
        send.firstTriedMs = row.firstTriedAt
        send.nonce = row.nonce
        send.inDoubt = row.isInDoubt
        send.first = row.chunk == 0
        self.send(link, .send(send), reach: "send.after-frame")
    }

    mutating func sendResult(_ result: HubSendResult, _ link: LinkState, _ now: Int64) {
        guard let row = Int64(exactly: result.row) else {
            return log(.warning, "told of row \(result.row), which is not in its hands: ignored", about: link.worker)
        }
        let held = sends[row].flatMap { $0.channel == link.worker ? $0.row : nil }
        commit(
            .settleSend(
                SendSettling(
                    row: row,
                    channel: link.worker,
                    link: link.id,
                    incarnation: link.incarnation,
                    outcome: outcome(of: result, for: held, now),
                    possibleDuplicate: result.possibleDuplicate
                )
            )
        )
    }

    private func outcome(of result: HubSendResult, for row: OutboxRow?, _ now: Int64) -> SendOutcome {
        let error = String(result.error.prefix(2000))
        switch result.outcome {
        case .sent: return .sent(messageID: String(result.messageID.prefix(512)))
        case .rejected: return .rejected(error: error)
        case .retry, .UNRECOGNIZED:
            let isMinor = row?.part.isMinor == true
            let next = (isMinor ? limits.minorRetry : limits.retry).next(
                attempts: row?.attempts ?? 1,
                retryAfter: result.retryAfterMs,
                createdAt: row?.ageFrom ?? now,
                now: now
            )
            guard let next else {
                return isMinor
                    ? .rejected(error: "given up after ten minutes: \(error)")
                    : .dead(error: "given up after a day: \(error)")
            }
            return .again(at: next, error: error)
        }
    }

    mutating func sendSettled(_ settling: SendSettling, _ settlement: SendSettlement) {
        if current(settling.channel, settling.link) != nil {
            var ack = HubResultAck()
            ack.row = UInt64(clamping: settling.row)
            send(settling.link, .resultAck(ack))
        }
        switch settlement {
        case .unknown:
            log(.warning, "told of row \(settling.row), which is not in its hands: ignored", about: settling.channel)
            return
        case .known: return
        case .settled(let possibleDuplicate, let isDead):
            let held = sends.removeValue(forKey: settling.row)?.row
            report(settling, held, possibleDuplicate: possibleDuplicate, isDead: isDead)
            if isDead { alertOf(given: held, settling.channel) }
        }
        pumpSends(settling.channel)
        pumpInbox(settling.channel)
    }

    private mutating func report(_ settling: SendSettling, _ row: OutboxRow?, possibleDuplicate: Bool, isDead: Bool) {
        let name = row.map { "part \($0.chunk + 1) of answer \($0.origin)" } ?? "a part of an answer"
        switch settling.outcome {
        case .sent:
            if possibleDuplicate { log(.warning, "\(name) arrived, perhaps twice", about: settling.channel) }
        case .again(_, let error):
            if isDead {
                log(.error, "\(name) is given up, it may have arrived: \(error)", about: settling.channel)
            } else {
                log(.info, "\(name) will be tried again: \(error)", about: settling.channel)
            }
        case .rejected(let error) where row?.part.isMinor == true:
            log(.info, "a reaction was not set: \(error)", about: settling.channel)
        case .rejected(let error) where isTelephone(settling.channel):
            log(.info, "\(name) was not said: \(error)", about: settling.channel)
        case .rejected(let error): log(.error, "\(name) was refused for good: \(error)", about: settling.channel)
        case .dead(let error): log(.error, "\(name) is given up: \(error)", about: settling.channel)
        }
    }
}

extension DeliveryCore {
    /// Something to say that belongs to no turn: an alert to the owner, an approval. `origin` names it for ever; what was said
    /// under the same name is not said again.
    mutating func notify(_ channel: String, _ notice: NewNotice, origin: String) {
        commit(.notify(origin: origin, channel: channel, notice: notice))
    }
}
