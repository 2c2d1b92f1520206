internal import Failover
internal import IPCHub
internal import Runtime
internal import Synchronization

/// Between what a reader makes of an answer and who asked for it: holds back what a model thinks until it says or calls
/// something, because up to there another model can still take over.
final class AnswerDelivery: Sendable {
    private struct State {
        var reader: any AnswerReader
        var held: [HubModelEvent] = []
        /// The end of `held`: thoughts come word by word, and an event of its own for each would cost many times its text.
        var heldText = ""
        var heldThinking = 0
        var isCommitted = false
        var isConcluded = false

        /// The events that may go now.
        mutating func release(_ events: [HubModelEvent]) -> [HubModelEvent] {
            if isCommitted { return events }
            let hasContent = events.contains { event in
                switch event.event {
                case .text?, .toolUse?: true
                default: false
                }
            }
            if hasContent || isConcluded {
                gather()
                isCommitted = hasContent || !events.isEmpty || !held.isEmpty
                defer { held = [] }
                return held + events
            }
            for event in events {
                guard case .thinking(let text)? = event.event else {
                    gather()
                    held.append(event)
                    continue
                }
                heldThinking += text.utf8.count
                guard heldThinking <= Upstream.thinkingLimit else { continue }
                if heldText.utf8.count + text.utf8.count > AnswerDraft.textLimit { gather() }
                heldText += text
            }
            return []
        }

        private mutating func gather() {
            guard !heldText.isEmpty else { return }
            var event = HubModelEvent()
            event.thinking = heldText
            held.append(event)
            heldText = ""
        }
    }

    private let state: Mutex<State>
    private let progress: AttemptProgress
    private let watch: CallWatch
    private let times: CallTimes
    private let receive: @Sendable (HubModelEvent) async throws -> Void

    init(
        reader: any AnswerReader,
        progress: AttemptProgress,
        watch: CallWatch,
        times: CallTimes,
        receive: @escaping @Sendable (HubModelEvent) async throws -> Void
    ) {
        state = Mutex(State(reader: reader))
        self.progress = progress
        self.watch = watch
        self.times = times
        self.receive = receive
    }

    /// The dialect's sign of a whole answer has come.
    var isFinished: Bool { state.withLock { $0.reader.draft.isFinished } }
    /// Nothing more is to come.
    var isOver: Bool { state.withLock { $0.reader.draft.isOver } }

    /// Bytes have come: whatever they are, the provider is alive. Before the model's first sign that does not count.
    func sawBytes() {
        if state.withLock({ $0.reader.draft.hasBegun && !$0.reader.draft.isFinished }) {
            watch.enter(.idle, for: times.idle)
        }
    }

    func take(_ event: ServerEvent) async throws {
        try await step { reader throws(CallFailure) in try reader.take(event) }
    }

    func take(whole: JSON) async throws {
        try await step { reader throws(CallFailure) in try reader.take(whole: whole) }
    }

    /// The body is over, or nothing of it is missing any more. Once.
    func conclude() async throws {
        let isFirst = state.withLock { state in
            defer { state.isConcluded = true }
            return !state.isConcluded
        }
        guard isFirst else { return }
        try await step { reader throws(CallFailure) in try reader.end() }
        progress.finished = state.withLock { $0.reader.draft.finished }
    }

    private func step(_ read: (inout any AnswerReader) throws(CallFailure) -> [HubModelEvent]) async throws {
        let (events, draft) = try state.withLock { state throws(CallFailure) -> ([HubModelEvent], AnswerDraft) in
            defer { progress.note(state.reader.draft) }
            let events = try read(&state.reader)
            return (state.release(events), state.reader.draft)
        }
        if !events.isEmpty { progress.commit() }
        for event in events {
            // Waiting for who asked is not the provider's silence: the whole time alone bounds it.
            watch.enter(.idle, for: times.total)
            try await receive(event)
            watch.enter(.idle, for: times.idle)
        }
        watch.follow(draft, times)
    }
}
