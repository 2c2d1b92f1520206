/// Makes `agent` and `chat` events of the engine's events (spec/gateway-protocol.md 3.1, 3.2), pure.
///
/// The first text of a run goes out at once, later ones at most every 150 ms with all that came meanwhile; every agent
/// event stands before the chat event made of it; a run has one terminal chat event. Events of a run whose `chat.send` has
/// not been answered yet wait until it is.
struct RunPublisher: Sendable {
    static let deltaInterval = Duration.milliseconds(150)
    /// Ended runs that are remembered, so that late events of theirs stay unsaid.
    static let mostEnded = 512
    /// Events that wait for one answer; text collapses, so only tool calls come near it.
    static let mostHeld = 256

    struct RunState: Sendable {
        var sequence: Int64 = 0
        var startedAt: Int64
        var text = ""
        /// UTF-8 length of the text that clients have.
        var sentLength = 0
        var replaced = false
        var lastDelta: ContinuousClock.Instant?
    }

    private(set) var runs: [Run: RunState] = [:]
    private var held: [String: [ConversationEvent]] = [:]
    private var ended: [Run] = []

    init() {}

    // MARK: Holding back

    /// The answer of this run's `chat.send` is still to be written. False when the run is known already.
    mutating func hold(_ runID: String) -> Bool {
        guard held[runID] == nil, !runs.keys.contains(where: { $0.id == runID }) else { return false }
        held[runID] = []
        return true
    }

    /// The answer is written: what waited goes out.
    mutating func release(_ runID: String, now: ContinuousClock.Instant, wall: Int64) -> [Publication] {
        guard let events = held.removeValue(forKey: runID) else { return [] }
        return events.flatMap { publish($0, now: now, wall: wall) }
    }

    mutating func take(_ event: ConversationEvent, now: ContinuousClock.Instant, wall: Int64) -> [Publication] {
        if let run = event.run, held[run.id] != nil {
            wait(event, run: run)
            return []
        }
        return publish(event, now: now, wall: wall)
    }

    private mutating func wait(_ event: ConversationEvent, run: Run) {
        guard var events = held[run.id] else { return }
        if case .text(_, let text, let added, let replaced) = event,
            case .text(_, _, let before, let replacedBefore) = events.last
        {
            events[events.count - 1] =
                replaced
                ? event : .text(run, text: text, added: before + added, replaced: replacedBefore)
        } else if events.count < Self.mostHeld || event.isTerminal {
            events.append(event)
        }
        held[run.id] = events
    }

    // MARK: Due deltas

    /// When text that was held back by the interval has to go out; nil when none waits.
    var nextDue: ContinuousClock.Instant? {
        runs.values.compactMap { run in
            run.hasUnsentText ? run.lastDelta?.advanced(by: Self.deltaInterval) : nil
        }.min()
    }

    mutating func due(now: ContinuousClock.Instant, wall: Int64) -> [Publication] {
        runs.keys.sorted { $0.id < $1.id }.flatMap { deltaIfDue($0, now: now, wall: wall) }
    }

    // MARK: Publishing

