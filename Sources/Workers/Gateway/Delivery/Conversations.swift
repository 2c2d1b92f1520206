package import Journal

/// What the edge (HTTP, WebSocket) asks of the delivery engine; the engine behind it owns journal, lanes and workers.
package protocol Conversations: ChannelDesk, AccessDesk, ModelDesk, TunnelDesk, CallDesk {
    /// Journals a WebChat message and starts its turn. Returns after the commit.
    func send(_ message: ChatSend) async -> ChatSendOutcome

    /// Interrupts the runs of a session, or one of them. Returns the run ids that were running.
    func abort(sessionKey: String, runID: String?, reason: String) async throws(ConversationError) -> [String]

    /// The last `limit` messages of a session as the JSON object that `chat.history` answers with.
    func history(sessionKey: String, limit: Int) async throws(ConversationError) -> [UInt8]

    /// The sessions of all agents as the JSON object that `sessions.list` answers with. `params` is the caller's JSON.
    func sessions(params: [UInt8]) async throws(ConversationError) -> [UInt8]

    /// Events of all runs, in order, from now on. The handler is called on the engine's event loop and must not block.
    func subscribe(
        _ handler: @escaping @Sendable (ConversationEvent) -> Void
    ) -> any ConversationSubscription

    /// The worker table as the supervisor last told it.
    func workers() async -> [WorkerRow]

    /// What the journal holds for people, newest first.
    func queue(_ filter: QueueFilter) async throws(ConversationError) -> QueueList

    /// All of one row, its text readable.
    func queueDetail(_ id: QueueID) async throws(ConversationError) -> QueueDetail

    /// Carries out an operator's order and returns the row as it is then.
    func order(_ order: QueueOrder, _ id: QueueID) async throws(ConversationError) -> QueueItem

    /// Says something to a conversation of a channel, outside any turn, through the outbox. `origin` names it for ever: what
    /// was said under the same name is not said again.
    func notify(channel: String, _ notice: NewNotice, origin: String) async

    /// Counts for `status`, `health`, `/metrics`.
    func deliveryStatus() async -> DeliveryStatus
}

/// A message typed into WebChat.
package struct ChatSend: Sendable {
    package var sessionKey: String
    package var text: String
    /// Also the run's id.
    package var idempotencyKey: String
    package var timestampMilliseconds: Int64
    /// Pictures that lie in the inbound folder already.
    package var files: [ChatFile] = []
    /// How much the model is to think about it, as somebody wrote it; "": as the conversation says.
    package var thinking = ""

    package init(sessionKey: String, text: String, idempotencyKey: String, timestampMilliseconds: Int64) {
        self.sessionKey = sessionKey
        self.text = text
        self.idempotencyKey = idempotencyKey
        self.timestampMilliseconds = timestampMilliseconds
    }
}

/// A file of a `ChatSend`, stored in `<state>/media/inbound`.
package struct ChatFile: Sendable, Equatable {
    /// In that directory.
    package var name: String
    package var mime: String
    /// As the client called it; "" when it did not.
    package var shownName: String
    package var size: Int

    package init(name: String, mime: String, shownName: String, size: Int) {
        self.name = name
        self.mime = mime
        self.shownName = shownName
        self.size = size
    }
}

/// What became of a `ChatSend`.
package enum ChatSendOutcome: Sendable, Equatable {
    /// Committed; events follow.
    case started
    /// The same key is still running.
    case inFlight
    /// The same key ran before and ended well.
    case finished
    /// The same key ran before and failed with this sentence.
    case failed(String)
    /// Not taken (disk full, draining): the sentence says why and what to do.
    case refused(String)
}

