internal import IPCHub
internal import Journal

/// What happens to the engine.
enum DeliveryEvent: Sendable {
    /// The supervisor's start that this gateway belongs to.
    case began(epoch: String)
    /// A worker's HELLO was accepted. `link` is never used twice.
    case linked(worker: String, link: Int, hello: HubHello)
    case unlinked(worker: String, link: Int)
    case frame(worker: String, link: Int, HubMessage)
    case row(WorkerRow)
    case exit(WorkerExit)
    case gone(String)
    case committed(Commit, Result<Committed, JournalError>)
    case chat(token: Int, ChatSend)
    case stop(token: Int, sessionKey: String, runID: String?, reason: String)
    case question(token: Int, worker: String, method: String, params: [UInt8])
    /// What a worker asked, and what is said to it.
    case answered(WorkerQuestion, Result<[UInt8], ConversationError>)
    /// The disk is full, in words; nil: it has space again.
    case intakeStopped(String?)
    case tick
    /// A time that was asked for with `wake` has come.
    case due
    /// An operator's word about a row.
    case order(token: Int, QueueOrder, QueueID)
    /// Something to say to a conversation, outside any turn.
    case notify(channel: String, NewNotice, origin: String)
    /// What the pairing files say of a stranger who wrote.
    case paired(Stranger, Result<PairingAnswer, PairingDisk.Failure>)
    /// Who was let in by pairing, by worker.
    case admitted([String: [String]])
    case drain(isShutdown: Bool, epoch: String)
}

/// What the engine wants done, in order.
enum DeliveryEffect: Sendable {
    case commit(Commit)
    /// `reach`: the kill point after the frame.
    case send(link: Int, HubMessage, reach: String?)
    /// The worker broke the contract, or is not wanted any more.
    case close(link: Int)
    case start(worker: String)
    case exited(worker: String, incarnation: UInt64)
    case answerChat(token: Int, ChatSendOutcome)
    case answerStop(token: Int, Result<[String], ConversationError>)
    case answerOrder(token: Int, Result<QueueItem, ConversationError>)
    /// `due` at this time, milliseconds since 1970.
    case wake(at: Int64)
    case answerQuestion(token: Int, Result<[UInt8], ConversationError>)
    /// Answers a worker; `answered` follows.
    case answerWorker(WorkerQuestion)
    case publish(ConversationEvent)
    /// Asks the pairing files about a stranger; `paired` answers.
    case pair(Stranger)
    /// Reads who was let in; `admitted` answers.
    case readPaired
    case log(DeliveryLog)
}

/// A line of the log.
struct DeliveryLog: Sendable, Equatable {
    enum Level: Sendable {
        case info
        case warning
        case error
    }

    var level: Level
    /// `gateway`, or the channel it is about.
    var subsystem: String
    var text: String
}