    private mutating func publish(
        _ event: ConversationEvent,
        now: ContinuousClock.Instant,
        wall: Int64
    ) -> [Publication] {
        switch event {
        case .workersChanged:
            return []
        case .started(let run):
            ended.removeAll { $0 == run }
            return start(run, wall: wall)
        case .text(let run, let text, _, let replaced):
            guard !ended.contains(run) else { return [] }
            let started = start(run, wall: wall)
            runs[run]?.take(text: text, replaced: replaced)
            return started + deltaIfDue(run, now: now, wall: wall)
        case .toolStarted(let run, let name, let callID, let arguments):
            guard !ended.contains(run) else { return [] }
            return start(run, wall: wall) + delta(run, now: now, wall: wall)
                + [
                    tool(
                        run,
                        [
                            "phase": "start", "name": .string(name), "toolCallId": .string(callID),
                            "args": json(arguments),
                        ],
                        wall
                    )
                ]
        case .toolFinished(let run, let name, let callID, let result, let isError):
            guard !ended.contains(run) else { return [] }
            let data: WireValue = [
                "phase": "result", "name": .string(name), "toolCallId": .string(callID), "isError": .bool(isError),
                "result": .string(result),
            ]
            return start(run, wall: wall) + [tool(run, data, wall)]
        case .finished(let run, let text, let usage, let stopReason):
            return end(run, wall: wall) { publisher in
                publisher.runs[run]?.take(text: text, replaced: false)
                return publisher.delta(run, now: now, wall: wall, chat: false)
                    + [
                        publisher.lifecycle(run, phase: "end", wall: wall),
                        publisher.final(run, text: text, usage: usage, stopReason: stopReason, wall: wall),
                    ]
            }
        case .failed(let run, let sentence):
            return end(run, wall: wall) { publisher in
                [
                    publisher.lifecycle(run, phase: "error", wall: wall, error: sentence),
                    publisher.chat(run, "error", ["errorMessage": .string(sentence)]),
                ]
            }
        case .aborted(let run, let reason):
            return end(run, wall: wall) { publisher in
                [
                    publisher.lifecycle(run, phase: "end", wall: wall, aborted: true),
                    publisher.chat(run, "aborted", ["stopReason": .string(reason)]),
                ]
            }
        }
    }

    /// The first event of a run, whatever it is: after a restart of the gateway a run is already under way.
    private mutating func start(_ run: Run, wall: Int64) -> [Publication] {
        guard runs[run] == nil else { return [] }
        runs[run] = RunState(startedAt: wall)
        return [lifecycle(run, phase: "start", wall: wall)]
    }

    private mutating func end(
        _ run: Run,
        wall: Int64,
        _ body: (inout RunPublisher) -> [Publication]
    ) -> [Publication] {
        guard !ended.contains(run) else { return [] }
        let publications = start(run, wall: wall) + body(&self)
        runs[run] = nil
        ended.append(run)
        if ended.count > Self.mostEnded { ended.removeFirst(ended.count - Self.mostEnded) }
        return publications
    }

    private mutating func deltaIfDue(_ run: Run, now: ContinuousClock.Instant, wall: Int64) -> [Publication] {
        guard let state = runs[run], state.hasUnsentText else { return [] }
        if let last = state.lastDelta, last.duration(to: now) < Self.deltaInterval { return [] }
        return delta(run, now: now, wall: wall)
    }

    /// Everything that clients do not have yet, as an agent event and, unless `chat` is false, a chat delta.
    private mutating func delta(
        _ run: Run,
        now: ContinuousClock.Instant,
        wall: Int64,
        chat wantsChat: Bool = true
    ) -> [Publication] {
        guard let state = runs[run], state.hasUnsentText else { return [] }
        let added = String(decoding: state.text.utf8.dropFirst(state.sentLength), as: UTF8.self)
        runs[run]?.sentLength = state.text.utf8.count
        runs[run]?.replaced = false
        runs[run]?.lastDelta = now
        let agent = agent(
            run,
            "assistant",
            ["text": .string(state.text), "delta": .string(added), "replace": state.replaced ? true : nil],
            wall
        )
        guard wantsChat else { return [agent] }
        var chat = chat(
            run,
            "delta",
            [
                "message": message(state.text, wall: wall),
                "deltaText": .string(added),
                "replace": state.replaced ? true : nil,
            ]
        )
        chat.canBeDropped = true
        return [agent, chat]
    }
}

extension RunPublisher.RunState {
    var hasUnsentText: Bool { replaced || text.utf8.count > sentLength }

    /// A text that does not continue what clients have replaces it.
    mutating func take(text new: String, replaced isNew: Bool) {
        if isNew || !new.utf8.starts(with: text.utf8.prefix(sentLength)) {
            replaced = sentLength > 0
            sentLength = 0
        }
        text = new
    }
}

// MARK: - Shapes

