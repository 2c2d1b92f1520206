import Config
import FoundationEssentials
import IPCHub
import SwiftProtobuf
import TestSupport
import Testing

@testable import Gateway
@testable import Journal

/// Random schedules of messages, deaths, acknowledgements and retries over the real core and the real journal. Whatever
/// happens: every message that was acknowledged is answered once, or stands among the dead letters; only a chunk that was
/// marked may arrive twice.
@Suite("model of the contract")
struct ModelTests {
    @Test("nothing is lost and nothing is answered twice", arguments: 1...12)
    func run(seed: UInt64) throws {
        var model = try Model(seed: seed)
        for _ in 0..<400 { try model.step() }
        try model.settle()
        try model.check()
    }
}

private struct Model {
    private var random: SplitMix
    private let bench: Bench
    private var channel = 0
    private var agent = 0
    private var incarnations: [String: UInt64] = [Bench.channel: 1, Bench.agent: 1]
    /// What the network still has to tell: messages by key, kept until they are acknowledged.
    private var untold: [String: HubChatMessage] = [:]
    private var messages: [String: HubChatMessage] = [:]
    private var acknowledged: Set<String> = []
    private var waitingAcks: [UInt64: String] = [:]
    private var lastSeq: UInt64 = 0
    private var lastMessage = 0
    /// What the agent and the channel have in their hands, in memory: a death forgets it.
    private var running: [String: String] = [:]
    private var endings: [HubTurnDone] = []
    private var sends: [UInt64: HubSend] = [:]
    private var results: [HubSendResult] = []
    private var asked: [HubNormalize] = []
    /// What people saw, and whether it was marked as perhaps a second time.
    private var delivered: [(row: UInt64, text: String, isMarked: Bool)] = []

    init(seed: UInt64) throws {
        random = SplitMix(seed: seed &* 0x9E37_79B9_7F4A_7C15)
        var config = Bench.config()
        config.queue.mode = seed % 2 == 0 ? "collect" : "followup"
        config.queue.cap = 1000
        config.queue.inboundDebounceMilliseconds = seed % 3 == 0 ? 1000 : 0
        config.session.dmScope = .perPeer
        bench = try Bench(config: config)
        linkAll()
    }

    mutating func step() throws {
        switch random.below(16) {
        case 0...2: say()
        case 3...4: tell()
        case 5...6: parse()
        case 7...8: answer()
        case 9...10: deliver()
        case 11: report()
        case 12: bench.advance(Int64(random.below(3000)))
        case 13: if random.below(4) == 0 { die(Bench.agent) }
        case 14: if random.below(4) == 0 { die(Bench.channel) }
        default: if random.below(3) == 0 { try restart(at: Self.places[random.below(Self.places.count)]) }
        }
        if bench.isDead { try comeBack() }
        take()
    }

    private static let places = [
        "inbound.before-commit", "inbound.after-commit", "normalize.before-commit", "normalize.after-commit",
        "normalized.before-commit", "normalized.after-commit", "claim.before-commit", "claim.after-commit",
        "done.before-commit", "done.after-commit", "send.before-commit", "send.after-commit", "result.before-commit",
        "result.after-commit", "due.before-commit", "due.after-commit",
    ]

    // MARK: The network

    private mutating func say() {
        lastMessage += 1
        let sender = "\(1 + random.below(3))"
        var message = Bench.message("<\(lastMessage)>", from: sender)
        message.messageID = "\(lastMessage)"
        switch random.below(8) {
        case 0: message.album = "a\(lastMessage / 3)"
        case 1: message.text += String(repeating: "x", count: 4000)
        case 2: message.text = "/do <\(lastMessage)>"
        default: break
        }
        untold["m\(lastMessage)"] = message
        messages["m\(lastMessage)"] = message
    }

    /// A message, or one again whose acknowledgement never came.
    private mutating func tell() {
        guard let key = untold.keys.sorted().randomElement(using: &random) else { return }
        lastSeq += 1
        waitingAcks[lastSeq] = key
        bench.inbound(channel, key: key, seq: lastSeq)
    }

    private mutating func parse() {
        guard !asked.isEmpty else { return }
        let normalize = asked.removeFirst()
        var normalized = HubNormalized()
        normalized.row = normalize.row
        normalized.message = messages[String(decoding: normalize.raw, as: UTF8.self)] ?? HubChatMessage()
        bench.receive(Bench.channel, channel, .normalized(normalized))
    }

    // MARK: The workers

    private mutating func answer() {
        if random.below(3) == 0, let done = endings.first { return bench.receive(Bench.agent, agent, .done(done)) }
        guard let id = running.keys.sorted().randomElement(using: &random), let text = running.removeValue(forKey: id)
        else { return }
        let done = Bench.ended(id, "answers " + Self.tokens(in: text).joined(separator: " "))
        endings.append(done)
        bench.receive(Bench.agent, agent, .done(done))
    }

