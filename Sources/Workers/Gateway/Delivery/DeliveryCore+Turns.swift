internal import Config
internal import FoundationEssentials
internal import IPCHub
internal import Journal
internal import SwiftProtobuf

extension DeliveryCore {
    // MARK: Claiming

    /// An agent has turns waiting: give it some, or have it started.
    mutating func want(_ agent: String) {
        if table[agent]?.state == "parked" { return failWaiting(agent) }
        wanted.insert(agent)
        if table[agent]?.state == "quarantined" { commit(.tellWaiting(agent: agent)) }
        pumpTurns(agent)
    }

    mutating func pumpTurns(_ agent: String) {
        guard wanted.contains(agent), !isDraining else { return }
        guard var link = links[agent] else { return demand(agent) }
        guard link.takesWork, !isLeaving(link) else { return }
        let isFree = link.turnClaim.want()
        links[agent] = link
        if isFree { commit(.claimTurns(agent: agent, link: link.id, incarnation: link.incarnation)) }
    }

    /// A place came free: all agents that wait get their chance, the one that waited longest by name order last served.
    mutating func pumpAllTurns() {
        for agent in wanted.sorted() { pumpTurns(agent) }
    }

    mutating func turnsClaimed(_ agent: String, _ link: Int, _ claims: TurnClaims, _ now: Int64) {
        if claims.moreWait { wanted.insert(agent) } else { wanted.remove(agent) }
        claimTold(claims, now)
        // Without its link the claim stands until the worker's HELLO or its EXIT.
        guard current(agent, link) != nil else { return }
        for row in claims.turns { give(row, link, now) }
        let isWanted = links[agent]?.turnClaim.done() == true
        // One commit ends some hundreds that are too old; what is behind them waits for the rest.
        if isWanted || !claims.expired.isEmpty { want(agent) }
    }

    /// What a claim changed besides.
    private mutating func claimTold(_ claims: TurnClaims, _ now: Int64) {
        wake(at: claims.dueAt)
        for turn in claims.merged { mergedAway(turn) }
        guard !claims.expired.isEmpty else { return }
        for old in claims.expired {
            let isCall = isTelephone(old.channel)
            // Who was on the line is gone: that is no news for the owner.
            if isCall {
                log(.info, "what was said two minutes ago is not answered any more", about: old.channel)
            } else {
                expired[old.channel, default: 0] += 1
            }
            let sentence =
                isCall
                ? "This was said on the telephone more than two minutes ago and is not answered any more."
                : "This message waited for more than \(config.queue.maxAgeHours) hours and is not answered any more."
            publish(.failed(Run(id: old.turn.runID, sessionKey: old.turn.sessionKey), sentence: sentence))
            // What was to go out behind its answer goes out.
            pumpSends(old.channel)
        }
        expiredAt = now
    }

    /// A run of WebChat that is answered by another one from now on. Channels know nothing of runs.
    private mutating func mergedAway(_ turn: StoppedTurn) {
        publish(
            .finished(
                Run(id: turn.runID, sessionKey: turn.sessionKey),
                text: "",
                usage: RunUsage(),
                stopReason: "queued"
            )
        )
    }

    /// The operator is told once per channel, the owner once in all, when no more come: they may be thousands.
    mutating func tellExpired(_ now: Int64) {
        guard !expired.isEmpty, now - expiredAt >= limits.quiet else { return }
        alert(.expired(expired, hours: config.queue.maxAgeHours))
        for (channel, count) in expired.sorted(by: { $0.key < $1.key }) {
            let words = count == 1 ? "1 message was" : "\(count) messages were"
            log(
                .warning,
                """
                \(words) older than \(config.queue.maxAgeHours) hours when their turn came and are not answered; to see them: \
                clawhold queue list --state expired; to answer one all the same: clawhold queue retry ID
                """,
                about: channel
            )
        }
        expired = [:]
    }

