internal import IPCHub
internal import Journal

/// A transition that the core wants journaled, with what it needs to go on afterwards.
///
/// `link` is the link that the transition was made for: what comes of it is not told on another one.
enum Commit: Sendable {
    case adopt(epoch: String)
    case noteShutdown(epoch: String)
    case receive(InboundEvent, link: Int, seq: UInt64)
    case cursor(channel: String, cursor: [UInt8])
    case claimInbox(channel: String, link: Int, incarnation: UInt64)
    case settleInbox(InboxSettling)
    case chat(token: Int, eventKey: String, turn: NewTurn)
    case claimTurns(agent: String, link: Int, incarnation: UInt64)
    case openTool(ToolStep, call: ToolRow)
    case closeTool(ToolStep, callID: String, result: ToolOutcome)
    case settleTurn(TurnSettling)
    case stop(token: Int, lane: String, sessionKey: String, runID: String?, reason: String)
    case fail(agent: String, sentence: String)
    case tellWaiting(agent: String)
    case claimSends(channel: String, link: Int, incarnation: UInt64)
    case settleSend(SendSettling)
    case holdings(worker: String, link: Int, hello: HubHello)
    case exit(WorkerExit, mustConfirm: Bool)
    case gap(channel: String, text: String)
    case workersWithWork
    case releaseDue
    case order(token: Int, QueueOrder, QueueID)
    case notify(origin: String, channel: String, notice: NewNotice)
    case prune
    case owners
    case keepModelState(StateKeeping)
    case record(worker: String, link: Int, [LedgerEntry])
    case spending(day: String)
    case keepCall(CallKeeping)
}

/// A parsed event on its way to its end.
struct InboxSettling: Sendable {
    var row: Int64
    var channel: String
    var link: Int
    var incarnation: UInt64
    var verdict: InboxVerdict
    /// Whose lane it goes to, when it becomes a turn.
    var agent: String?
}

/// A step of a tool call.
struct ToolStep: Sendable {
    var turnID: String
    var agent: String
    var link: Int
    var incarnation: UInt64
    var name: String
}

/// A turn's end on its way into the journal.
struct TurnSettling: Sendable {
    var done: HubTurnDone
    var agent: String
    var link: Int
    var incarnation: UInt64
    var result: TurnResult
    /// The channel that the answer's chunks wait for.
    var channel: String
}

/// A chunk's end on its way into the journal.
struct SendSettling: Sendable {
    var row: Int64
    var channel: String
    var link: Int
    var incarnation: UInt64
    var outcome: SendOutcome
    var possibleDuplicate: Bool
}

/// An EXIT block.
struct WorkerExit: Sendable, Equatable {
    var worker: String
    var incarnation: UInt64
    var cause: String
    var death: Death
    /// The supervisor's words.
    var text: String
}

/// What came of a commit, in the order of `Commit`.
enum Committed: Sendable {
    case nothing
    case report(ReleaseReport)
    case receipt(Receipt)
    case inbox([InboxRow])
    case inboxSettlement(InboxSettlement)
    case chat(ChatReceipt)
    case turns(TurnClaims)
    case tool(Bool)
    case turnSettlement(TurnSettlement)
    case stop(StopOutcome)
    case failed([StoppedTurn])
    case sends(SendClaims)
    case sendSettlement(SendSettlement)
    case holdings(Holdings)
    case workers([String])
    case due(DueRelease)
    case order(QueueOrderOutcome)
    case notified(Bool)
    case pruned(Bool)
    case owners([OwnerChat])
    /// The rows that were not known before.
    case recorded(Set<String>)
    case spending([LedgerSum])
    case callSaved(CallSave)

    /// Whether anything was changed: a claim that found nothing is no step of the contract.
    var isStep: Bool {
        switch self {
        case .inbox(let rows): !rows.isEmpty
        case .turns(let claims): !claims.turns.isEmpty
        case .sends(let claims): !claims.rows.isEmpty
        case .nothing, .report, .receipt, .inboxSettlement, .chat, .tool, .turnSettlement, .stop, .failed,
            .sendSettlement, .holdings, .workers, .order, .notified, .pruned, .owners, .recorded, .spending,
            .callSaved:
            true
        case .due(let release): release.didFlush
        }
    }
}

extension Commit {
    /// How it is kept.
    var durability: JournalDurability {
        switch self {
        // A model's worker that is told that nothing can be kept goes on without, one that holds calls makes no new ones.
        case .receive, .chat, .keepModelState, .keepCall: .intake
        // What may leave the machine is on the disk first; a death that was confirmed is not told again.
        case .adopt, .claimSends, .exit: .synced
        case .noteShutdown, .cursor, .claimInbox, .settleInbox, .claimTurns, .openTool, .closeTool, .settleTurn, .stop,
            .fail, .tellWaiting, .settleSend, .holdings, .gap, .workersWithWork, .prune, .releaseDue, .order, .notify,
            .owners, .record, .spending:
            .relaxed
        }
    }

    /// The name of its kill points (`docs/ipc.md` section 2.2), without `.before-commit` and `.after-commit`.
    var killPoint: String? {
        switch self {
        case .receive: "inbound"
        case .claimInbox: "normalize"
        case .settleInbox: "normalized"
        case .chat: "chat-send"
        case .claimTurns: "claim"
        case .openTool: "tool-open"
        case .closeTool: "tool-close"
        case .settleTurn: "done"
        case .claimSends: "send"
        case .settleSend: "result"
        case .releaseDue: "due"
        case .keepModelState: "model-state"
        case .record: "ledger"
        case .keepCall: "call"
        case .adopt, .noteShutdown, .cursor, .stop, .fail, .tellWaiting, .holdings, .exit, .gap, .workersWithWork,
            .order, .notify, .prune, .owners, .spending:
            nil
        }
    }

