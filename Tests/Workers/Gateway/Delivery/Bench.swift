import Config
import FoundationEssentials
import IPCHub
import SwiftProtobuf
import Testing

@testable import Gateway
@testable import Journal

/// The core over a real journal in a directory of its own, with a clock that stands still until it is moved.
final class Bench {
    let directory: String
    private(set) var core: DeliveryCore
    private(set) var journal: SQLiteJournal
    let config: GatewayConfig
    let limits: DeliveryLimits
    var now: Int64 = 1_700_000_000_000
    /// Frames by link, oldest first, until they are taken.
    private(set) var frames: [Int: [HubMessage]] = [:]
    private(set) var starts: [String] = []
    private(set) var exited: [String] = []
    private(set) var closed: [Int] = []
    private(set) var published: [ConversationEvent] = []
    private(set) var logs: [DeliveryLog] = []
    private(set) var chats: [Int: ChatSendOutcome] = [:]
    private(set) var stops: [Int: Result<[String], ConversationError>] = [:]
    private(set) var orders: [Int: Result<QueueItem, ConversationError>] = [:]
    /// When something asked to be woken.
    private(set) var wakes: [Int64] = []
    /// What workers asked.
    private(set) var asked: [WorkerQuestion] = []
    private(set) var answers: [Int: Result<[UInt8], ConversationError>] = [:]
    /// Steps of the contract in the order in which they were committed.
    private(set) var steps: [String] = []
    /// The machine dies when this step (`done.before-commit`) is reached; what follows does not happen.
    var dieAt: String?
    private(set) var isDead = false
    /// What every commit fails with.
    var refusal: JournalError?
    private var queue: [DeliveryEvent] = []
    private var isApplying = false
    private var lastLink = 0

    static let channel = "channel:telegram:default"
    static let agent = "agent:main"

    init(
        config: GatewayConfig = Bench.config(),
        limits: DeliveryLimits = DeliveryLimits(),
        directory: String? = nil,
        epoch: String = "one"
    ) throws {
        self.directory = directory ?? Bench.temporaryDirectory()
        self.config = config
        self.limits = limits
        journal = try SQLiteJournal(path: self.directory + "/journal.sqlite")
        core = DeliveryCore(config: config, limits: limits)
        apply(.began(epoch: epoch))
    }

    deinit {
        try? FileManager.default.removeItem(atPath: directory)
    }

    static func temporaryDirectory() -> String {
        let path = FileManager.default.temporaryDirectory.path + "/clawhold-bench-\(UUID().uuidString)"
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    static func config() -> GatewayConfig {
        var config = GatewayConfig()
        var telegram = ChannelAccess(channel: "telegram", account: "default")
        telegram.allowFrom = ["1", "2", "3"]
        config.channels = [telegram]
        // Sender and owner are one here: what he is told as the owner is the business of the alerts' tests.
        config.alerts.enabled = false
        config.queue.mode = "followup"
        config.agents[0].model.primary = ModelRef(model: "anthropic/claude", worker: "model:anthropic")
        return config
    }

    /// The gateway dies and comes back over the same journal. Workers live on; their links are gone.
    func restart(epoch: String = "one") throws {
        journal = try reopened()
        core = DeliveryCore(config: config, limits: limits)
        frames = [:]
        queue = []
        isDead = false
        dieAt = nil
        apply(.began(epoch: epoch))
    }

    /// A crash leaves the file as it is: the new connection reads a copy, as the old one still holds its lock.
    private func reopened() throws -> SQLiteJournal {
        let copy = directory + "/\(UUID().uuidString)"
        for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: path + suffix) {
            try FileManager.default.copyItem(atPath: path + suffix, toPath: copy + suffix)
        }
        path = copy
        return try SQLiteJournal(path: copy)
    }

    private lazy var path = directory + "/journal.sqlite"

    // MARK: Driving

    func apply(_ event: DeliveryEvent) {
        guard !isDead else { return }
        queue.append(event)
        guard !isApplying else { return }
        work()
    }

    /// Events of one moment: none of them waits for what becomes of the commits of those before it.
    func together(_ events: () -> Void) {
        isApplying = true
        events()
        work()
    }

    private func work() {
        isApplying = true
        defer { isApplying = false }
        while !queue.isEmpty {
            let next = queue.removeFirst()
            for effect in core.handle(next, now: now) where !isDead { perform(effect) }
        }
    }

    func advance(_ milliseconds: Int64) {
        now += milliseconds
        apply(.tick)
    }

    /// The time that was asked for last has come.
    func wake() {
        now = max(now, wakes.last ?? now)
        apply(.due)
    }

    private func perform(_ effect: DeliveryEffect) {
        switch effect {
        case .commit(let commit): queue.append(.committed(commit, run(commit)))
        case .send(let link, let message, let place):
            frames[link, default: []].append(message)
            if let place { reach(place) }
        case .close(let link): closed.append(link)
        case .start(let worker): starts.append(worker)
        case .exited(let worker, let incarnation): exited.append("\(worker)|\(incarnation)")
        case .answerChat(let token, let outcome): chats[token] = outcome
        case .answerStop(let token, let result): stops[token] = result
        case .answerOrder(let token, let result): orders[token] = result
        case .wake(let time): wakes.append(time)
        case .pair(let stranger): queue.append(.paired(stranger, ask(stranger)))
        case .readPaired: break
        case .answerQuestion(let token, let result): answers[token] = result
        case .answerWorker(let question): asked.append(question)
        case .publish(let event): published.append(event)
        case .log(let line): logs.append(line)
        }
    }

