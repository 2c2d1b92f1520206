internal import ArgumentParser
internal import IPCControl

/// The workers that a life-cycle command is for.
struct WorkerArguments: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "Workers, or `all`: an id, or a part of it that names one worker only (telegram for channel:telegram:default).",
            valueName: "worker"
        )
    )
    var workers: [String]
}

/// `start`, `stop`, `restart`, `reset`: asks, waits, says what became of it and how long it took.
struct LifeCycle {
    /// What is done to a worker.
    enum Action: String {
        case start
        case stop
        case restart
        case reset
    }

    static let exitCodes = """
        Waits until it is done, 30 s for each worker at most; several are done one after another.
        Exit codes: 0 done, 1 failed for one or more, 2 typed wrongly.
        """

    let action: Action
    let connection: ControlConnection

    /// Does it for all of them. Throws when it failed for one or more; the others were done all the same.
    static func run(_ action: Action, _ names: [String], _ common: CommonOptions) throws {
        let connection = try common.discovery.connect()
        let rows = try WorkerRow.all(on: connection)
        // Names first: nothing is done when one of them is a typing error.
        let isAll = names.contains("all") && !rows.contains { $0.answers(to: "all") }
        let chosen = isAll ? all(action, rows) : try distinct(names.map { try WorkerChoice.one($0, among: rows) })
        try run(action, chosen, connection, common)
    }

    /// The same for workers that were chosen already.
    static func run(
        _ action: Action,
        _ chosen: [WorkerRow],
        _ connection: ControlConnection,
        _ common: CommonOptions
    ) throws {
        if chosen.isEmpty, !common.json { Terminal.say("No worker needs that. See:  clawhold ps") }
        let cycle = LifeCycle(action: action, connection: connection)
        var results: [Result] = []
        for row in chosen {
            let result = try cycle.perform(row)
            results.append(result)
            guard !common.json else { continue }
            if result.isDone {
                Terminal.say(Words.plain(result.text))
            } else {
                Terminal.complain(Words.plain(result.text) + "\n" + hint(row))
            }
        }
        if common.json { Terminal.say(JSONText.array(results.map(\.json))) }
        if results.contains(where: { !$0.isDone }) { throw ExitCode(1) }
    }

    /// What became of one worker.
    struct Result {
        var row: WorkerRow
        var isDone: Bool
        var text: String
        var milliseconds: Int64

        var json: String {
            JSONText.object([
                ("ok", .bool(isDone)), ("message", .string(text)), ("tookMs", .integer(milliseconds)),
                ("worker", .raw(row.json)),
            ])
        }
    }

    /// Whom `all` means: nobody who is where the command leads to, and for `stop` not the gateway, which
    /// `gateway stop` ends. The gateway comes last.
    static func all(_ action: Action, _ rows: [WorkerRow]) -> [WorkerRow] {
        let chosen = rows.filter { row in
            switch action {
            // An agent or a model that is stopped is started when there is work for it.
            case .start: !row.isLiving && !(row.state == "stopped" && ["agent", "model", "tool"].contains(row.kind))
            case .stop: row.kind != "gateway" && row.state != "stopped"
            case .restart: row.isLiving
            case .reset: ["backoff", "quarantined", "parked"].contains(row.state)
            }
        }
        return chosen.filter { $0.kind != "gateway" } + chosen.filter { $0.kind == "gateway" }
    }

    private static func distinct(_ rows: [WorkerRow]) -> [WorkerRow] {
        var seen: Set<String> = []
        return rows.filter { seen.insert($0.id).inserted }
    }

    private func perform(_ before: WorkerRow) throws -> Result {
        let began = Terminal.now()
        var refusal: String?
        do {
            try connection.ask(Block("COMMAND", ["CMD": action.rawValue, "ID": before.id]))
        } catch let failure as CommandFailure {
            refusal = failure.text
        }
        let took = Terminal.now() - began
        let after = try WorkerRow.all(on: connection).first { $0.id == before.id } ?? before
        let text =
            refusal.map { $0.hasPrefix(before.id) ? $0 : "\(before.id): \($0)" }
            ?? Self.words(action, before, after, took)
        return Result(row: after, isDone: refusal == nil, text: text, milliseconds: took)
    }

    /// What happened, in one line.
    static func words(_ action: Action, _ before: WorkerRow, _ after: WorkerRow, _ took: Int64) -> String {
        let process = after.isLiving ? " (PID \(after.pid), incarnation \(after.incarnation))" : ""
        let time = Words.took(milliseconds: took)
        switch action {
        case .start where before.state == "ready" && before.incarnation == after.incarnation:
            return "\(after.id) is ready already\(process)"
        case .start: return "\(after.id) started, ready after \(time)\(process)"
        case .stop where before.state == "stopped": return "\(after.id) is stopped already"
        case .stop: return "\(after.id) stopped after \(time); it stays so until:  clawhold start \(after.shortName)"
        case .restart: return "\(after.id) restarted, ready after \(time)\(process)"
        case .reset where ["backoff", "quarantined", "parked"].contains(before.state):
            return "\(after.id) was \(before.state), its failures are forgotten: \(after.state) after \(time)\(process)"
        case .reset: return "\(after.id): its failures are forgotten; it is \(after.state)\(process)"
        }
    }

    private static func hint(_ row: WorkerRow) -> String {
        "  Its log:  clawhold logs \(row.shortName)     What happened:  clawhold events     All:  clawhold ps"
    }
}
