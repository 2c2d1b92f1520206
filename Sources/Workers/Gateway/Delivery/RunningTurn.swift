internal import IPCHub
internal import Journal

/// A turn that is with an agent, with what clients have seen of it.
struct RunningTurn {
    var turn: NewTurn
    private(set) var text = ""
    private var lastSeq: UInt64 = 0
    /// The next text begins anew, after a re-run.
    private var isReplacing: Bool
    /// When its conversation was last shown activity.
    var activityAt: Int64 = 0
    /// Something came of it since `signAt`; when that was last looked at.
    private var hasSign = true
    private var signAt: Int64 = 0

    init(turn: NewTurn, isRerun: Bool) {
        self.turn = turn
        isReplacing = isRerun
    }

    var run: Run { Run(id: turn.runID, sessionKey: turn.sessionKey) }
    var isFromChannel: Bool { turn.channel != NewTurn.webchat }

    /// The agent has a new link: what it sends next counts from its beginning.
    mutating func relink() { lastSeq = 0 }

    /// Whether it has come to something within `limit` milliseconds: a turn that hangs is not shown as typing for ever.
    mutating func isLively(_ now: Int64, within limit: Int64) -> Bool {
        if hasSign { (hasSign, signAt) = (false, now) }
        return now - signAt < limit
    }

    /// What clients are to be told of an event; nil when it is old news. Text beyond `limit` bytes is not kept.
    mutating func take(_ event: HubTurnEvent, limit: Int) -> ConversationEvent? {
        guard event.seq == 0 || event.seq > lastSeq else { return nil }
        lastSeq = max(lastSeq, event.seq)
        hasSign = true
        switch event.event {
        case .started?: return .started(run)
        case .text(let added)?: return take(added, replaces: event.replace, limit: limit)
        case .toolStarted(let call)?:
            return .toolStarted(run, name: call.name, callID: call.callID, arguments: [UInt8](call.arguments))
        case .toolFinished(let call)?:
            return .toolFinished(
                run,
                name: call.name,
                callID: call.callID,
                result: call.result.text,
                isError: call.result.isError
            )
        case nil: return nil
        }
    }

    private mutating func take(_ added: String, replaces: Bool, limit: Int) -> ConversationEvent? {
        let isNew = replaces || isReplacing
        isReplacing = false
        if isNew { text = "" }
        let room = limit - text.utf8.count
        guard room > 0 else { return nil }
        let kept = added.utf8.count <= room ? added : String(decoding: added.utf8.prefix(room), as: UTF8.self)
        text += kept
        guard isNew || !kept.isEmpty else { return nil }
        return .text(run, text: text, added: kept, replaced: isNew)
    }
}
