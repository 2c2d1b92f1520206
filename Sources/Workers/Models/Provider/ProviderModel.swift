internal import Config
internal import Failover
internal import FoundationEssentials
internal import IPCHub
internal import Logging
internal import OAuth
internal import Runtime
internal import Synchronization

/// A provider with its keys: takes a call through them until one answers, and keeps what it learns.
///
/// Nothing of an answer goes on before its first content; until then every failure is answered with another key or a pause
/// that nobody sees.
final class ProviderModel: ModelProvider {
    let config: ProviderConfig
    let keys: ProviderKeys
    let state: Mutex<FailoverState>
    let now: @Sendable () -> WallTime
    let log: Logger
    let attempts: any ProviderAttempts
    private let issue: KeyIssue
    private let records: ModelRecords
    private let random: @Sendable () -> Double
    private let pause: @Sendable (Duration) async throws -> Void
    /// The model that answered last: what a probe asks when nobody names one.
    let lastModel = Mutex("")

    /// A call without a limit of its own has this one.
    static let timeLimit = Duration.seconds(600)

    init(
        config: ProviderConfig,
        keys: ProviderKeys,
        attempts: any ProviderAttempts,
        tokens: any TokenEndpoint,
        records: ModelRecords,
        log: Logger,
        now: @escaping @Sendable () -> WallTime,
        random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) },
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.config = config
        self.keys = keys
        self.attempts = attempts
        self.records = records
        self.log = log
        self.now = now
        self.random = random
        self.pause = pause
        issue = KeyIssue(keys: keys, tokens: tokens, records: records, log: log, now: now)
        state = Mutex(
            FailoverState(rules: FailoverRules(config), profiles: keys.ranked, isOrderFixed: config.isOrderFixed)
        )
    }

    var keepsState: Bool { true }

    /// Ties this provider's state to the records that the gateway keeps.
    func keep() {
        records.keep(
            { [weak self] in self?.kept() ?? HubModelState() },
            restore: { [weak self] in self?.restore($0) }
        )
    }

    private func kept() -> HubModelState {
        var kept = HubModelState()
        kept.cooldowns = Data(state.withLock { $0.snapshot() })
        kept.credentials = keys.kept
        return kept
    }

    private func restore(_ kept: HubModelState) {
        let changed = keys.restore(kept.credentials)
        let ranked = keys.ranked
        let now = now()
        state.withLock { state in
            state.restore(kept.cooldowns, at: now)
            for profile in changed {
                let fingerprint = ranked.first { $0.id == profile }?.fingerprint ?? ""
                _ = state.credentialChanged(profile, fingerprint: fingerprint)
            }
        }
    }

    func shed() async { await attempts.shed() }

    /// A person has changed the state: it is kept at once.
    func changedByHand() { records.changed(urgent: true) }

    // MARK: A call

    func answer(_ call: ModelCall, into answer: ModelAnswer) async throws {
        try await run(answering(call, answer))
    }

    /// A call of an agent, answered into `answer`.
    func answering(_ call: ModelCall, _ answer: ModelAnswer) -> Answering {
        Answering(
            call: call,
            attempt: { [attempts] key, limit, course in
                await attempts.attempt(call, with: key, limit: limit) { event in
                    course.first()
                    try await answer.write(event)
                }
            },
            finished: { try await answer.finished($0) },
            failed: { try await answer.failed($0) }
        )
    }

    /// What a plan is carried out for: a call of an agent, or a request that is passed through.
    struct Answering: Sendable {
        /// Of a request that is passed through: what keys, plan and ledger need of it.
        let call: ModelCall
        /// Where the answer to a request that is passed through goes, and the rows of its attempts with it.
        var relayed: RelayAnswer?
        /// Asks once. Nil: an answer has begun, and `Course.ended` will be told how it ended.
        let attempt: @Sendable (ProviderKey, Duration, Course) async -> AttemptReport?
        let finished: @Sendable (HubModelEvent.Finished) async throws -> Void
        let failed: @Sendable (HubModelEvent.Failed) async throws -> Void
    }

    /// What an attempt has to say while it runs.
    struct Course: Sendable {
        /// Before anything of the answer goes on.
        let first: @Sendable () -> Void
        /// How an answer ended whose attempt is not waited for any more. Writes it down; returns what broke it, if something did.
        let ended: @Sendable (AttemptReport) -> HubModelEvent.Failed?
    }

    /// Makes the plan of a call and carries it out.
    func run(_ answering: Answering) async throws {
        let request = answering.call.request
        let limit = config.totalMilliseconds > 0 ? .milliseconds(config.totalMilliseconds) : Self.timeLimit
        let asked = request.timeLeftMs > 0 ? Duration.milliseconds(request.timeLeftMs) : limit
        let plan = state.withLock { state in
            CallPlan(
                &state,
                model: request.model,
                session: request.caller.sessionKey,
                pinned: request.profile,
                byChoice: request.byChoice,
                attemptsLeft: Int(request.attemptsLeft),
                time: min(asked, limit)
            )
        }
        try await run(answering, RunningPlan(plan))
    }

    /// A plan while it is carried out.
    final class RunningPlan: Sendable {
        let plan: Mutex<CallPlan>
        let began = ContinuousClock.now

        init(_ plan: CallPlan) { self.plan = Mutex(plan) }
    }

    /// Carries a plan out to its end.
    func run(_ answering: Answering, _ running: RunningPlan) async throws {
        var renewed: Set<String> = []
        while true {
            try Task.checkCancellation()
            let elapsed = ContinuousClock.now - running.began
            let now = now()
            let step = change(running) { plan, state in
                plan.next(&state, at: now, elapsed: elapsed, jitter: random())
            }
            switch step {
            case .giveUp(let failed):
                log.debug("\(answering.call.request.model): \(failed.cause)")
                return try await answering.failed(failed)
            case .pause(let wait): try await pause(wait)
            case .ask(let profile, let limit):
                let isOver = try await ask(answering, running, profile, limit, &renewed)
                if isOver { return }
            }
        }
    }

    /// One attempt, with everything that is to be written down about it. Whether the call is over.
    private func ask(
        _ answering: Answering,
        _ running: RunningPlan,
        _ profile: String,
        _ limit: Duration,
        _ renewed: inout Set<String>
    ) async throws -> Bool {
        let call = answering.call
        // Whatever happens below, nobody waits for a probe that is over.
        defer { change(running) { plan, state in plan.abandoned(&state) } }
        let key: ProviderKey
        switch await issue.key(profile) {
        case .success(let issued): key = issued
        case .failure(let failure):
            failed(failure, running, profile, call)
            return false
        }
        let isFirst = Mutex(true)
        let course = Course(
            first: {
                if isFirst.withLock({ first in
                    defer { first = false }; return first
                }) {
                    self.succeeded(running)
                }
            },
            ended: { self.ended($0, answering, running, profile) }
        )
        guard let report = await answering.attempt(key, limit, course) else { return true }
        records.record(row(report, call, profile), with: answering.relayed)
        switch report.end {
        case .clientGone: throw CancellationError()
        case .finished(var finished):
            answered(call, running)
            finished.profile = profile
            finished.attempts = UInt32(clamping: running.plan.withLock { $0.attempts })
            try await answering.finished(finished)
            return true
        case .failed(let failure) where report.isCommitted:
            try await answering.failed(afterContent(failure, running, profile))
            return true
        case .failed(let failure):
            failed(failure, running, profile, call)
            guard failure.kind == .auth, keys.login(profile) != nil, renewed.insert(profile).inserted else {
                return false
            }
            // The token may have ended early: a new one decides.
            guard case .success = await issue.key(profile, refused: key.value) else { return false }
            let rules = state.withLock { $0.rules }
            _ = state.withLock { state in
                state.credentialChanged(profile, fingerprint: keys.ranked.first { $0.id == profile }?.fingerprint ?? "")
            }
            running.plan.withLock { $0.credentialChanged(profile, rules) }
            return false
        }
    }

    /// How an answer ended that had begun. What broke it; nil: nothing, or who asked is gone.
    private func ended(
        _ report: AttemptReport,
        _ answering: Answering,
        _ running: RunningPlan,
        _ profile: String
    ) -> HubModelEvent.Failed? {
        records.record(row(report, answering.call, profile), with: answering.relayed)
        switch report.end {
        case .clientGone: return nil
        case .finished:
            answered(answering.call, running)
            return nil
        case .failed(let failure): return afterContent(failure, running, profile)
        }
    }

    private func answered(_ call: ModelCall, _ running: RunningPlan) {
        succeeded(running)
        lastModel.withLock { $0 = call.request.model.prefix(scalars: 200) }
        records.changed(urgent: false)
    }

    @discardableResult
    private func change<Result: Sendable>(
        _ running: RunningPlan,
        _ body: (inout CallPlan, inout FailoverState) -> Result
    ) -> Result {
        running.plan.withLock { plan in state.withLock { state in body(&plan, &state) } }
    }

    private func succeeded(_ running: RunningPlan) {
        if change(running, { plan, state in plan.succeeded(&state) }) { records.changed(urgent: true) }
    }

    private func failed(_ failure: CallFailure, _ running: RunningPlan, _ profile: String, _ call: ModelCall) {
        log.info("\(profile) failed for \(call.request.model.prefix(200)) (\(failure.kind.word)): \(failure.cause)")
        let now = now()
        if change(running, { plan, state in plan.failed(failure, &state, at: now) }) { records.changed(urgent: true) }
    }

    /// What was sent stands; nobody asks again behind the person's back.
    private func afterContent(_ failure: CallFailure, _ running: RunningPlan, _ profile: String) -> HubModelEvent.Failed
    {
        var failed = HubModelEvent.Failed()
        failed.kind = failure.kind
        failed.cause = "\(profile): \(failure.cause)"
        failed.profile = profile
        failed.attempts = UInt32(clamping: running.plan.withLock { $0.attempts })
        failed.retryAfterMs = UInt32(clamping: (failure.retryAfter ?? .zero).wholeMilliseconds)
        return failed
    }

    private func row(_ report: AttemptReport, _ call: ModelCall, _ profile: String) -> HubLedgerRow {
        var row = HubLedgerRow()
        row.atMs = now().milliseconds
        row.caller = call.request.caller
        row.provider = config.provider
        row.profile = profile
        row.model = call.request.model.prefix(scalars: 200)
        row.servedModel = report.servedModel.prefix(scalars: 200)
        row.usage = report.usage
        row.source = report.source
        row.status = UInt32(clamping: report.status)
        row.firstContentMs = UInt32(clamping: (report.firstContent ?? .zero).wholeMilliseconds)
        row.durationMs = UInt32(clamping: report.duration.wholeMilliseconds)
        switch report.end {
        case .finished: row.end = "finished"
        case .clientGone: row.end = "client-gone"
        case .failed(let failure):
            row.end = report.isCommitted ? "cut" : "failed"
            row.kind = failure.kind
            row.cause = failure.cause
        }
        return row
    }
}

extension FailoverRules {
    /// `auth.cooldowns` over the rules' own numbers. Hours beyond a month, or below a minute, are nobody's wish.
    init(_ config: ProviderConfig) {
        self.init()
        func hours(_ value: Double, _ own: Duration) -> Duration {
            guard value.isFinite, value > 0 else { return own }
            return .milliseconds(Int64(min(max(value, 1.0 / 60), 744) * 3_600_000))
        }
        billingBase = hours(config.billingBackoffHours, billingBase)
        billingLongest = max(billingBase, hours(config.billingMaxHours, billingLongest))
        failureWindow = hours(config.failureWindowHours, failureWindow)
    }
}