extension RunPublisher {
    private mutating func agent(_ run: Run, _ stream: String, _ data: WireValue, _ wall: Int64) -> Publication {
        runs[run]?.sequence += 1
        let payload: WireValue = [
            "runId": .string(run.id),
            "seq": .integer(runs[run]?.sequence ?? 1),
            "stream": .string(stream),
            "ts": .integer(wall),
            "sessionKey": .string(run.sessionKey),
            "data": data,
        ]
        return Publication(event: "agent", payload: payload, audience: .readers)
    }

    private mutating func tool(_ run: Run, _ data: WireValue, _ wall: Int64) -> Publication {
        var publication = agent(run, "tool", data, wall)
        publication.audience = .toolReaders
        return publication
    }

    private mutating func lifecycle(
        _ run: Run,
        phase: String,
        wall: Int64,
        error: String? = nil,
        aborted: Bool = false
    ) -> Publication {
        let startedAt = runs[run]?.startedAt ?? wall
        return agent(
            run,
            "lifecycle",
            [
                "phase": .string(phase),
                "error": error.map(WireValue.string),
                "aborted": aborted ? true : nil,
                "startedAt": .integer(startedAt),
                "endedAt": phase == "start" ? nil : .integer(wall),
            ],
            wall
        )
    }

    private func chat(_ run: Run, _ state: String, _ more: WireValue) -> Publication {
        let base: WireValue = [
            "runId": .string(run.id),
            "sessionKey": .string(run.sessionKey),
            "seq": .integer(runs[run]?.sequence ?? 0),
            "state": .string(state),
        ]
        let payload = WireValue.object((base.members ?? []) + (more.members ?? []))
        return Publication(event: "chat", payload: payload, audience: .readers)
    }

    /// Without text there is no message: clients show nothing then.
    private func final(_ run: Run, text: String, usage: RunUsage, stopReason: String, wall: Int64) -> Publication {
        let trimmed = text.trimmingSpace
        var message: WireValue?
        if !trimmed.isEmpty {
            let tokens: WireValue = [
                "input": .number(usage.input),
                "output": .number(usage.output),
                "cacheRead": .number(usage.cacheRead),
                "cacheWrite": .number(usage.cacheWrite),
                "totalTokens": .number(
                    [usage.output, usage.cacheRead, usage.cacheWrite].reduce(usage.input) {
                        $0.addingReportingOverflow($1).overflow ? .max : $0 + $1
                    }
                ),
            ]
            let more: [WireValue.Member] =
                [.init(name: "usage", value: tokens)]
                + (stopReason.isEmpty ? [] : [.init(name: "stopReason", value: .string(stopReason))])
            message = .object((self.message(trimmed, wall: wall).members ?? []) + more)
        }
        return chat(run, "final", ["message": message, "stopReason": .nonEmpty(stopReason)])
    }

    private func message(_ text: String, wall: Int64) -> WireValue {
        [
            "role": "assistant",
            "content": [["type": "text", "text": .string(text)]],
            "timestamp": .integer(wall),
        ]
    }

    /// Arguments as the model gave them; what is not JSON is shown as text.
    private func json(_ bytes: [UInt8]) -> WireValue {
        do {
            return bytes.isEmpty ? .object([]) : try WireParser.parse(bytes)
        } catch {
            return .string(String(decoding: bytes, as: UTF8.self))
        }
    }
}

extension ConversationEvent {
    var run: Run? {
        switch self {
        case .started(let run), .text(let run, _, _, _), .toolStarted(let run, _, _, _),
            .toolFinished(let run, _, _, _, _), .finished(let run, _, _, _), .failed(let run, _), .aborted(let run, _):
            run
        case .workersChanged: nil
        }
    }

    var isTerminal: Bool {
        switch self {
        case .finished, .failed, .aborted: true
        case .started, .text, .toolStarted, .toolFinished, .workersChanged: false
        }
    }
}

extension String {
    /// Without white space at both ends.
    var trimmingSpace: String {
        let start = drop(while: \.isWhitespace)
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}
