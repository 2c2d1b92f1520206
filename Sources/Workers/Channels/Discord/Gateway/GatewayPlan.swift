/// What the connection to Discord's gateway does next: the pure half of it.
///
/// The driver tells this what happened and does what it answers; it wakes up at `deadline` with `.tick`. A loss of a
/// connection that worked is followed by a RESUME at once; then the pauses are 1 s, doubling up to 60 s, give or take a
/// quarter, until a connection has held for ten seconds.
struct GatewayPlan {
    typealias Instant = ContinuousClock.Instant

    /// A session that Discord keeps for a while after its connection is gone.
    struct Session: Equatable, Sendable {
        var id: String
        /// `wss://…`, from READY.
        var resumeURL: String
        /// The last dispatch that was taken into the queue.
        var seq: Int64
    }

    /// The answer to GET /gateway/bot.
    struct Address: Equatable, Sendable {
        var url: String
        /// Identifies left until `resetAfter` is over.
        var remaining: Int
        var resetAfter: Duration
    }

    enum Event: Equatable, Sendable {
        case begin
        case address(Address)
        case addressFailed(String, retryAfter: Duration?)
        case opened
        case openFailed(String)
        case hello(interval: Duration)
        case beatRequested
        case beatAcknowledged
        case reconnectAsked
        case sessionInvalid(canResume: Bool)
        case ready(Session)
        case resumed
        /// A dispatch was taken into the queue.
        case received(seq: Int64)
        /// The gateway's journal has everything up to here.
        case journaled(seq: Int64)
        case closed(code: Int?, reason: String)
        /// What came makes no sense or is too large.
        case broken(String)
        /// The queue for the journal is full; what came last was not taken.
        case overflow
        case drained
        case tick
    }

    enum Effect: Equatable, Sendable {
        case askAddress
        case open(String)
        case identify
        case resume(Session)
        case beat(seq: Int64?)
        /// Give up the connection with this code; never 1000 or 1001, which would end the session.
        case close(code: UInt16)
        /// A planned or first loss: for the log alone.
        case note(String)
        case trouble(String)
        case connected(resumed: Bool)
        /// What was missed must be asked for again.
        case sessionLost(String)
        case fatal(String)
    }

    static let firstDelay = Duration.seconds(1)
    static let longestDelay = Duration.seconds(60)
    static let jitter = 0.25
    /// Opening a connection, its handshakes included.
    static let openTime = Duration.seconds(30)
    /// HELLO must come within this time, and READY or RESUMED after it. A resume may replay thousands of events first.
    static let helloTime = Duration.seconds(30)
    static let handshakeTime = Duration.seconds(60)
    /// A connection that held this long starts the pauses anew.
    static let settled = Duration.seconds(10)
    /// Frames of the last minute above which a beat that the server asks for is not answered; Discord allows 120.
    static let beatBudget = 100
    /// Failed openings of the resume address before the general one is asked for.
    static let resumeTries = 3

    private enum Phase: Equatable {
        case idle
        case waiting(until: Instant)
        /// No room for events.
        case held
        case asking
        case opening(until: Instant)
        case greeting(until: Instant)
        case handshake(Beat, until: Instant)
        case live(Beat, since: Instant)
        case ended
    }

    private struct Beat: Equatable {
        var interval: Duration
        var next: Instant
        var isUnanswered = false
    }

    private(set) var session: Session?
    /// What a heartbeat names: a number that Discord may forget everything before.
    private var journaled: Int64?
    private var phase = Phase.idle
    private var failures = 0
    private var failedResumes = 0
    /// When the frames of the last minute left.
    private var frames: [Instant] = []
    /// In 0..<1.
    private let random: @Sendable () -> Double
    private let intents: @Sendable () -> [String]

