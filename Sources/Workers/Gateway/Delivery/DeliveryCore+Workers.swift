internal import FoundationEssentials
internal import IPCHub
internal import Journal

extension DeliveryCore {
    // MARK: Links

    mutating func linked(_ worker: String, _ link: Int, _ hello: HubHello) {
        if let old = links.removeValue(forKey: worker) {
            lost(old)
            // The end of that link will not be told any more: what waited for it happens now.
            if let pending = old.pendingExit { journal(pending.exit) }
        }
        if let last = deadUpTo[worker], last >= hello.incarnation { return effect(.close(link: link)) }
        if refused[worker]?.incarnation != hello.incarnation { refused[worker] = nil }
        links[worker] = LinkState(worker: worker, id: link, incarnation: hello.incarnation)
        askedAt[worker] = nil
        commit(.holdings(worker: worker, link: link, hello: hello))
    }

    /// HELLO against the journal: what the worker still has goes on, what it never received is sent again, what it owes
    /// is taken.
    mutating func welcome(_ worker: String, _ link: Int, _ hello: HubHello, _ holdings: Holdings, _ now: Int64) {
        guard current(worker, link) != nil else { return }
        links[worker]?.isReady = true
        guard let state = links[worker] else { return }
        send(link, .welcome(HubWelcome()))
        // Before anything is to be said in them.
        resumeCalls(state, holdings.calls)
        if worker.hasPrefix("channel:") { resume(state, hello, holdings, now) }
        if worker.hasPrefix("agent:") { resumeTurns(state, hello, holdings, now) }
        if worker.hasPrefix("model:") { resumeModel(state, holdings.modelState) }
        tellURLs(worker, link, now)
        resumeQuestions(worker, link)
    }

    private mutating func resume(_ link: LinkState, _ hello: HubHello, _ holdings: Holdings, _ now: Int64) {
        var cursor = HubCursor()
        cursor.cursor = Data(holdings.cursor)
        send(link.id, .cursor(cursor))
        for row in holdings.inbox { normalize(row, link.worker, link.id) }
        let accepted = Set(hello.acceptedRows)
        let settled = Set(hello.unackedResults.map(\.row))
        for row in holdings.sends {
            let id = UInt64(clamping: row.row)
            if accepted.contains(id) || settled.contains(id) {
                sends[row.row] = (link.worker, row)
            } else {
                send(row, link.worker, link.id)
            }
        }
        for result in hello.unackedResults { sendResult(result, link, now) }
        pumpInbox(link.worker)
        pumpSends(link.worker)
    }

    private mutating func resumeTurns(_ link: LinkState, _ hello: HubHello, _ holdings: Holdings, _ now: Int64) {
        let running = Set(hello.runningTurns)
        let ended = Set(hello.unackedTurns.map(\.turnID))
        for row in holdings.turns {
            let id = row.turn.turnID
            guard running.contains(id) || ended.contains(id) else {
                give(row, link.id, now)
                continue
            }
            var turn = turns[id] ?? RunningTurn(turn: row.turn, isRerun: true)
            turn.relink()
            turns[id] = turn
            if !row.interrupt.isEmpty, running.contains(id) { interrupt(id, row.interrupt, link.id) }
        }
        let held = Set(holdings.turns.map(\.turn.turnID))
        for id in hello.runningTurns where !held.contains(id) {
            log(.warning, "\(link.worker) runs turn \(id.prefix(64)), which is not in its hands any more: stopped")
            interrupt(id, "stop", link.id)
        }
        for done in hello.unackedTurns { turnDone(done, link) }
        want(link.worker)
    }

    mutating func unlinked(_ worker: String, _ link: Int) {
        guard let state = current(worker, link) else { return }
        lost(state)
        links[worker] = nil
        channelStatus[worker]?.lost(now: clock ?? 0)
        tunnelUnlinked(worker)
        if let pending = state.pendingExit { return journal(pending.exit) }
        if wanted.contains(worker) { demand(worker) }
    }

    /// What was on this link is in the journal; what is held here comes back with the next HELLO.
    private mutating func lost(_ link: LinkState) {
        inbox = inbox.filter { $0.value.channel != link.worker }
        sends = sends.filter { $0.value.channel != link.worker }
        dropQuestions(of: link.worker)
        recordRest(of: link)
    }

    // MARK: Leaving

    /// Whether the incarnation on this link is being replaced or stopped: what it has in hand it ends, everything new is
    /// for the next one. When the whole tree goes there is no next one, and chunks go on.
    func isLeaving(_ link: LinkState) -> Bool {
        guard !isShutdown, let row = table[link.worker] else { return false }
        return row.state == "draining" && row.incarnation == link.incarnation
    }