    private func ask(_ stranger: Stranger) -> Result<PairingAnswer, PairingDisk.Failure> {
        let parts = stranger.settling.channel.split(separator: ":").map(String.init)
        let store = PairingStore(stateDirectory: directory) { _ in }
        do throws(PairingDisk.Failure) {
            return .success(try store.ask(stranger.question(parts[1], parts[2]), now: now))
        } catch {
            return .failure(error)
        }
    }

    private func reach(_ place: String) {
        guard place == dieAt else { return }
        isDead = true
        queue = []
    }

    private func run(_ commit: Commit) -> Result<Committed, JournalError> {
        if let refusal { return .failure(refusal) }
        do throws(JournalError) {
            try journal.database.execute("BEGIN IMMEDIATE")
            let value = try commit.perform(on: journal, limits: core.limits, now: now)
            if value.isStep, let place = commit.killPoint {
                reach("\(place).before-commit")
                if isDead {
                    try journal.database.execute("ROLLBACK")
                    return .failure(.closed)
                }
            }
            try journal.database.execute("COMMIT")
            if value.isStep, let place = commit.killPoint {
                steps.append(place)
                reach("\(place).after-commit")
            }
            return .success(value)
        } catch {
            return .failure(error)
        }
    }

    // MARK: Workers

    /// A worker says HELLO; returns its link.
    @discardableResult
    func link(_ worker: String, incarnation: UInt64 = 1, _ fill: (inout HubHello) -> Void = { _ in }) -> Int {
        lastLink += 1
        var hello = HubHello()
        hello.worker = worker
        hello.incarnation = incarnation
        fill(&hello)
        apply(.linked(worker: worker, link: lastLink, hello: hello))
        return lastLink
    }

    func unlink(_ worker: String, _ link: Int) { apply(.unlinked(worker: worker, link: link)) }

    func exit(_ worker: String, _ incarnation: UInt64 = 1, death: Death = .unknown, cause: String = "signal") {
        apply(.exit(WorkerExit(worker: worker, incarnation: incarnation, cause: cause, death: death, text: "")))
    }

    /// Its link ends and the supervisor tells its death.
    func die(_ worker: String, _ link: Int, _ incarnation: UInt64 = 1, death: Death = .unknown) {
        unlink(worker, link)
        exit(worker, incarnation, death: death)
    }

    func receive(_ worker: String, _ link: Int, _ message: HubMessage) {
        apply(.frame(worker: worker, link: link, message))
    }

    /// The frames that went out on a link since the last call.
    func take(_ link: Int) -> [HubMessage] {
        defer { frames[link] = [] }
        return frames[link] ?? []
    }

    func turns(_ link: Int) -> [HubTurn] {
        take(link).compactMap { if case .turn(let turn) = $0 { turn } else { nil } }
    }

    func sends(_ link: Int) -> [HubSend] {
        take(link).compactMap { if case .send(let send) = $0 { send } else { nil } }
    }

    // MARK: Shorthands

    func inbound(_ link: Int, of channel: String = Bench.channel, key: String, seq: UInt64 = 1, cursor: String = "") {
        var event = HubInbound()
        event.seq = seq
        event.eventKey = key
        event.raw = Data(key.utf8)
        event.cursor = Data(cursor.utf8)
        receive(channel, link, .inbound(event))
    }

    static func message(_ text: String = "hello", from sender: String = "1", chat: String? = nil) -> HubChatMessage {
        var message = HubChatMessage()
        message.text = text
        message.conversation = chat ?? sender
        message.senderID = sender
        message.senderUsername = "name\(sender)"
        message.replyTarget = Data("to \(chat ?? sender)".utf8)
        return message
    }

    /// Answers the NORMALIZE frames on `link`.
    func parse(
        _ link: Int,
        of channel: String = Bench.channel,
        _ message: (HubNormalize) -> HubChatMessage = { _ in Bench.message() }
    ) {
        for case .normalize(let asked) in take(link) {
            var normalized = HubNormalized()
            normalized.row = asked.row
            normalized.message = message(asked)
            receive(channel, link, .normalized(normalized))
        }
    }

    func done(_ link: Int, _ turnID: String, _ text: String = "an answer", status: HubTurnDone.Status = .ok) {
        receive(Self.agent, link, .done(Self.ended(turnID, text, status)))
    }

    static func ended(_ turnID: String, _ text: String = "an answer", _ status: HubTurnDone.Status = .ok) -> HubTurnDone
    {
        var done = HubTurnDone()
        done.turnID = turnID
        done.status = status
        done.text = text
        return done
    }

    func result(_ link: Int, _ row: UInt64, _ outcome: HubSendResult.Outcome = .sent) {
        receive(Self.channel, link, .sendResult(Self.delivered(row, outcome)))
    }

    static func delivered(_ row: UInt64, _ outcome: HubSendResult.Outcome = .sent) -> HubSendResult {
        var result = HubSendResult()
        result.row = row
        result.outcome = outcome
        result.messageID = "m\(row)"
        return result
    }

    /// One message from the network up to its TURN; returns the links and the turn.
    func turnRunning(key: String = "telegram:default:upd:1") throws -> (channel: Int, agent: Int, turn: HubTurn) {
        let channel = link(Self.channel)
        let agent = link(Self.agent)
        inbound(channel, key: key)
        parse(channel)
        return (channel, agent, try #require(turns(agent).first))
    }

    func counts() throws -> JournalCounts { try journal.counts() }

    func logged(_ part: String) -> Bool { logs.contains { $0.text.contains(part) } }
}
