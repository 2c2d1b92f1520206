internal import Failover
internal import IPCHub
internal import Synchronization

/// What is known of an attempt while it runs, so that its report can be made wherever it ends.
final class AttemptProgress: Sendable {
    private struct State {
        var report: AttemptReport
        var finished: HubModelEvent.Finished?
        var refusal: CallFailure?
    }

    private let began: ContinuousClock.Instant
    private let state: Mutex<State>

    init(began: ContinuousClock.Instant) {
        self.began = began
        state = Mutex(State(report: AttemptReport(.clientGone)))
    }

    /// The answer is whole.
    var finished: HubModelEvent.Finished? {
        get { state.withLock { $0.finished } }
        set { state.withLock { $0.finished = newValue } }
    }

    /// What the status alone says, should the error's body never end.
    var refusal: CallFailure? {
        get { state.withLock { $0.refusal } }
        set { state.withLock { $0.refusal = newValue } }
    }

    var status: Int { state.withLock { $0.report.status } }

    func answered(_ status: Int) { state.withLock { $0.report.status = status } }

    func note(_ draft: AnswerDraft) { note(usage: draft.usage, source: draft.source, model: draft.model) }

    func note(usage: HubUsage, source: HubLedgerRow.Source, model: String) {
        state.withLock { state in
            state.report.usage = usage
            state.report.source = source
            state.report.servedModel = model
        }
    }

    /// Something of the answer goes to who asked.
    func commit() {
        let since = ContinuousClock.now - began
        state.withLock { state in
            state.report.isCommitted = true
            if state.report.firstContent == nil { state.report.firstContent = since }
        }
    }

    func report(_ end: AttemptReport.End) -> AttemptReport {
        let duration = ContinuousClock.now - began
        return state.withLock { state in
            var report = state.report
            report.end = end
            report.duration = duration
            return report
        }
    }
}
