/// The gateway's store, as the delivery engine knows it: one method per row of the contract (`docs/ipc.md` section 2.1).
///
/// Each call is one transition, all or nothing; `JournalWriter` decides which transitions share a commit. Nothing here
/// knows SQLite, every claim carries its owner and incarnation, and times are parameters, so that another engine with
/// row locks can stand in its place (DESIGN section 11). Times are milliseconds since 1970.
package protocol DeliveryJournal: AnyObject {
    /// Makes this start of the supervisor (`epoch`) the owner of all claims; those of another start are dead.
    ///
    /// Deaths count as `unknown`, unless `noteShutdown` was the last word of that start.
    func adopt(epoch: String, sentence: String, limits: PoisonLimits, now: Int64) throws(JournalError) -> ReleaseReport

    /// The tree is being shut down on purpose: what it still holds at its end does not count against anything.
    func noteShutdown(epoch: String) throws(JournalError)

    // MARK: Inbound

    /// {row UNIQUE(event key), cursor} in one commit. `limit` bounds what may wait for its answer.
    func receive(_ event: InboundEvent, limit: Int, now: Int64) throws(JournalError) -> Receipt

    /// A cursor without an event.
    func advance(channel: String, cursor: [UInt8]) throws(JournalError)

    /// Claims events for parsing while fewer than `limit` are in this worker's hands.
    func claimInbox(
        channel: String,
        incarnation: UInt64,
        limit: Int,
        now: Int64
    ) throws(JournalError) -> [InboxRow]

    /// What a parsed event turned out to be; with its turn and all that goes out for it in the same commit. The turn is put
    /// into its lane by the channel's rule.
    func settleInbox(
        row: Int64,
        channel: String,
        incarnation: UInt64,
        verdict: InboxVerdict,
        rules: QueueRules,
        now: Int64
    ) throws(JournalError) -> InboxSettlement

    // MARK: Turns

    /// {row UNIQUE(event key), turn} of a WebChat message.
    func receiveChat(
        eventKey: String,
        turn: NewTurn,
        limit: Int,
        rules: QueueRules,
        now: Int64
    ) throws(JournalError) -> ChatReceipt

    /// What was gathered and is due becomes turns.
    func releaseDue(rules: QueueRules, now: Int64) throws(JournalError) -> DueRelease

    /// Claims turns that are due, one per lane, while fewer than `limit` run in all. What may be answered together with one
    /// goes with it. What is older than `maxAge` milliseconds (0: no limit) is ended instead, of the channels that have a limit of
    /// their own what is older than that.
    func claimTurns(
        agent: String,
        incarnation: UInt64,
        limit: Int,
        maxAge: Int64,
        maxAgeByChannel: [String: Int64],
        now: Int64
    ) throws(JournalError) -> TurnClaims

    /// A tool call's row, before it starts. False when the turn is not in this incarnation's hands.
    func openTool(
        turnID: String,
        agent: String,
        incarnation: UInt64,
        call: ToolRow
    ) throws(JournalError) -> Bool

    /// A tool call's result. False when no such call is open there.
    func closeTool(
        turnID: String,
        agent: String,
        incarnation: UInt64,
        callID: String,
        result: ToolOutcome
    ) throws(JournalError) -> Bool

    /// {turn done, outbox rows} in one commit.
    func settleTurn(
        turnID: String,
        agent: String,
        incarnation: UInt64,
        result: TurnResult,
        now: Int64
    ) throws(JournalError) -> TurnSettlement

    /// Ends turns that wait and marks those that run. With `runID`, only that one.
    func stop(
        lane: String,
        sessionKey: String,
        runID: String?,
        reason: String,
        now: Int64
    ) throws(JournalError) -> StopOutcome

    /// Ends every waiting turn of an agent that will not come, with a sentence to each sender.
    func fail(agent: String, sentence: String, now: Int64) throws(JournalError) -> [StoppedTurn]

    /// Tells the senders of an agent's waiting turns why they wait, once per conversation. The turns go on waiting.
    /// Returns those that were told of.
    func tellWaiting(agent: String, sentence: String, now: Int64) throws(JournalError) -> [StoppedTurn]

    // MARK: Sends

    /// Something to say that belongs to no turn. `origin` names it for ever: false when it was said before.
    func notify(origin: String, channel: String, notice: NewNotice, now: Int64) throws(JournalError) -> Bool

    /// {inflight, worker incarnation}: the oldest chunk of each conversation that has none in flight.
    func claimSends(
        channel: String,
        incarnation: UInt64,
        limit: Int,
        now: Int64
    ) throws(JournalError) -> SendClaims

    /// What became of a chunk. With `possibleDuplicate` this or an earlier try may have arrived unnoticed: the row stays
    /// marked, and one that is to be tried again is in doubt; one that was in doubt already is a dead letter.
    func settleSend(
        row: Int64,
        channel: String,
        incarnation: UInt64,
        outcome: SendOutcome,
        possibleDuplicate: Bool,
        now: Int64
    ) throws(JournalError) -> SendSettlement

    // MARK: Workers

    /// What stands in this incarnation's name, at its HELLO.
    func holdings(worker: String, incarnation: UInt64) throws(JournalError) -> Holdings

    /// An incarnation is dead: its claims and those of all before it are released, the death is journaled, `sentence`
    /// is queued for the senders of turns that become dead letters.
    func exit(
        worker: String,
        incarnation: UInt64,
        cause: String,
        death: Death,
        sentence: String,
        limits: PoisonLimits,
        now: Int64
    ) throws(JournalError) -> ReleaseReport

    /// A lost stretch, for the operator.
    func recordGap(channel: String, text: String, now: Int64) throws(JournalError)

    // MARK: Models

    /// Attempts at providers, each once however often it is told. Returns the ids of those that were not known before.
    func record(_ entries: [LedgerEntry]) throws(JournalError) -> Set<String>

    /// Sums over the attempts of these local days (`2026-11-23`), both included, by day.
    func ledgerSums(from first: String, through last: String) throws(JournalError) -> [LedgerSum]

    /// The last attempts, newest first.
    func ledgerEntries(limit: Int) throws(JournalError) -> [LedgerEntry]

    /// What a model worker must not forget, in place of what was kept before, credentials included.
    func keep(_ state: ModelStateRow, of provider: String, now: Int64) throws(JournalError)

    /// What is kept of all providers, without the credentials.
    func keptModelStates() throws(JournalError) -> [KeptModelState]

    // MARK: Calls

    /// Keeps a telephone call in place of what was kept of it. `limit` bounds those that have not ended.
    func keep(_ call: KeptCall, limit: Int, now: Int64) throws(JournalError) -> CallSave

    /// By our id, else by the provider's; nil: there is none.
    func call(_ id: String) throws(JournalError) -> KeptCall?

    /// Those that changed last, newest first. With `after`: those that changed after this `rev`, the oldest changes when there
    /// are more than `limit`.
    func calls(after rev: Int64?, limit: Int) throws(JournalError) -> [KeptCall]

    // MARK: Reading and upkeep

    /// Messages that started no turn, newest first; of these channels.
    func ignored(of channels: [String], limit: Int) throws(JournalError) -> [IgnoredItem]

    /// How many of them each rule kept out, as far as it is remembered.
    func ignoredCounts(of channels: [String]) throws(JournalError) -> [String: Int]

    /// Where the owner was last heard, one chat for each channel.
    func owners() throws(JournalError) -> [OwnerChat]

    /// Workers that have something to do: agents with turns that wait, channels with events or chunks.
    func workersWithWork() throws(JournalError) -> [String]

    func counts() throws(JournalError) -> JournalCounts

    /// Rows for people, newest first.
    func queueItems(_ filter: QueueFilter) throws(JournalError) -> [QueueItem]

    /// Of these channels; messages that started no turn are counted from `ignoredSince` on.
    func figures(of channels: [String], ignoredSince: Int64) throws(JournalError) -> [String: ChannelFigures]

    /// How many there are of each state of `QueueState.open`.
    func queueCounts() throws(JournalError) -> [QueueState: Int]

    /// Nil when there is none, or it has ended well.
    func queueDetail(_ id: QueueID) throws(JournalError) -> QueueDetail?

    /// Carries out what an operator asks for, once.
    func order(_ order: QueueOrder, _ id: QueueID, now: Int64) throws(JournalError) -> QueueOrderOutcome

    /// Forgets settled rows (`docs/decisions/0127`), at most a few hundred a call, and gives their space back. Returns whether
    /// there may be more.
    func prune(now: Int64) throws(JournalError) -> Bool

    /// Drops what is kept in memory only to be quicker.
    func shed()
}