    /// Carries it out, on the writer's thread.
    func perform(
        on journal: any DeliveryJournal,
        limits: DeliveryLimits,
        now: Int64
    ) throws(JournalError) -> Committed {
        switch self {
        case .adopt(let epoch):
            return .report(
                try journal.adopt(epoch: epoch, sentence: Sentences.poisoned, limits: limits.poison, now: now)
            )
        case .noteShutdown(let epoch): try journal.noteShutdown(epoch: epoch)
        case .receive(let event, _, _):
            return .receipt(try journal.receive(event, limit: limits.waitingPerChannel, now: now))
        case .cursor(let channel, let cursor): try journal.advance(channel: channel, cursor: cursor)
        case .claimInbox(let channel, _, let incarnation):
            return .inbox(
                try journal.claimInbox(
                    channel: channel,
                    incarnation: incarnation,
                    limit: limits.inHandPerChannel,
                    now: now
                )
            )
        case .settleInbox(let settling):
            return .inboxSettlement(
                try journal.settleInbox(
                    row: settling.row,
                    channel: settling.channel,
                    incarnation: settling.incarnation,
                    verdict: settling.verdict,
                    rules: limits.queueRules,
                    now: now
                )
            )
        case .chat(_, let eventKey, let turn):
            return .chat(
                try journal.receiveChat(
                    eventKey: eventKey,
                    turn: turn,
                    limit: limits.waitingPerChannel,
                    rules: limits.queueRules,
                    now: now
                )
            )
        case .claimTurns(let agent, _, let incarnation):
            return .turns(
                try journal.claimTurns(
                    agent: agent,
                    incarnation: incarnation,
                    limit: limits.turnsAtOnce,
                    maxAge: limits.maxAge,
                    maxAgeByChannel: limits.maxAgeByChannel,
                    now: now
                )
            )
        case .openTool(let step, let call):
            return .tool(
                try journal.openTool(
                    turnID: step.turnID,
                    agent: step.agent,
                    incarnation: step.incarnation,
                    call: call
                )
            )
        case .closeTool(let step, let callID, let result):
            return .tool(
                try journal.closeTool(
                    turnID: step.turnID,
                    agent: step.agent,
                    incarnation: step.incarnation,
                    callID: callID,
                    result: result
                )
            )
        case .settleTurn(let settling):
            return .turnSettlement(
                try journal.settleTurn(
                    turnID: settling.done.turnID,
                    agent: settling.agent,
                    incarnation: settling.incarnation,
                    result: settling.result,
                    now: now
                )
            )
        case .stop(_, let lane, let sessionKey, let runID, let reason):
            return .stop(
                try journal.stop(lane: lane, sessionKey: sessionKey, runID: runID, reason: reason, now: now)
            )
        case .fail(let agent, let sentence):
            return .failed(try journal.fail(agent: agent, sentence: sentence, now: now))
        case .tellWaiting(let agent):
            return .failed(try journal.tellWaiting(agent: agent, sentence: Sentences.waiting, now: now))
        case .claimSends(let channel, _, let incarnation):
            return .sends(
                try journal.claimSends(
                    channel: channel,
                    incarnation: incarnation,
                    limit: limits.inHandPerChannel,
                    now: now
                )
            )
        case .settleSend(let settling):
            return .sendSettlement(
                try journal.settleSend(
                    row: settling.row,
                    channel: settling.channel,
                    incarnation: settling.incarnation,
                    outcome: settling.outcome,
                    possibleDuplicate: settling.possibleDuplicate,
                    now: now
                )
            )
        case .holdings(let worker, _, let hello):
            return .holdings(try journal.holdings(worker: worker, incarnation: hello.incarnation))
        case .exit(let exit, _):
            return .report(
                try journal.exit(
                    worker: exit.worker,
                    incarnation: exit.incarnation,
                    cause: exit.cause,
                    death: exit.death,
                    sentence: Sentences.poisoned,
                    limits: limits.poison,
                    now: now
                )
            )
        case .gap(let channel, let text): try journal.recordGap(channel: channel, text: text, now: now)
        case .workersWithWork: return .workers(try journal.workersWithWork())
        case .releaseDue: return .due(try journal.releaseDue(rules: limits.queueRules, now: now))
        case .order(_, let order, let id): return .order(try journal.order(order, id, now: now))
        case .owners: return .owners(try journal.owners())
        case .notify(let origin, let channel, let notice):
            return .notified(try journal.notify(origin: origin, channel: channel, notice: notice, now: now))
        case .prune: return .pruned(try journal.prune(now: now))
        case .keepModelState(let keeping):
            try journal.keep(keeping.state, of: String(keeping.worker.trimmingPrefix("model:")), now: now)
        case .keepCall(let keeping):
            return .callSaved(try journal.keep(keeping.call, limit: DeliveryCore.mostCalls, now: now))
        case .record(_, _, let rows): return .recorded(try journal.record(rows))
        case .spending(let day): return .spending(try journal.ledgerSums(from: day, through: day))
        }
        return .nothing
    }
}
