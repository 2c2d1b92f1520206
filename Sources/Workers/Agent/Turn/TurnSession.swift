internal import IPCHub
internal import Logging
internal import Runtime
internal import Synchronization

/// A turn's view of its session: the conversation before it, the entries of its own, and the writing of more.
///
/// Belongs to one turn and is used by its task alone.
final class TurnSession {
    let place: TurnPlace
    let turn: HubTurn
    let key: SessionKey
    let transcript: Transcript
    /// The turn's message; after `/new` what follows it.
    let message: HubChatMessage
    /// What the conversation asks: the configured models, or one that was chosen.
    let choice: ModelChoice.Resolution
    /// How much the model is to think; "": it is not told.
    let thinking: String
    /// The model that answers.
    var model: String
    /// That another model than the wanted one answers, when it is so, and what the session was told last.
    var fallback: FallbackNotice?
    let toldFallback: FallbackNotice?
    /// When the conversation was last written to, before this turn.
    let previous: Int64?
    /// The active path without this turn's entries.
    let others: [TranscriptEntry]
    /// This turn's entries in the order of the file; an earlier attempt may have written some.
    var own: [TranscriptEntry]
    var lastID: String?

    /// A tool call that the model made.
    struct Call {
        var id: String
        var name: String
        var arguments: JSON
        var malformed: String?
    }

    private init(
        place: TurnPlace,
        turn: HubTurn,
        key: SessionKey,
        transcript: Transcript,
        message: HubChatMessage,
        entry: JSONObject,
        previous: Int64?,
        tail: Transcript.Tail
    ) {
        self.place = place
        self.turn = turn
        self.key = key
        self.transcript = transcript
        self.message = message
        self.previous = previous
        choice = ModelChoice.resolve(entry, turn: turn)
        thinking = ThinkingChoice.level(message.thinking) ?? ThinkingChoice.resolve(entry, usual: place.thinking)
        model =
            switch choice {
            case .configured: turn.targets.first?.model ?? turn.model
            case .chosen(let target, _): target.model
            case .gone(let name): name
            }
        toldFallback = FallbackNotice(entry)
        lastID = tail.lastID
        let mine = Self.ownIDs(turn.turnID, tail)
        own = tail.entries.filter { $0.id.map(mine.contains) ?? false }
        others = ActivePath.of(tail.entries).filter { !($0.id.map(mine.contains) ?? false) }
    }

    /// Finds or makes the session and reads the end of its transcript.
    static func open(
        place: TurnPlace,
        turn: HubTurn,
        key: SessionKey,
        command: Command?
    ) async throws(DiskError) -> TurnSession {
        let now = place.now()
        var message = turn.message
        var isReset = false
        if case .reset(let rest)? = command {
            isReset = true
            if !rest.isEmpty { message.text = rest }
        }
        let previous = Mutex<Int64?>(nil)
        let entry = try await place.store.update(key) { [isReset] entry in
            previous.withLock { $0 = isReset ? nil : entry["updatedAt"]?.integer }
            SessionEntry.begin(&entry, turn: turn, isReset: isReset, now: now)
        }
        guard let transcript = place.store.transcript(entry) else {
            throw .failed(what: "name the transcript of \(key) in", path: place.store.path, code: 22)
        }
        let tail = try transcript.read()
        if tail.skippedLines > 0 {
            place.log.warning("\(transcript.path): \(tail.skippedLines) lines are not JSON and were passed over")
        }
        return TurnSession(
            place: place,
            turn: turn,
            key: key,
            transcript: transcript,
            message: message,
            entry: entry,
            previous: previous.withLock { $0 },
            tail: tail
        )
    }

    private static func ownIDs(_ turnID: String, _ tail: Transcript.Tail) -> Set<String> {
        var ids: Set<String> = [EntryID.derive(turn: turnID, .user), EntryID.derive(turn: turnID, .reply)]
        for round in 0..<ToolRun.rounds {
            guard let entry = tail.entry(EntryID.derive(turn: turnID, .round(round))), let id = entry.id else { break }
            ids.insert(id)
            for call in calls(entry).indices {
                ids.insert(EntryID.derive(turn: turnID, .toolResult(round: round, call: call)))
            }
        }
        return ids
    }

    func entry(_ part: EntryID.Part) -> TranscriptEntry? {
        let id = EntryID.derive(turn: turn.turnID, part)
        return own.last { $0.id == id }
    }
}
