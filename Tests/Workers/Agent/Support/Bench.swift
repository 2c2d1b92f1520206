import FoundationEssentials
import IPCHub
import Logging
import NIOPosix
import Runtime
import Synchronization
import Testing

@testable import Agent

/// A desk with a scripted model, a gateway that acknowledges, and files in a directory of its own.
final class Bench: Sendable {
    let directory: TemporaryDirectory
    let desk: AgentDesk
    let gateway: FakeGateway
    let link: LinkState
    let store: SessionStore
    let reached = Reached()
    let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    final class Reached: Sendable {
        let names = Mutex<[String]>([])
    }

    init(
        _ models: any ModelDoor,
        directory: TemporaryDirectory? = nil,
        sessions: String? = nil,
        tools: [any AgentTool]? = nil,
        media: (any MediaDoor)? = nil,
        speech: (any SpeechDoor)? = nil,
        contextTokens: Int = 200_000,
        retries: [Duration] = [.milliseconds(1), .milliseconds(1)],
        turnLimit: Duration = .seconds(60)
    ) throws {
        let directory = try directory ?? TemporaryDirectory()
        let gateway = FakeGateway()
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let link = LinkState(on: loop)
        link.welcomed()
        let store = SessionStore(directory: sessions ?? directory.path, agent: "main", workspace: directory.path) {
            gateway.note($0)
        }
        let status = SessionStatusTool { _ in
            SessionStatusTool.Facts(
                agent: "main",
                version: "1",
                uptimeMilliseconds: 60_000,
                runningTurns: 1,
                contextTokens: 200_000,
                messages: 3,
                totalTokens: 15
            )
        }
        var place = TurnPlace(
            agent: "main",
            name: "",
            timezone: "",
            contextTokens: contextTokens,
            timeoutSeconds: 60,
            store: store,
            models: models,
            link: link,
            tools: tools ?? [status],
            log: log,
            loop: loop,
            reach: { [reached] name in reached.names.withLock { $0.append(name) } },
            now: { 1_795_000_000_000 }
        )
        place.folder = MediaFolder(path: "\(directory.path)/media")
        place.media = media
        place.speech = speech
        if tools == nil { place.tools.append(MessageTool(files: place.outbound)) }
        place.timing.textInterval = .zero
        place.timing.linkGrace = .milliseconds(20)
        place.timing.modelRetries = retries
        place.timing.turnLimit = turnLimit
        self.directory = directory
        self.gateway = gateway
        self.link = link
        self.store = store
        desk = AgentDesk(place: place) { await gateway.take($0) }
        gateway.attach(desk)
    }

    static func turn(_ id: String, _ text: String, session: String = "agent:main:main") -> HubTurn {
        var turn = HubTurn()
        turn.turnID = id
        turn.runID = id
        turn.sessionKey = session
        turn.channel = "webchat"
        turn.model = "anthropic/test-model"
        turn.modelWorker = "model:anthropic"
        turn.message.text = text
        turn.attempt = 1
        return turn
    }

    /// A message of a Telegram chat.
    static func telegram(_ id: String, _ text: String) -> HubTurn {
        var turn = turn(id, text, session: "agent:main:telegram:7")
        turn.channel = "telegram"
        turn.account = "default"
        turn.message.conversation = "7"
        turn.message.senderID = "7"
        turn.message.senderName = "Ada"
        turn.message.messageID = "55"
        turn.message.timestampMs = 1_795_000_000_000
        return turn
    }

    /// Gives the desk a turn and waits for its DONE.
    func run(_ turn: HubTurn) async throws -> HubTurnDone {
        await desk.received(.turn(turn))
        return try await gateway.done(turn.turnID)
    }

    /// The lines of the only transcript.
    func transcript() throws -> [JSON] {
        let name = try #require(directory.names().first { $0.hasSuffix(".jsonl") })
        let bytes = try #require(directory.read(name))
        return try bytes.split(separator: UInt8(ascii: "\n")).map { try JSON(parsing: $0) }
    }
}

/// The gateway's end of the control link: remembers, and acknowledges unless told otherwise.
final class FakeGateway: Sendable {
    private let state = Mutex(State())

    private struct State {
        var desk: AgentDesk?
        var frames: [HubMessage] = []
        var notes: [String] = []
        var isUp = true
        var acknowledges = true
        var waiting: [(wants: @Sendable ([HubMessage]) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    }

    struct TimedOut: Error { var frames: [HubMessage] }

    func attach(_ desk: AgentDesk) { state.withLock { $0.desk = desk } }
    func note(_ text: String) { state.withLock { $0.notes.append(text) } }

    var frames: [HubMessage] { state.withLock { $0.frames } }
    var notes: [String] { state.withLock { $0.notes } }
    var isUp: Bool {
        get { state.withLock { $0.isUp } }
        set { state.withLock { $0.isUp = newValue } }
    }
    var acknowledges: Bool {
        get { state.withLock { $0.acknowledges } }
        set { state.withLock { $0.acknowledges = newValue } }
    }

    func take(_ message: HubMessage) async -> Bool {
        let (isUp, desk, woken) = state.withLock { state in
            guard state.isUp else { return (false, AgentDesk?.none, [CheckedContinuation<Void, Never>]()) }
            state.frames.append(message)
            let ready = state.waiting.filter { $0.wants(state.frames) }.map(\.continuation)
            state.waiting.removeAll { $0.wants(state.frames) }
            return (true, state.acknowledges ? state.desk : nil, ready)
        }
        for continuation in woken { continuation.resume() }
        guard isUp else { return false }
        var ack = HubToolAck()
        switch message {
        case .toolOpen(let call):
            (ack.turnID, ack.callID) = (call.turnID, call.callID)
            await desk?.received(.toolOpened(ack))
        case .toolClose(let call):
            (ack.turnID, ack.callID) = (call.turnID, call.callID)
            await desk?.received(.toolClosed(ack))
        default: break
        }
        return true
    }

    /// Returns when the frames so far satisfy `wants`; throws after ten seconds.
    func until(_ wants: @escaping @Sendable ([HubMessage]) -> Bool) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await withCheckedContinuation { continuation in
                    let isReady = self.state.withLock { state in
                        if wants(state.frames) { return true }
                        state.waiting.append((wants, continuation))
                        return false
                    }
                    if isReady { continuation.resume() }
                }
            }
            group.addTask {
                try await Task.sleep(for: .seconds(10))
                let (frames, waiting) = self.state.withLock { state in
                    defer { state.waiting = [] }
                    return (state.frames, state.waiting)
                }
                for (_, continuation) in waiting { continuation.resume() }
                throw TimedOut(frames: frames)
            }
            try await group.next()
            group.cancelAll()
        }
    }

    func done(_ turnID: String) async throws -> HubTurnDone {
        try await until { frames in Self.done(turnID, frames) != nil }
        guard let done = Self.done(turnID, frames) else { throw TimedOut(frames: frames) }
        return done
    }

    private static func done(_ turnID: String, _ frames: [HubMessage]) -> HubTurnDone? {
        frames.lazy.compactMap { frame in
            if case .done(let done) = frame, done.turnID == turnID { done } else { nil }
        }.last
    }

    var events: [HubTurnEvent] {
        frames.compactMap { if case .turnEvent(let event) = $0 { event } else { nil } }
    }

    /// What a client shows after all events.
    var shownText: String {
        events.reduce("") { text, event in
            guard case .text(let added)? = event.event else { return text }
            return event.replace ? added : text + added
        }
    }
}
