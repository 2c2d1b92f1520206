internal import IPCHub
internal import Logging
internal import NIOCore
internal import Runtime
internal import Synchronization

/// What the agent has in hand: running turns, finished ones that the gateway has not confirmed, questions it answers.
///
/// The lanes are the gateway's: it gives what may run. Two turns of one session never run together all the same.
final class AgentDesk: Sendable {
    /// Most turns that run at once, and most that wait for their session.
    static let runningLimit = 64
    static let waitingLimit = 256
    /// Most bytes of finished turns that HELLO carries; the others are sent after it.
    static let helloLimit = 512 * 1024

    private let place: TurnPlace
    private let send: @Sendable (HubMessage) async -> Bool
    private let state = Mutex(State())

    private struct State {
        var running: [String: RunningTurn] = [:]
        var busySessions: Set<SessionKey> = []
        var waiting: [HubTurn] = []
        /// By turn id, in the order in which they ended.
        var unacked: [HubTurnDone] = []
        var lastWork = ContinuousClock.now
        var isClosing = false
    }

    init(place: TurnPlace, send: @escaping @Sendable (HubMessage) async -> Bool) {
        self.place = place
        self.send = send
    }

    /// What HELLO lists.
    func hello() -> HubHello {
        state.withLock { state in
            var hello = HubHello()
            hello.runningTurns = state.running.keys.sorted() + state.waiting.map(\.turnID)
            var size = 0
            for done in state.unacked {
                size += Self.size(done)
                if size <= Self.helloLimit {
                    hello.unackedTurns.append(done)
                } else {
                    hello.runningTurns.append(done.turnID)
                }
            }
            return hello
        }
    }

    /// Bytes that a finished turn takes in HELLO.
    private static func size(_ done: HubTurnDone) -> Int {
        done.text.utf8.count + done.cause.utf8.count + TurnReply.size(done.parts) + 256
    }

    /// The link stands again: what HELLO had no room for, and the running turns' text so far.
    func welcomed() async {
        let (running, unacked) = state.withLock { (Array($0.running.values), $0.unacked) }
        for turn in running { await turn.welcomed() }
        var size = 0
        for done in unacked {
            size += Self.size(done)
            if size > Self.helloLimit { _ = await send(.done(done)) }
        }
    }

    /// A frame of the control link. Returns at once; work goes on in tasks of its own.
    func received(_ message: HubMessage) async {
        switch message {
        case .turn(let turn): await take(turn)
        case .toolOpened(let ack): running(ack.turnID)?.acknowledged(ack, isOpening: true)
        case .toolClosed(let ack): running(ack.turnID)?.acknowledged(ack, isOpening: false)
        case .doneAck(let ack): state.withLock { state in state.unacked.removeAll { $0.turnID == ack.turnID } }
        case .interrupt(let interrupt): await self.interrupt(interrupt.turnID, interrupt.reason)
        default: place.log.debug("a frame of type \(message.type) is not for an agent")
        }
    }

    /// How long there has been nothing to do; nil while there is.
    func idle(at now: ContinuousClock.Instant) -> Duration? {
        state.withLock { state in
            guard state.running.isEmpty, state.waiting.isEmpty, state.unacked.isEmpty else { return nil }
            return now - state.lastWork
        }
    }

    /// Something other than a turn kept the agent busy.
    func worked() { state.withLock { $0.lastWork = .now } }

    var runningCount: Int { state.withLock { $0.running.count } }

    /// Takes no more turns; those that run may end until `deadline`, then they are dropped for the gateway to give out
    /// again.
    func close(by deadline: ContinuousClock.Instant) async {
        state.withLock { state in
            state.isClosing = true
            state.waiting = []
        }
        while ContinuousClock.now < deadline, state.withLock({ !$0.running.isEmpty || !$0.unacked.isEmpty }) {
            try? await Task.sleep(for: .milliseconds(20))  // only while draining, for seconds at most
        }
        for turn in state.withLock({ Array($0.running.values) }) { turn.interrupt("shutdown") }
    }

    private func running(_ turnID: String) -> RunningTurn? { state.withLock { $0.running[turnID] } }

    private func take(_ turn: HubTurn) async {
        enum Answer {
            case start(RunningTurn)
            case again(HubTurnDone)
            case known(RunningTurn)
            case full
            case nothing
        }
        let answer = state.withLock { state -> Answer in
            if let done = state.unacked.first(where: { $0.turnID == turn.turnID }) { return .again(done) }
            if let running = state.running[turn.turnID] { return .known(running) }
            if state.isClosing || state.waiting.contains(where: { $0.turnID == turn.turnID }) { return .nothing }
            if state.busySessions.contains(key(turn)) || state.running.count >= Self.runningLimit {
                guard state.waiting.count < Self.waitingLimit else { return .full }
                state.waiting.append(turn)
                return .nothing
            }
            return .start(begin(turn, &state))
        }
        switch answer {
        case .start(let running): start(running)
        case .again(let done): _ = await send(.done(done))
        case .known(let running): await running.welcomed()
        case .full: place.log.error("turn \(turn.turnID) was not taken: \(Self.waitingLimit) are waiting already")
        case .nothing: break
        }
    }

    private func key(_ turn: HubTurn) -> SessionKey { SessionKey(turn.sessionKey, agent: place.agent) }

    private func begin(_ turn: HubTurn, _ state: inout State) -> RunningTurn {
        let running = RunningTurn(turn: turn, textInterval: place.timing.textInterval, send: send)
        state.running[turn.turnID] = running
        state.busySessions.insert(key(turn))
        return running
    }

    private func start(_ running: RunningTurn) {
        let key = key(running.turn)
        // Ends with the turn, which `interrupt` ends.
        Task {
            let limit = self.place.loop.scheduleTask(in: TimeAmount(self.place.timing.turnLimit)) {
                running.interrupt(TurnLoop.ownTimeout)
            }
            let outcome = await TurnLoop(place: self.place, running: running, key: key).run()
            limit.cancel()
            await running.events.flush()
            await self.ended(running.turn, outcome)
        }
    }

    private func ended(_ turn: HubTurn, _ outcome: TurnLoop.Outcome) async {
        let next = state.withLock { state -> [RunningTurn] in
            state.running[turn.turnID] = nil
            state.busySessions.remove(key(turn))
            state.lastWork = .now
            if case .done(let done) = outcome { state.unacked.append(done) }
            return startable(&state)
        }
        for running in next { start(running) }
        guard case .done(let done) = outcome else { return }
        _ = await send(.done(done))
        place.reach("done.after-frame")
    }

    /// Turns that waited for their session and may run now.
    private func startable(_ state: inout State) -> [RunningTurn] {
        var started: [RunningTurn] = []
        var index = 0
        while index < state.waiting.count, state.running.count < Self.runningLimit {
            if state.busySessions.contains(key(state.waiting[index])) {
                index += 1
            } else {
                started.append(begin(state.waiting.remove(at: index), &state))
            }
        }
        return started
    }

    private func interrupt(_ turnID: String, _ reason: String) async {
        if let running = running(turnID) { return running.interrupt(reason) }
        let isWaiting = state.withLock { state -> Bool in
            guard let index = state.waiting.firstIndex(where: { $0.turnID == turnID }) else { return false }
            state.waiting.remove(at: index)
            guard reason != "shutdown" else { return false }
            var done = HubTurnDone()
            done.turnID = turnID
            done.status = .aborted
            done.stopReason = reason
            state.unacked.append(done)
            return true
        }
        guard isWaiting, let done = state.withLock({ $0.unacked.first { $0.turnID == turnID } }) else { return }
        _ = await send(.done(done))
    }
}
