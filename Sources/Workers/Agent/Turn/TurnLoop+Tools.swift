internal import FoundationEssentials
internal import IPCHub
internal import Logging
internal import Runtime

/// The tool calls of a turn.
extension TurnLoop {
    /// Runs what has no result yet. False when the turn was interrupted.
    func runTools(
        _ entry: TranscriptEntry,
        round: Int,
        _ session: TurnSession
    ) async throws(DiskError) -> Bool {
        for (index, call) in TurnSession.calls(entry).enumerated() where !session.hasResult(round: round, call: index) {
            guard let outcome = await run(call, session) else { return false }
            try session.write(outcome, of: call, round: round, index: index)
        }
        return running.interruption == nil
    }

    /// One tool call with its two commits around it; nil when the turn is interrupted.
    private func run(_ call: TurnSession.Call, _ session: TurnSession) async -> ToolOutcome? {
        let tool = place.tools(in: turn.channel).first { $0.name == call.name }
        var frame = HubToolCall()
        frame.turnID = turn.turnID
        frame.callID = call.id
        frame.name = call.name
        frame.arguments = Data(call.arguments.encoded())
        frame.readOnly = tool?.isReadOnly ?? true
        let earlier = turn.toolCalls.first { $0.callID == call.id }
        if let earlier, earlier.hasResult {
            return await again(earlier, call, tool, session)
        }
        guard let tool, call.malformed == nil else {
            // Nothing runs, so there is nothing for the journal.
            let why = call.malformed ?? "there is no tool of this name"
            return ToolOutcome(text: "\(call.name) was not run: \(why).", isError: true)
        }
        var outcome: ToolOutcome
        if earlier != nil, !tool.isReadOnly {
            outcome = ToolOutcome(text: ModelHistory.unknownEffect, isError: true)
        } else {
            guard await running.open(frame) else { return nil }
            await running.events.tool(started: frame)
            place.reach("tool.before-call")
            var context = session.toolContext(model: session.model)
            (context.turnID, context.callID) = (turn.turnID, call.id)
            context.senderID = turn.message.senderID
            guard
                let ran = try? await running.interruptible({ [context] in
                    await tool.run(call.arguments, context: context)
                })
            else {
                return nil
            }
            place.reach("tool.after-call")
            outcome = ran
            outcome.text = ran.text.cut(toBytes: ToolRun.resultLimit)
        }
        frame.result.text = outcome.text
        frame.result.isError = outcome.isError
        guard await running.close(frame) else { return nil }
        await running.events.tool(finished: frame)
        return outcome
    }

    /// The result that an earlier attempt got. What it collected to go out died with that attempt and is collected again.
    private func again(
        _ earlier: HubToolCall,
        _ call: TurnSession.Call,
        _ tool: (any AgentTool)?,
        _ session: TurnSession
    ) async -> ToolOutcome {
        var outcome = ToolOutcome(text: earlier.result.text, isError: earlier.result.isError)
        guard let tool, tool is MessageTool, !outcome.isError else { return outcome }
        outcome.parts = await tool.run(call.arguments, context: session.toolContext(model: session.model)).parts
        if outcome.parts.isEmpty {
            place.log.warning("turn \(turn.turnID) of \(key): what \(call.name) was to send cannot be had any more")
        }
        return outcome
    }
}