    /// Lets a channel that leaves go once nothing of it is open: what stands before GOODBYE on the link was read, so no
    /// chunk is left in doubt.
    mutating func letGo(_ channel: String) {
        guard let link = links[channel], link.isReady, !link.isDismissed, isLeaving(link),
            !link.sendClaim.isOpen, !link.inboxClaim.isOpen,
            !sends.values.contains(where: { $0.channel == channel }),
            !inbox.values.contains(where: { $0.channel == channel })
        else { return }
        links[channel]?.isDismissed = true
        var goodbye = HubGoodbye()
        goodbye.reason = .drained
        send(link.id, .goodbye(goodbye))
    }

    // MARK: Starting

    /// Has a worker started that is there on demand.
    mutating func demand(_ worker: String) {
        guard !isDraining, links[worker] == nil else { return }
        guard let now = clock else { return }
        if let last = askedAt[worker], now - last < limits.startEvery { return }
        askedAt[worker] = now
        effect(.start(worker: worker))
    }

    mutating func workFound(_ workers: [String], _ now: Int64) {
        for worker in workers {
            if worker.hasPrefix("agent:") { want(worker) }
            if worker.hasPrefix("channel:") {
                pumpInbox(worker)
                pumpSends(worker)
            }
        }
    }

    mutating func adopted(_ report: ReleaseReport) {
        tell(report, of: "Clawhold", cause: "ended")
        commit(.workersWithWork)
        // What was being gathered when the last gateway ended goes on being gathered.
        commit(.releaseDue)
    }

    // MARK: The supervisor's word

    mutating func rowChanged(_ row: WorkerRow, _ now: Int64) {
        let old = table[row.id]
        table[row.id] = row
        alertOf(row, was: old)
        tunnelRow(row, now)
        if row.incarnation > (old?.incarnation ?? 0), row.incarnation > 1 {
            sweeps[row.id] = (row.incarnation, now)
        }
        if old?.state != row.state || old?.incarnation != row.incarnation {
            if row.state == "parked", wanted.contains(row.id) { failWaiting(row.id) }
            if row.state == "quarantined", wanted.contains(row.id) { commit(.tellWaiting(agent: row.id)) }
            // Its incarnation may take work again, or is to be asked for.
            pumpTurns(row.id)
            if row.kind == "channel" { letGo(row.id) }
        }
        publish(.workersChanged)
    }

    mutating func gone(_ worker: String) {
        table[worker] = nil
        channelStatus[worker] = nil
        if wanted.contains(worker) { failWaiting(worker) }
        publish(.workersChanged)
    }

    /// Its messages are answered with why nobody answers them.
    mutating func failWaiting(_ agent: String) {
        wanted.remove(agent)
        let why = table[agent].map(\.text) ?? "it is not configured any more"
        let reason = why.isEmpty ? "" : ": \(why)"
        commit(.fail(agent: agent, sentence: "I cannot answer: \(agent) is out of order\(reason)."))
    }

    mutating func waitingFailed(_ agent: String, _ failed: [StoppedTurn], _ sentence: String) {
        for turn in failed {
            publish(.failed(Run(id: turn.runID, sessionKey: turn.sessionKey), sentence: sentence))
        }
        if !failed.isEmpty {
            log(.error, "\(failed.count) waiting messages were answered with: \(sentence)")
            // One commit takes some hundreds of them.
            commit(.fail(agent: agent, sentence: sentence))
        }
        for channel in links.keys where channel.hasPrefix("channel:") { pumpSends(channel) }
    }

    /// Nobody waits without knowing why.
    mutating func waitingTold(_ agent: String, _ told: [StoppedTurn]) {
        guard !told.isEmpty else { return }
        log(
            .warning,
            "\(told.count) conversations wait for \(agent), which is quarantined; their senders are told. To try it now: clawhold reset \(agent)"
        )
        for channel in links.keys where channel.hasPrefix("channel:") { pumpSends(channel) }
    }

    mutating func exited(_ exit: WorkerExit, _ now: Int64) {
        // A dead peer's bytes stay readable: its results count before its death does.
        if let link = links[exit.worker], link.incarnation <= exit.incarnation {
            links[exit.worker]?.pendingExit = (exit, now)
            return
        }
        journal(exit)
    }

    func isOverdue(_ link: LinkState, _ now: Int64) -> Bool {
        link.pendingExit.map { now - $0.at >= limits.lastWords } ?? false
    }

    mutating func journal(_ exit: WorkerExit) {
        deadUpTo[exit.worker] = max(deadUpTo[exit.worker] ?? 0, exit.incarnation)
        commit(.exit(exit, mustConfirm: true))
    }

