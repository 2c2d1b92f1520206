internal import IPCHub
internal import Journal

extension DeliveryCore {
    /// A frame of a worker. What is not in that worker's hands is refused with a log line; nothing traps.
    mutating func frame(_ worker: String, _ link: Int, _ message: HubMessage, _ now: Int64) {
        // Nothing of an old link is acted on.
        guard let isReady = current(worker, link)?.isReady else { return }
        guard isReady else {
            log(.warning, "\(worker) spoke before it was welcomed: its link is closed")
            return effect(.close(link: link))
        }
        let isModel = worker.hasPrefix("model:")
        // With the link's state in hand its waiting rows would be copied for every one that comes.
        if isModel, case .ledgerRow(let row) = message { return ledgerRow(row, worker, link, now) }
        guard let state = current(worker, link) else { return }
        let isChannel = worker.hasPrefix("channel:")
        let isAgent = worker.hasPrefix("agent:")
        let isTunnel = worker.hasPrefix("tunnel:")
        switch message {
        case .inbound(let event) where isChannel: inbound(event, state)
        case .cursor(let cursor) where isChannel: cursorMoved(cursor, state)
        case .normalized(let normalized) where isChannel: self.normalized(normalized, state, now)
        case .sendResult(let result) where isChannel: sendResult(result, state, now)
        case .channelStatus(let status) where isChannel: statusChanged(status, state)
        case .callRecord(let record) where Self.holdsCalls(worker): callRecord(record, state)
        case .turnEvent(let event) where isAgent: turnEvent(event, state)
        case .toolOpen(let call) where isAgent: toolOpen(call, state)
        case .toolClose(let call) where isAgent: toolClose(call, state)
        case .done(let done) where isAgent: turnDone(done, state)
        case .modelState(let kept) where isModel: modelState(kept, state)
        case .tunnelStatus(let status) where isTunnel: tunnelStatus(status, state, now)
        case .response(let response): answer(response, state)
        case .request(let request): asked(request, state)
        default: log(.warning, "\(worker) sent a frame of type \(message.type), which is not its to send: ignored")
        }
    }

    /// What came of a commit.
    mutating func committed(_ commit: Commit, _ result: Result<Committed, JournalError>, _ now: Int64) {
        let value: Committed
        switch result {
        case .success(let committed): value = committed
        case .failure(let error): return failed(commit, error, now)
        }
        switch (commit, value) {
        case (.adopt, .report(let report)): adopted(report)
        case (.receive(let event, let link, let seq), .receipt(let receipt)): received(event, link, seq, receipt)
        case (.claimInbox(let channel, let link, _), .inbox(let rows)): inboxClaimed(channel, link, rows)
        case (.settleInbox(let settling), .inboxSettlement(let settlement)): inboxSettled(settling, settlement)
        case (.chat(let token, _, let turn), .chat(let receipt)): chatReceived(token, turn, receipt, now)
        case (.claimTurns(let agent, let link, _), .turns(let claims)): turnsClaimed(agent, link, claims, now)
        case (.openTool(let step, let call), .tool(let isHeld)): toolOpened(step, call.callID, isHeld)
        case (.closeTool(let step, let callID, _), .tool(let isHeld)): toolClosed(step, callID, isHeld)
        case (.settleTurn(let settling), .turnSettlement(let settlement)): turnSettled(settling, settlement, now)
        case (.stop(let token, _, _, _, let reason), .stop(let outcome)): stopped(token, reason, outcome)
        case (.tellWaiting(let agent), .failed(let told)): waitingTold(agent, told)
        case (.fail(let agent, let sentence), .failed(let stopped)): waitingFailed(agent, stopped, sentence)
        case (.claimSends(let channel, let link, _), .sends(let claims)): sendsClaimed(channel, link, claims)
        case (.settleSend(let settling), .sendSettlement(let settlement)): sendSettled(settling, settlement)
        case (.holdings(let worker, let link, let hello), .holdings(let holdings)):
            welcome(worker, link, hello, holdings, now)
        case (.exit(let exit, let mustConfirm), .report(let report)): exitJournaled(exit, mustConfirm, report)
        case (.workersWithWork, .workers(let workers)): workFound(workers, now)
        case (.releaseDue, .due(let release)): dueReleased(release)
        case (.order(let token, _, _), .order(let outcome)): ordered(token, outcome)
        case (.notify(_, let channel, _), .notified(let isNew)): if isNew { pumpSends(channel) }
        case (.owners, .owners(let chats)): ownersRead(chats)
        case (.prune, .pruned(let mayBeMore)): mayPruneMore = mayBeMore
        case (.keepModelState(let keeping), .nothing): stateKept(keeping)
        case (.record(let worker, let link, let rows), .recorded(let new)): recorded(worker, link, rows, new: new, now)
        case (.keepCall(let keeping), .callSaved(let save)): callSaved(keeping, save)
        case (.spending(let day), .spending(let sums)): spendingRead(day, sums, now)
        default: break
        }
    }

    /// A commit that will not come. What a worker keeps until it is acknowledged is not acknowledged.
    private mutating func failed(_ commit: Commit, _ error: JournalError, _ now: Int64) {
        switch commit {
        case .receive(let event, let link, let seq):
            refuse(event, link, seq, error.description)
            taken(event.channel, isRefused: true)
        case .chat(let token, _, _): effect(.answerChat(token: token, .refused("Not taken: \(error).")))
        case .stop(let token, _, _, _, _):
            effect(.answerStop(token: token, .failure(.unavailable("Not stopped: \(error)."))))
        // Nobody would ask for these again.
        case .claimInbox(let channel, _, _):
            _ = links[channel]?.inboxClaim.done()
            owed.add(.workersWithWork, error, now)
        case .claimTurns(let agent, _, _):
            _ = links[agent]?.turnClaim.done()
            owed.add(.workersWithWork, error, now)
        case .claimSends(let channel, _, _):
            _ = links[channel]?.sendClaim.done()
            owed.add(.workersWithWork, error, now)
        case .adopt, .fail, .tellWaiting, .exit, .gap, .workersWithWork, .releaseDue, .notify, .owners:
            owed.add(commit, error, now)
        case .holdings(_, let link, _): effect(.close(link: link))
        // The worker still owes these: a new link asks again.
        case .settleInbox(let settling): effect(.close(link: settling.link))
        case .openTool(let step, _), .closeTool(let step, _, _): effect(.close(link: step.link))
        case .settleTurn(let settling): effect(.close(link: settling.link))
        case .settleSend(let settling): effect(.close(link: settling.link))
        case .keepModelState(let keeping): stateKept(keeping, error: error.description)
        case .record(let worker, let link, let rows): notRecorded(worker, link, rows, now)
        case .keepCall(let keeping): callNotSaved(keeping, error)
        case .spending: readingDay = ""
        case .order(let token, _, _):
            effect(.answerOrder(token: token, .failure(.unavailable("Not done: \(error)."))))
        case .noteShutdown, .cursor, .prune: break
        }
        guard commit.durability != .intake, error != .closed else { return }
        log(.error, "\(error)")
    }
}