    /// Hands a claimed turn to its agent.
    mutating func give(_ row: TurnRow, _ link: Int, _ now: Int64) {
        var running = turns[row.turn.turnID] ?? RunningTurn(turn: row.turn, isRerun: row.attempts > 1)
        running.relink()
        turns[row.turn.turnID] = running
        send(link, .turn(frame(for: row, now)), reach: "turn.after-frame")
        if !row.interrupt.isEmpty { interrupt(row.turn.turnID, row.interrupt, link) }
        showActivity(now)
    }

    private mutating func frame(for row: TurnRow, _ now: Int64) -> HubTurn {
        let channel = row.turn.channel.split(separator: ":")
        var turn = HubTurn()
        turn.turnID = row.turn.turnID
        turn.sessionKey = row.turn.lane
        turn.runID = row.turn.runID
        turn.channel = channel.count > 1 ? String(channel[1]) : row.turn.channel
        turn.account = row.turn.account
        let composition = TurnComposition(row: row)
        turn.message = composition.message
        turn.history = composition.history
        turn.happened = row.happened
        turn.roomPrompt = roomPrompt(row.turn.channel, turn.message)
        offer(row, in: &turn, now)
        turn.attempt = UInt32(clamping: row.attempts)
        turn.toolCalls = row.toolCalls.map { call in
            var frame = HubToolCall()
            frame.turnID = row.turn.turnID
            frame.callID = call.callID
            frame.name = call.name
            frame.arguments = Data(call.arguments)
            frame.readOnly = call.isReadOnly
            if let result = call.result {
                frame.result.text = result.text
                frame.result.isError = result.isError
            }
            return frame
        }
        return turn
    }

    // MARK: While it runs

    mutating func turnEvent(_ event: HubTurnEvent, _ link: LinkState) {
        guard var turn = turns[event.turnID], turn.turn.agent == link.worker else { return }
        let told = turn.take(event, limit: limits.textBytes)
        turns[event.turnID] = turn
        if let told { publish(told) }
    }

    mutating func toolOpen(_ call: HubToolCall, _ link: LinkState) {
        guard holds(call, link) else { return }
        let row = ToolRow(
            callID: call.callID,
            name: call.name,
            arguments: [UInt8](call.arguments),
            isReadOnly: call.readOnly
        )
        commit(.openTool(step(call, link), call: row))
    }

    mutating func toolClose(_ call: HubToolCall, _ link: LinkState) {
        guard holds(call, link) else { return }
        let result = ToolOutcome(text: call.result.text, isError: call.result.isError)
        commit(.closeTool(step(call, link), callID: call.callID, result: result))
    }

    mutating func toolOpened(_ step: ToolStep, _ callID: String, _ isHeld: Bool) {
        guard isHeld, current(step.agent, step.link) != nil else { return }
        send(step.link, .toolOpened(ack(step, callID)))
    }

    mutating func toolClosed(_ step: ToolStep, _ callID: String, _ isHeld: Bool) {
        guard isHeld, current(step.agent, step.link) != nil else { return }
        send(step.link, .toolClosed(ack(step, callID)))
    }

    private func step(_ call: HubToolCall, _ link: LinkState) -> ToolStep {
        ToolStep(
            turnID: call.turnID,
            agent: link.worker,
            link: link.id,
            incarnation: link.incarnation,
            name: call.name
        )
    }

    private func ack(_ step: ToolStep, _ callID: String) -> HubToolAck {
        var ack = HubToolAck()
        ack.turnID = step.turnID
        ack.callID = callID
        return ack
    }

    private mutating func holds(_ call: HubToolCall, _ link: LinkState) -> Bool {
        if turns[call.turnID]?.turn.agent == link.worker, call.callID.utf8.count <= limits.keyBytes { return true }
        log(.warning, "\(link.worker) named turn \(call.turnID.prefix(64)), which is not in its hands: ignored")
        return false
    }

    // MARK: Its end

    mutating func turnDone(_ done: HubTurnDone, _ link: LinkState) {
        let turn = turns[done.turnID].flatMap { $0.turn.agent == link.worker ? $0.turn : nil }
        let settling = TurnSettling(
            done: done,
            agent: link.worker,
            link: link.id,
            incarnation: link.incarnation,
            result: turn.map { result(of: done, for: $0) } ?? TurnResult(status: .error),
            channel: turn?.channel ?? ""
        )
        // Without a turn in its hands the journal decides: known, or nobody's.
        commit(.settleTurn(settling))
    }