    /// The call to the network; the worker may die before it can tell of it.
    private mutating func deliver() {
        guard let row = sends.keys.sorted().randomElement(using: &random), let send = sends.removeValue(forKey: row)
        else { return }
        var result = Bench.delivered(row)
        if random.below(5) == 0 {
            result.outcome = .retry
            result.retryAfterMs = 500
        } else {
            delivered.append((row, send.content.text, send.inDoubt))
        }
        results.append(result)
        if random.below(2) == 0 { report() }
    }

    private mutating func report() {
        guard let result = results.first else { return }
        bench.receive(Bench.channel, channel, .sendResult(result))
    }

    /// Reads what the gateway said.
    private mutating func take() {
        for frame in bench.take(channel) {
            switch frame {
            case .normalize(let normalize): asked.append(normalize)
            case .inboundAck(let ack):
                guard let key = waitingAcks.removeValue(forKey: ack.seq), ack.refused.isEmpty else { continue }
                acknowledged.insert(key)
                untold[key] = nil
            case .send(let send): sends[send.row] = send
            case .resultAck(let ack): results.removeAll { $0.row == ack.row }
            default: break
            }
        }
        for frame in bench.take(agent) {
            switch frame {
            case .turn(let turn): running[turn.turnID] = turn.message.text
            case .doneAck(let ack): endings.removeAll { $0.turnID == ack.turnID }
            default: break
            }
        }
    }

    // MARK: Deaths

    private mutating func die(_ worker: String) {
        let link = worker == Bench.agent ? agent : channel
        // What it said stands on its link and was read before its death is told.
        take()
        bench.die(worker, link, incarnations[worker] ?? 1, death: random.below(4) == 0 ? .unknown : .uncounted)
        incarnations[worker, default: 1] += 1
        if worker == Bench.agent {
            running = [:]
            endings = []
        } else {
            (sends, results, asked, waitingAcks) = ([:], [], [], [:])
        }
        relink(worker)
    }

    /// The gateway dies when it next comes to a place.
    private mutating func restart(at place: String) throws {
        bench.dieAt = place
    }

    private mutating func comeBack() throws {
        take()
        try bench.restart()
        waitingAcks = [:]
        asked = []
        linkAll()
    }

    private mutating func linkAll() {
        relink(Bench.channel)
        relink(Bench.agent)
    }

    private mutating func relink(_ worker: String) {
        if worker == Bench.channel {
            let (rows, owed) = (sends.keys.sorted(), results)
            channel = bench.link(worker, incarnation: incarnations[worker] ?? 1) { hello in
                hello.acceptedRows = rows
                hello.unackedResults = owed
            }
        } else {
            let (turns, owed) = (running.keys.sorted(), endings)
            agent = bench.link(worker, incarnation: incarnations[worker] ?? 1) { hello in
                hello.runningTurns = turns
                hello.unackedTurns = owed
            }
        }
    }

    // MARK: The end

    /// Nobody dies any more, and everything is done that can be done.
    mutating func settle() throws {
        bench.dieAt = nil
        for _ in 0..<2000 {
            tell()
            parse()
            answer()
            deliver()
            report()
            if let done = endings.first { bench.receive(Bench.agent, agent, .done(done)) }
            bench.advance(700)
            if bench.isDead { try comeBack() }
            take()
            let counts = try bench.counts()
            let isDone =
                untold.isEmpty && running.isEmpty && sends.isEmpty && results.isEmpty && asked.isEmpty
                && counts.inboxPending + counts.turnsQueued + counts.turnsRunning + counts.outboxPending
                    + counts.outboxInflight == 0
            if isDone { return }
        }
        let counts = try bench.counts()
        Issue.record("it never came to rest: \(counts)")
    }

    func check() throws {
        #expect(acknowledged.count == messages.count)
        var filter = QueueFilter()
        filter.states = [.dead]
        filter.limit = 500
        var dead: Set<String> = []
        for item in try bench.journal.queueItems(filter) {
            let detail = try #require(try bench.journal.queueDetail(item.id))
            dead.formUnion(Self.tokens(in: detail.text))
            for id in [item.id] + detail.merged {
                guard case .turn(let turnID) = id else { continue }
                let bodies = try bench.journal.database.rows(
                    "SELECT message FROM turns WHERE turn_id = ?",
                    .text(turnID)
                ) { $0.blob(0) }
                for body in bodies { dead.formUnion(Self.tokens(in: try HubChatMessage(serializedBytes: body).text)) }
            }
        }
        for (key, message) in messages {
            let token = try #require(Self.tokens(in: message.text).first)
            let answers = delivered.filter { Self.tokens(in: $0.text).contains(token) }
            if answers.isEmpty {
                #expect(dead.contains(token), "\(key) was neither answered nor given up")
            }
            #expect(Set(answers.map(\.row)).count <= 1, "\(key) was answered by several turns")
            // Whatever came after the first was marked.
            let unmarked = answers.dropFirst().filter { !$0.isMarked }
            #expect(unmarked.isEmpty, "\(key) was answered twice without a mark")
        }
    }

    private static func tokens(in text: String) -> [String] {
        text.split(separator: "<").compactMap { part in
            guard let end = part.firstIndex(of: ">"), let number = Int(part[..<end]) else { return nil }
            return "<\(number)>"
        }
    }
}