    mutating func exitJournaled(_ exit: WorkerExit, _ mustConfirm: Bool, _ report: ReleaseReport) {
        tell(report, of: exit.worker, cause: exit.cause)
        if exit.cause.hasPrefix("oom") || exit.cause == "allocation" { alert(.memory(exit.worker, exit.text)) }
        if mustConfirm { effect(.exited(worker: exit.worker, incarnation: exit.incarnation)) }
        if exit.worker.hasPrefix("channel:") {
            pumpInbox(exit.worker)
            pumpSends(exit.worker)
        }
    }

    /// What a death did, for the operator and for clients, and on with what was released.
    private mutating func tell(_ report: ReleaseReport, of worker: String, cause: String) {
        for id in report.requeuedTurns {
            turns[id] = nil
            log(.info, "turn \(id) begins again: \(worker) died (\(cause)) while working on it")
        }
        for turn in report.abortedTurns {
            turns[turn.turnID] = nil
            publish(.aborted(Run(id: turn.runID, sessionKey: turn.sessionKey), reason: "stop"))
        }
        for turn in report.deadTurns {
            turns[turn.turnID] = nil
            publish(.failed(Run(id: turn.runID, sessionKey: turn.sessionKey), sentence: Sentences.poisoned))
            log(.error, "turn \(turn.turnID) is a dead letter: \(worker) died of it (\(cause)); its sender is told")
        }
        for item in report.deadInbox {
            log(.error, "message \(item.name) is a dead letter: \(item.reason)", about: item.worker)
        }
        for item in report.deadOutbox {
            log(.error, "part \(item.name) of an answer is a dead letter: \(item.reason)", about: item.worker)
        }
        alertOf(report, worker)
        for item in report.inDoubt {
            log(.warning, "part \(item.name) of an answer is in doubt: \(item.reason)", about: item.worker)
        }
        for agent in report.requeuedAgents.sorted() { want(agent) }
        if !report.deadTurns.isEmpty || !report.abortedTurns.isEmpty { pumpAllTurns() }
        for channel in links.keys where channel.hasPrefix("channel:") && !report.deadTurns.isEmpty {
            pumpSends(channel)
        }
    }

    // MARK: Time

    mutating func tick(_ now: Int64) {
        if now - pairedReadAt >= Self.pairedEvery {
            pairedReadAt = now
            effect(.readPaired)
        }
        showActivity(now)
        for link in links.values where isOverdue(link, now) {
            effect(.close(link: link.id))
            unlinked(link.worker, link.id)
        }
        for (worker, sweep) in sweeps where now - sweep.at >= limits.lastWords {
            sweeps[worker] = nil
            // The supervisor tells every death before the next life; a claim that is still older was never told of.
            let exit = WorkerExit(
                worker: worker,
                incarnation: sweep.incarnation - 1,
                cause: "signal",
                death: .unknown,
                text: ""
            )
            guard (deadUpTo[worker] ?? 0) < exit.incarnation, links[worker]?.incarnation != exit.incarnation else {
                continue
            }
            commit(.exit(exit, mustConfirm: false))
        }
        for agent in wanted.sorted() { pumpTurns(agent) }
        for (channel, due) in dueAt where due <= now {
            dueAt[channel] = nil
            pumpSends(channel)
        }
        expireQuestions(now)
        for commit in owed.due(now) { self.commit(commit) }
        pumpLedgers(now)
        readSpending(now)
        released(now)
        tellExpired(now)
        // What is left over is done a little every second, while nothing else is under way.
        if now - prunedAt >= limits.pruneEvery || (mayPruneMore && isIdle) {
            prunedAt = now
            mayPruneMore = false
            commit(.prune)
        }
    }

    // MARK: Drain

    /// May be told twice.
    mutating func drain(_ isShutdown: Bool, _ epoch: String, _ now: Int64) {
        guard !isDraining else { return }
        isDraining = true
        self.isShutdown = isShutdown
        if isShutdown { commit(.noteShutdown(epoch: epoch)) }
        pumpLedgers(now)
    }

    /// Workers that have nothing left to do for this gateway may go early.
    mutating func dismissIdle() -> [DeliveryEffect] {
        var goodbyes: [DeliveryEffect] = []
        for link in links.values where link.isReady && !link.isDismissed && !isBusy(link.worker) {
            links[link.worker]?.isDismissed = true
            var goodbye = HubGoodbye()
            goodbye.reason = .drained
            goodbyes.append(.send(link: link.id, .goodbye(goodbye), reach: nil))
        }
        return goodbyes
    }

    /// Whether a turn or a chunk needs this worker. Models serve any turn.
    private func isBusy(_ worker: String) -> Bool {
        if worker.hasPrefix("agent:") { return turns.values.contains { $0.turn.agent == worker } }
        if worker.hasPrefix("channel:") {
            return turns.values.contains { $0.turn.channel == worker } || sends.values.contains { $0.channel == worker }
        }
        return !turns.isEmpty
    }
}
