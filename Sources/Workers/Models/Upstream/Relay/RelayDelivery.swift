internal import Failover
internal import IPCHub
internal import Runtime
internal import Synchronization

/// Between the bytes of a provider's answer and who relayed the request: hands whole events on as they are, and reads those
/// that say how the answer stands. Until the model begins to answer every event is read and nothing goes on.
final class RelayDelivery: Sendable {
    private struct State {
        var cutter = RawEventCutter()
        var reader: any AnswerReader
        var held: [UInt8] = []
        var isCommitted = false
        var isConcluded = false
    }

    /// Most bytes of an answer that has not begun.
    static let heldLimit = 1 << 20

    private let state: Mutex<State>
    private let format: RelayFormat
    /// Counts were asked for by us: a chunk of nothing else is kept back.
    private let hidesCounts: Bool
    private let head: RelayPart
    private let progress: AttemptProgress
    private let watch: CallWatch
    private let times: CallTimes
    private let receive: @Sendable (RelayPart) async throws -> Void

    init(
        reader: any AnswerReader,
        format: RelayFormat,
        hidesCounts: Bool,
        head: RelayPart,
        progress: AttemptProgress,
        watch: CallWatch,
        times: CallTimes,
        receive: @escaping @Sendable (RelayPart) async throws -> Void
    ) {
        state = Mutex(State(reader: reader))
        self.format = format
        self.hidesCounts = hidesCounts
        self.head = head
        self.progress = progress
        self.watch = watch
        self.times = times
        self.receive = receive
    }

    var isFinished: Bool { state.withLock { $0.reader.draft.isFinished } }

    func take(_ bytes: some Collection<UInt8>) async throws {
        let events: [ArraySlice<UInt8>]
        do {
            events = try state.withLock { state throws(EventStreamDecoder.Failure) in try state.cutter.take(bytes) }
        } catch {
            throw CallFailure(.cut, error.description)
        }
        try await pass(events)
    }

    /// The body is over.
    func conclude() async throws {
        let rest = state.withLock { $0.cutter.finish() }
        if !rest.isEmpty { try await pass([rest]) }
        let ready = try state.withLock { state throws(CallFailure) -> (isFirst: Bool, bytes: [UInt8]) in
            guard !state.isConcluded else { return (false, []) }
            state.isConcluded = true
            guard !state.isCommitted else {
                guard state.reader.draft.isFinished else { throw CallFailure(.cut, "the answer ended before its end") }
                return (false, [])
            }
            if state.reader.draft.stopReason == "max_tokens" { state.reader.draft.mayBeEmpty = true }
            _ = try state.reader.end()
            state.isCommitted = true
            defer { state.held = [] }
            return (true, state.held)
        }
        try await send(ready.bytes, isFirst: ready.isFirst)
        progress.finished = state.withLock { $0.reader.draft.finished }
    }

    /// An answer in one piece: read once, then handed on as it is.
    func take(whole: JSON, _ bytes: [UInt8]) async throws {
        try state.withLock { state throws(CallFailure) in
            defer { progress.note(state.reader.draft) }
            _ = try state.reader.take(whole: whole)
            if state.reader.draft.stopReason == "max_tokens" { state.reader.draft.mayBeEmpty = true }
            _ = try state.reader.end()
            state.isCommitted = true
            state.isConcluded = true
        }
        try await send(bytes, isFirst: true)
        progress.finished = state.withLock { $0.reader.draft.finished }
    }

    private func pass(_ events: [ArraySlice<UInt8>]) async throws {
        var (bytes, isFirst) = ([UInt8](), false)
        var failure: CallFailure?
        state.withLock { state in
            defer { progress.note(state.reader.draft) }
            for event in events {
                do throws(CallFailure) {
                    guard try read(event, &state) else { continue }
                } catch {
                    // The provider's own words go on where the answer has begun already.
                    if state.isCommitted, error.status == 200 { bytes += event }
                    failure = error
                    return
                }
                guard !state.isCommitted else {
                    bytes += event
                    continue
                }
                state.held += event
                guard state.reader.draft.hasBegun || state.held.count > Self.heldLimit else { continue }
                (state.isCommitted, isFirst) = (true, true)
                bytes += state.held
                state.held = []
            }
        }
        try await send(bytes, isFirst: isFirst)
        if let failure { throw failure }
        watch.follow(state.withLock { $0.reader.draft }, times)
    }

    /// Reads an event where that matters. Whether it goes on.
    private func read(_ event: ArraySlice<UInt8>, _ state: inout State) throws(CallFailure) -> Bool {
        guard !state.isCommitted || RelayMarks.matter(event, format) else { return true }
        var decoder = EventStreamDecoder()
        do {
            var events = try decoder.decode(event)
            if let last = try decoder.finish() { events.append(last) }
            for event in events where !state.reader.draft.isOver { _ = try state.reader.take(event) }
        } catch let failure as CallFailure {
            throw failure
        } catch {
            throw CallFailure(.cut, "\(error)")
        }
        return !(hidesCounts && RelayMarks.isCountsAlone(event))
    }

    private func send(_ bytes: [UInt8], isFirst: Bool) async throws {
        guard isFirst || !bytes.isEmpty else { return }
        // Waiting for who asked is not the provider's silence: the whole time alone bounds it.
        watch.enter(.idle, for: times.total)
        if isFirst {
            progress.commit()
            try await receive(head)
        }
        guard !bytes.isEmpty else { return }
        try await receive(.body(bytes))
    }
}