    /// - Parameters:
    ///   - session: from the cursor; nil identifies anew.
    ///   - intents: the privileged ones that are asked for, for the words of close code 4014.
    init(
        session: Session?,
        intents: @escaping @Sendable () -> [String] = { ["MESSAGE CONTENT INTENT"] },
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }
    ) {
        self.session = session
        journaled = session?.seq
        self.intents = intents
        self.random = random
    }

    /// When `.tick` is due; nil: nothing to wait for.
    var deadline: Instant? {
        switch phase {
        case .idle, .held, .asking, .ended: nil
        case .waiting(let until), .opening(let until), .greeting(let until): until
        case .handshake(let beat, let until): min(beat.next, until)
        case .live(let beat, _): beat.next
        }
    }

    var isLive: Bool {
        if case .live = phase { true } else { false }
    }

    mutating func handle(_ event: Event, at now: Instant) -> [Effect] {
        if phase == .ended { return [] }
        switch event {
        case .begin: return proceed(now)
        case .address(let address): return found(address, now)
        case .addressFailed(let words, let pause):
            guard phase == .asking else { return [] }
            return lost("Discord's gateway address cannot be had: \(words)", at: now, atLeast: pause)
        case .opened:
            guard case .opening = phase else { return [] }
            failedResumes = 0
            phase = .greeting(until: now + Self.helloTime)
            return []
        case .openFailed(let words):
            guard case .opening = phase else { return [] }
            if session != nil { failedResumes += 1 }
            return lost("Discord's gateway cannot be reached: \(words)", at: now)
        case .hello(let interval): return greeted(interval, now)
        case .beatRequested: return answerBeat(now)
        case .beatAcknowledged:
            answered()
            return []
        case .reconnectAsked: return lost("Discord asked for a new connection", at: now)
        case .sessionInvalid(let canResume): return invalid(canResume, now)
        case .ready(let session):
            self.session = session
            journaled = nil
            return live(resumed: false, now)
        case .resumed: return live(resumed: true, now)
        case .received(let seq):
            session?.seq = seq
            return []
        case .journaled(let seq):
            journaled = seq
            return []
        case .closed(let code, let reason): return closed(code, reason, now)
        case .broken(let words): return lost(words, at: now)
        case .overflow: return hold()
        case .drained:
            guard phase == .held else { return [] }
            return proceed(now)
        case .tick: return tick(now)
        }
    }

    // MARK: Connecting

    private mutating func proceed(_ now: Instant) -> [Effect] {
        if let session, failedResumes < Self.resumeTries {
            phase = .opening(until: now + Self.openTime)
            return [.open(session.resumeURL)]
        }
        phase = .asking
        return [.askAddress]
    }

    private mutating func found(_ address: Address, _ now: Instant) -> [Effect] {
        guard phase == .asking else { return [] }
        if session == nil, address.remaining <= 0 {
            let pause = max(address.resetAfter, .seconds(1))
            phase = .waiting(until: now + pause)
            return [
                .trouble(
                    "Discord allows no further start of a session for \(pause.components.seconds) s: this bot was started "
                        + "too often in a day; it connects by itself then"
                )
            ]
        }
        phase = .opening(until: now + Self.openTime)
        return [.open(address.url)]
    }

    private mutating func greeted(_ interval: Duration, _ now: Instant) -> [Effect] {
        guard case .greeting = phase else { return [] }
        let interval = min(max(interval, .milliseconds(100)), .seconds(600))
        let beat = Beat(interval: interval, next: now + interval * random())
        phase = .handshake(beat, until: now + Self.handshakeTime)
        noteFrame(now)
        return [session.map { .resume($0) } ?? .identify]
    }

    private mutating func live(resumed: Bool, _ now: Instant) -> [Effect] {
        guard case .handshake(let beat, _) = phase else { return [] }
        phase = .live(beat, since: now)
        return [.connected(resumed: resumed)]
    }

    private mutating func invalid(_ canResume: Bool, _ now: Instant) -> [Effect] {
        guard !canResume else { return lost("Discord asked to resume", at: now) }
        let hadSession = session != nil
        session = nil
        journaled = nil
        // Discord's own rule: a random pause of one to five seconds, then IDENTIFY.
        phase = .waiting(until: now + .seconds(1) + .seconds(4) * random())
        return [.close(code: 4000)] + (hadSession ? [.sessionLost("Discord no longer keeps the session")] : [])
    }

    private mutating func closed(_ code: Int?, _ reason: String, _ now: Instant) -> [Effect] {
        let words = code.map { "Discord closed the connection (\($0)\(reason.isEmpty ? "" : " \(reason)"))" }
        switch CloseMeaning(code: code, reason: reason, intents: intents()) {
        case .fatal(let reason):
            phase = .ended
            return [.close(code: 4000), .fatal(reason)]
        case .identify:
            let hadSession = session != nil
            session = nil
            journaled = nil
            return (hadSession ? [.sessionLost(words ?? "")] : []) + lost(words ?? "", at: now)
        case .resume: return lost(words ?? "the connection to Discord was lost", at: now)
        }
    }

    /// Waits and connects again.
    private mutating func lost(_ words: String, at now: Instant, atLeast pause: Duration? = nil) -> [Effect] {
        switch phase {
        case .idle, .waiting, .held, .ended: return []
        case .live(_, let since) where since.duration(to: now) >= Self.settled: failures = 0
        case .asking, .opening, .greeting, .handshake, .live: break
        }
        var delay = Duration.zero
        if failures > 0 {
            delay = Self.firstDelay
            for _ in 1..<min(failures, 8) { delay = min(delay * 2, Self.longestDelay) }
            delay = min(delay * (1 + Self.jitter * (2 * random() - 1)), Self.longestDelay)
        }
        if let pause { delay = max(delay, pause) }
        let isFirst = failures == 0 && pause == nil
        failures += 1
        phase = .waiting(until: now + delay)
        return [.close(code: 4000), isFirst ? .note(words) : .trouble(words)] + (isFirst ? proceed(now) : [])
    }

    private mutating func hold() -> [Effect] {
        switch phase {
        case .idle, .held, .ended: return []
        case .waiting, .asking, .opening, .greeting, .handshake, .live:
            phase = .held
            return [
                .close(code: 4000),
                .trouble("messages wait at Discord: \(DiscordLimits.queuedEvents) of them are waiting here already"),
            ]
        }
    }

    // MARK: Heartbeats

    private mutating func tick(_ now: Instant) -> [Effect] {
        guard let deadline, now >= deadline else { return [] }
        switch phase {
        case .idle, .held, .asking, .ended: return []
        case .waiting: return proceed(now)
        case .opening:
            if session != nil { failedResumes += 1 }
            return lost("Discord's gateway did not answer within \(Self.openTime.components.seconds) s", at: now)
        case .greeting:
            return lost("Discord's gateway said nothing for \(Self.helloTime.components.seconds) s", at: now)
        case .handshake(let beat, let until):
            if now >= until { return lost("Discord's gateway neither took nor refused the session", at: now) }
            return self.beat(beat, now) { .handshake($0, until: until) }
        case .live(let beat, let since): return self.beat(beat, now) { .live($0, since: since) }
        }
    }

    private mutating func beat(_ beat: Beat, _ now: Instant, _ phase: (Beat) -> Phase) -> [Effect] {
        guard !beat.isUnanswered else {
            return lost("Discord did not answer a heartbeat: the connection is dead", at: now)
        }
        var beat = beat
        beat.isUnanswered = true
        beat.next = now + beat.interval
        self.phase = phase(beat)
        noteFrame(now)
        return [.beat(seq: journaled)]
    }

    private mutating func answerBeat(_ now: Instant) -> [Effect] {
        switch phase {
        case .handshake, .live:
            frames.removeAll { $0.duration(to: now) >= .seconds(60) }
            guard frames.count < Self.beatBudget else { return [] }
            noteFrame(now)
            return [.beat(seq: journaled)]
        case .idle, .waiting, .held, .asking, .opening, .greeting, .ended: return []
        }
    }

    private mutating func answered() {
        switch phase {
        case .handshake(var beat, let until):
            beat.isUnanswered = false
            phase = .handshake(beat, until: until)
        case .live(var beat, let since):
            beat.isUnanswered = false
            phase = .live(beat, since: since)
        case .idle, .waiting, .held, .asking, .opening, .greeting, .ended: break
        }
    }

    private mutating func noteFrame(_ now: Instant) {
        frames.removeAll { $0.duration(to: now) >= .seconds(60) }
        if frames.count < 200 { frames.append(now) }
    }
}
