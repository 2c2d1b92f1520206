internal import Runtime

/// One call: its record and its timers, pure. Times are milliseconds since 1970.
///
/// States go forward only (`CallRecord.State`); a terminal one is the last. To end a call is to ask the provider until it is
/// over there: what is not hung up costs money.
struct CallMachine: Sendable {
    struct Times: Sendable {
        /// How long it may ring.
        var ring: Int64
        /// From the answer.
        var longest: Int64
        /// Without any word of the provider; 0: for ever.
        var stale: Int64 = 0
        /// The provider says by itself when it rings out; ours counts a little later.
        var grace: Int64 = 2_000
        /// Longest that a call is looked at no more than its events say.
        var lookEvery: Int64 = 20_000
        /// So long hanging up is tried.
        var hangup: Int64 = 600_000
    }

    /// What is to be done.
    enum Need: Sendable, Equatable {
        case hangUp
        /// Ask the provider how the call is.
        case look
    }

    enum Outcome: Sendable, Equatable {
        case nothing
        case changed
        case ended
    }

    private(set) var record: CallRecord
    let times: Times
    /// The provider tells nothing by itself: it is asked, every second at first.
    let isPolled: Bool
    /// How it is to end, once it does.
    private(set) var closing: Closing?
    private var lastWord: Int64
    private var lookAt: Int64
    private var looks = 0
    /// Until then our voice is heard, by its length.
    private(set) var speaksUntil: Int64?

    struct Closing: Sendable, Equatable {
        /// nil: as the provider says.
        var state: CallRecord.State?
        var reason: String
        var since: Int64
        var next: Int64
        var tries = 0
    }

    init(record: CallRecord, times: Times, isPolled: Bool, now: Int64) {
        self.record = record
        self.times = times
        self.isPolled = isPolled
        lastWord = now
        lookAt = now + (isPolled ? 1_000 : times.lookEvery)
    }

    var isOver: Bool { record.state.isTerminal }

    /// It is answered and nobody is hanging up.
    var canTalk: Bool { !isOver && closing == nil && record.answeredAt != nil }

    // MARK: What the provider says

    mutating func take(_ event: CallEvent, now: Int64) -> Outcome {
        guard !isOver else { return .nothing }
        lastWord = max(lastWord, now)
        if !isPolled { lookAt = now + times.lookEvery }
        guard !record.processedEventIds.contains(event.id) else { return .nothing }
        switch event.kind {
        case .initiated: advance(to: .initiated, now)
        case .ringing: advance(to: .ringing, now)
        case .answered: advance(to: .answered, now)
        case .active: advance(to: .active, now)
        case .spoken:
            speaksUntil = nil
            if record.state == .speaking { advance(to: .listening, now) }
        case .speech, .other: break
        case .ended(let state):
            remember(event.id)
            end(closing?.state ?? state, closing?.reason ?? state.rawValue, now)
            return .ended
        }
        remember(event.id)
        return .changed
    }

    /// What a look at the provider brought; nil: it knows no such call any more.
    mutating func looked(_ kind: CallEvent.Kind?, now: Int64) -> Outcome {
        guard !isOver else { return .nothing }
        looks += 1
        lookAt = now + (isPolled ? min(5_000, 1_000 << Int64(min(looks, 3))) : times.lookEvery)
        guard let kind else {
            end(closing?.state ?? .completed, closing?.reason ?? "the provider does not know it any more", now)
            return .ended
        }
        lastWord = max(lastWord, now)
        let before = record.state
        switch kind {
        case .ended(let state):
            end(closing?.state ?? state, closing?.reason ?? state.rawValue, now)
            return .ended
        case .ringing: advance(to: .ringing, now)
        case .answered, .active: advance(to: .answered, now)
        case .initiated, .spoken, .speech, .other: break
        }
        return before == record.state ? .nothing : .changed
    }

    /// The provider did not answer: it is asked again.
    mutating func notLooked(now: Int64) { lookAt = now + (isPolled ? 5_000 : times.lookEvery) }

    // MARK: What we do

    mutating func dialling() { record.wasDialled = true }

    /// The provider's name for the call. False when it has another one already.
    mutating func name(_ providerCallId: String) -> Bool {
        guard let known = record.providerCallId else {
            record.providerCallId = providerCallId
            return true
        }
        return known == providerCallId
    }

    /// - Parameter event: what tells this text from the same said again; nil: nothing does.
    mutating func said(_ text: String, event: String?, lasts: Int64, now: Int64) {
        record.transcript.append(CallRecord.Line(timestamp: now, speaker: .bot, text: text))
        if let event { remember(event) }
        speaksUntil = now + lasts
        advance(to: .speaking, now)
    }