    private func result(of done: HubTurnDone, for turn: NewTurn) -> TurnResult {
        let answer = AnswerParts(access[turn.channel], channel: turn.channel)
        switch done.status {
        case .ok:
            let text = Self.isSilent(done.text) ? "" : done.text
            return TurnResult(status: .ok, parts: answer.rows(text: text, parts: done.parts, replyTo: done.replyTo))
        case .aborted: return TurnResult(status: .aborted)
        case .error, .UNRECOGNIZED:
            let sentence = done.text.isEmpty ? "Something went wrong, and nothing more is known." : done.text
            return TurnResult(
                status: .error,
                sentence: sentence,
                parts: answer.rows(text: sentence, parts: [], replyTo: "")
            )
        }
    }

    /// What a model says when it has nothing to say. Source: spec/channels-voice-tunnel.md 1.14.
    static func isSilent(_ text: String) -> Bool {
        var words = Substring(text)
        while words.first?.isWhitespace == true { words.removeFirst() }
        while words.last?.isWhitespace == true { words.removeLast() }
        return words.hasPrefix("NO_REPLY") || words.hasSuffix("NO_REPLY")
    }

    mutating func turnSettled(_ settling: TurnSettling, _ settlement: TurnSettlement, _ now: Int64) {
        let done = settling.done
        if settlement == .unknown {
            log(.warning, "\(settling.agent) ended turn \(done.turnID.prefix(64)), which is not in its hands: ignored")
        }
        if current(settling.agent, settling.link) != nil {
            var ack = HubTurnAck()
            ack.turnID = done.turnID
            send(settling.link, .doneAck(ack))
        }
        guard settlement == .settled else { return }
        if let turn = turns.removeValue(forKey: done.turnID) { tellEnd(of: turn, settling) }
        pumpAllTurns()
        pumpSends(settling.channel)
    }

    private mutating func tellEnd(of turn: RunningTurn, _ settling: TurnSettling) {
        let done = settling.done
        let usage = RunUsage(
            input: done.usage.input,
            output: done.usage.output,
            cacheRead: done.usage.cacheRead,
            cacheWrite: done.usage.cacheWrite
        )
        switch settling.result.status {
        case .ok: publish(.finished(turn.run, text: done.text, usage: usage, stopReason: done.stopReason))
        case .aborted: publish(.aborted(turn.run, reason: done.stopReason.isEmpty ? "stop" : done.stopReason))
        case .error: publish(.failed(turn.run, sentence: settling.result.sentence))
        }
        if !done.cause.isEmpty { log(.warning, "a turn of \(settling.agent) failed: \(done.cause.prefix(2000))") }
    }

    // MARK: Stopping

    mutating func interrupt(_ turnID: String, _ reason: String, _ link: Int) {
        var interrupt = HubInterrupt()
        interrupt.turnID = turnID
        interrupt.reason = reason
        send(link, .interrupt(interrupt))
    }

    /// Tells agents and clients of turns that were stopped in the journal.
    mutating func announce(_ stopped: [StoppedTurn], reason: String) {
        for turn in stopped {
            if turn.wasRunning {
                if let link = links[turn.agent], link.isReady { interrupt(turn.turnID, reason, link.id) }
            } else {
                publish(.aborted(Run(id: turn.runID, sessionKey: turn.sessionKey), reason: reason))
            }
        }
    }

    // MARK: Activity

    mutating func showActivity(_ now: Int64) {
        for (id, turn) in turns where turn.isFromChannel && now - turn.activityAt >= limits.activityEvery {
            guard let link = links[turn.turn.channel], link.isReady,
                turns[id]?.isLively(now, within: limits.activityStop) == true
            else { continue }
            turns[id]?.activityAt = now
            var activity = HubActivity()
            activity.target = Data(turn.turn.target)
            send(link.id, .activity(activity))
        }
    }
}