/// One step of a run, for clients.
package enum ConversationEvent: Sendable {
    case started(Run)
    /// `text` is the whole text so far, `added` the new part; `replaced` when a re-run began anew.
    case text(Run, text: String, added: String, replaced: Bool)
    case toolStarted(Run, name: String, callID: String, arguments: [UInt8])
    case toolFinished(Run, name: String, callID: String, result: String, isError: Bool)
    /// The transcript already holds the answer.
    case finished(Run, text: String, usage: RunUsage, stopReason: String)
    case failed(Run, sentence: String)
    case aborted(Run, reason: String)
    /// The worker table or the health of something changed.
    case workersChanged
}

/// Which run an event belongs to.
package struct Run: Sendable, Hashable {
    /// The client's idempotency key for WebChat, the turn's id for channels.
    package var id: String
    /// As the sender spelt it.
    package var sessionKey: String

    package init(id: String, sessionKey: String) {
        self.id = id
        self.sessionKey = sessionKey
    }
}

/// Tokens of a run.
package struct RunUsage: Sendable, Equatable {
    package var input: UInt64
    package var output: UInt64
    package var cacheRead: UInt64
    package var cacheWrite: UInt64

    package init(input: UInt64 = 0, output: UInt64 = 0, cacheRead: UInt64 = 0, cacheWrite: UInt64 = 0) {
        self.input = input
        self.output = output
        self.cacheRead = cacheRead
        self.cacheWrite = cacheWrite
    }
}

/// Rows of the journal, and how many there are of each state that an operator has to know of.
package struct QueueList: Sendable, Equatable {
    package var items: [QueueItem]
    package var counts: [QueueState: Int]

    package init(items: [QueueItem], counts: [QueueState: Int]) {
        self.items = items
        self.counts = counts
    }
}

/// Why a question to the engine failed.
package enum ConversationError: Error, Sendable, Equatable {
    /// The caller's mistake, in words for it.
    case invalid(String)
    /// Not now (agent not to be had, time out), in words.
    case unavailable(String)
}

/// Ends a subscription when it is cancelled.
package protocol ConversationSubscription: Sendable {
    func cancel()
}

/// One worker as the supervisor sees it. Memory in KiB, anonymous and kernel memory only.
package struct WorkerRow: Sendable, Equatable {
    package var id: String
    package var kind: String
    package var state: String
    package var incarnation: UInt64
    package var pid: Int32
    package var sinceMilliseconds: Int64
    package var restarts: Int
    package var memoryKB: Int64
    package var peakKB: Int64
    package var softKB: Int64
    package var hardKB: Int64
    /// Of the last death: its kind, its words, when it was (wall clock); empty and 0 before the first.
    package var cause: String
    package var death: String
    package var diedMilliseconds: Int64
    /// When the next start is due, of a worker in back-off or quarantine; 0 otherwise.
    package var nextTryMilliseconds: Int64
    /// What the worker says of itself, or why it is parked.
    package var text: String

    package init(id: String, kind: String) {
        self.id = id
        self.kind = kind
        state = "stopped"
        incarnation = 0
        pid = 0
        sinceMilliseconds = 0
        restarts = 0
        memoryKB = 0
        peakKB = 0
        softKB = 0
        hardKB = 0
        cause = ""
        death = ""
        diedMilliseconds = 0
        nextTryMilliseconds = 0
        text = ""
    }
}

extension WorkerRow {
    /// Why it does not run, in words: what it is parked for, else its last death.
    package var reason: String {
        guard text.isEmpty else { return text }
        // A stop that somebody asked for is no trouble.
        guard cause != "stopped" else { return "" }
        return death.isEmpty ? cause : death
    }
}

/// Counts of the journal's queues.
package struct DeliveryStatus: Sendable, Equatable {
    package var inboxPending = 0
    package var turnsRunning = 0
    package var outboxPending = 0
    package var outboxInflight = 0
    package var deadLetters = 0
    /// Empty, or why no message is taken in at the moment.
    package var intakeStopped = ""
    /// Empty, or why the gateway is in safe mode: nothing is dispatched, and the counts are not known.
    package var safeMode = ""

    package init() {}
}