    /// False: it was heard already.
    mutating func heard(_ text: String, event: String, now: Int64) -> Bool {
        guard !isOver, !record.processedEventIds.contains(event) else { return false }
        lastWord = now
        remember(event)
        record.transcript.append(CallRecord.Line(timestamp: now, speaker: .user, text: text))
        advance(to: .listening, now)
        return true
    }

    func knows(_ event: String) -> Bool { record.processedEventIds.contains(event) }

    /// Ends the call as soon as the provider has hung up, which it is asked for at `at`.
    ///
    /// - Parameter state: nil: as the provider says then.
    mutating func close(_ state: CallRecord.State?, _ reason: String, at: Int64, now: Int64) {
        guard !isOver, closing == nil else { return }
        closing = Closing(state: state, reason: reason, since: now, next: at)
    }

    /// Hanging up did not work: it is tried again.
    mutating func notHungUp(_ words: String, now: Int64) -> Outcome {
        guard !isOver, var closing else { return .nothing }
        guard now - closing.since < times.hangup else {
            end(.error, "could not be hung up: \(words)", now)
            return .ended
        }
        closing.tries += 1
        closing.next = now + min(15_000, 1_000 << Int64(min(closing.tries, 4)))
        self.closing = closing
        return .nothing
    }

    /// It is over at the provider, by our doing.
    mutating func hungUp(now: Int64) {
        end(closing?.state ?? .completed, closing?.reason ?? CallRecord.State.hangupBot.rawValue, now)
    }

    mutating func end(_ state: CallRecord.State, _ reason: String, _ now: Int64) {
        guard !isOver else { return }
        record.state = state.isTerminal ? state : .error
        record.endedAt = now
        record.endReason = String(reason.prefix(300))
        speaksUntil = nil
    }

    // MARK: Timers

    var due: Int64? {
        guard !isOver else { return nil }
        if let closing { return [closing.next, speaksUntil].compactMap { $0 }.min() }
        return [ringUntil, longestUntil, staleAt, record.providerCallId == nil ? nil : lookAt, speaksUntil]
            .compactMap { $0 }.min()
    }

    private var ringUntil: Int64? {
        record.answeredAt == nil && record.direction == .outbound ? record.startedAt + times.ring + times.grace : nil
    }

    private var longestUntil: Int64? {
        if let answered = record.answeredAt { return answered + times.longest }
        // An incoming call that was never answered.
        return record.direction == .inbound ? record.startedAt + times.longest : nil
    }

    private var staleAt: Int64? { times.stale > 0 ? lastWord + times.stale : nil }

    /// What `due` has brought; the second: whether the record changed.
    mutating func passed(now: Int64) -> (needs: [Need], changed: Bool) {
        guard !isOver else { return ([], false) }
        var isChanged = false
        if let until = speaksUntil, now >= until {
            speaksUntil = nil
            if record.state == .speaking, closing == nil {
                advance(to: .listening, now)
                isChanged = true
            }
        }
        if closing == nil {
            if let until = ringUntil, now >= until {
                close(.noAnswer, CallRecord.State.noAnswer.rawValue, at: now, now: now)
            } else if let until = longestUntil, now >= until {
                close(.timeout, CallRecord.State.timeout.rawValue, at: now, now: now)
            } else if let at = staleAt, now >= at {
                close(.timeout, "nothing was heard of it for \(times.stale / 1000) s", at: now, now: now)
            }
        }
        if let closing {
            guard now >= closing.next else { return ([], isChanged) }
            // While the provider is being asked nothing else asks it.
            self.closing?.next = now + 30_000
            return ([.hangUp], isChanged)
        }
        guard record.providerCallId != nil, now >= lookAt else { return ([], isChanged) }
        lookAt = now + 30_000
        return ([.look], isChanged)
    }

    // MARK: -

    private mutating func remember(_ event: String) {
        guard !record.processedEventIds.contains(event) else { return }
        record.processedEventIds.append(event)
        let excess = record.processedEventIds.count - CallRecord.eventLimit
        if excess > 0 { record.processedEventIds.removeFirst(excess) }
    }

    private mutating func advance(to state: CallRecord.State, _ now: Int64) {
        let isTurn = [.speaking, .listening].contains(record.state) && [.speaking, .listening].contains(state)
        guard !isOver, Self.rank(state) > Self.rank(record.state) || isTurn else { return }
        record.state = state
        if Self.rank(state) >= Self.rank(.answered), record.answeredAt == nil { record.answeredAt = now }
    }

    private static func rank(_ state: CallRecord.State) -> Int {
        switch state {
        case .initiated: 0
        case .ringing: 1
        case .answered: 2
        case .active: 3
        case .speaking, .listening: 4
        case .completed, .hangupUser, .hangupBot, .timeout, .error, .failed, .noAnswer, .busy, .voicemail: 5
        }
    }
}
