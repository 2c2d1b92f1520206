internal import IPCHub

/// What the gateway is told about one call of a row: the pure half of sending.
///
/// Telegram has no handle that makes a repeated message harmless, and a bot cannot look up what it said. So when a request
/// left and nobody knows what became of it, the row is tried exactly once more and marked: the first time the gateway is
/// told RETRY with `possibleDuplicate`, from then on it hands the row over as in doubt, and a row in doubt whose outcome
/// stays unknown again is given up. What may be repeated (edits, reactions, deletions) is never in doubt.
enum SendPlan {
    enum Step: Equatable {
        case report(HubSendResult)
        /// The group lives under another number now: the same call there, nothing was sent.
        case call(chat: Int64)
        /// The markup was refused: the same text without it, nothing was sent.
        case callPlain
        /// The file was refused as what it was sent as: as this, or nil: not at all; nothing was sent.
        case callFile(FileMethod?)
    }

    /// What a call was like.
    struct Call: Equatable {
        var row: UInt64
        /// This very call may have been delivered by an earlier try.
        var inDoubt = false
        var wasMarkup = false
        var wasMoved = false
        var isRepeatable = false
        var file: FileMethod?
    }

    /// `random` is in 0..<1 and spreads the retries. The outcome of a good call is the message's number.
    static func next(_ outcome: Result<String, CallFailure>, of call: Call, random: Double) -> Step {
        var result = HubSendResult()
        result.row = call.row
        result.possibleDuplicate = call.inDoubt && !call.isRepeatable
        switch outcome {
        case .success(let message):
            result.outcome = .sent
            result.messageID = message
            if result.possibleDuplicate {
                result.error = "possible duplicate: an earlier try may have been delivered"
            }
        case .failure(.refused(_, _, .some(let chat))) where !call.wasMoved:
            return .call(chat: chat)
        case .failure(.refused(400, let description, _)) where isAboutMarkup(description) && call.wasMarkup:
            return .callPlain
        case .failure(.refused(400, let description, _)) where isDone(description) && call.isRepeatable:
            result.outcome = .sent
        case .failure(.refused(let code, let description, _))
        where isAboutFile(code, description) && call.file != nil:
            return .callFile(call.file?.fallback)
        case .failure(let failure):
            describe(failure, call, in: &result, random: random)
        }
        return .report(result)
    }

    private static func isAboutMarkup(_ description: String) -> Bool {
        description.contains("can't parse entities") || description.contains("ENTITY_")
    }

    /// An edit that changes nothing, a deletion of what is gone.
    private static func isDone(_ description: String) -> Bool {
        description.contains("message is not modified") || description.contains("message to delete not found")
    }

    /// Whether another way of sending may help: not where the chat itself is the trouble.
    private static func isAboutFile(_ code: Int, _ description: String) -> Bool {
        if code == 413 { return true }
        guard code == 400 else { return false }
        let text = description.lowercased()
        let others = [
            "chat not found", "message thread not found", "not enough rights", "user not found", "peer_id_invalid",
            "reply", "topic", "upgraded",
        ]
        return !others.contains { text.contains($0) }
    }

    private static func describe(_ failure: CallFailure, _ call: Call, in result: inout HubSendResult, random: Double) {
        result.error = failure.words
        switch failure {
        case .refused:
            result.outcome = .rejected
        case .tooMany(let seconds):
            retry(&result, milliseconds: seconds * 1000)
        case .badToken, .conflict:
            // The poller meets the same answer and parks the worker; the row stays until the token is right.
            retry(&result, milliseconds: 30_000)
        case .unreached:
            retry(&result, milliseconds: 2000 + Int(random * 1000))
        case .unknown, .tooLong:
            if call.isRepeatable {
                retry(&result, milliseconds: 2000 + Int(random * 1000))
            } else if result.possibleDuplicate {
                result.outcome = .rejected
                result.error = "the outcome is unknown for the second time, it is not sent again: \(failure.words)"
            } else {
                retry(&result, milliseconds: 1000 + Int(random * 500))
                result.possibleDuplicate = true
                result.error =
                    "the request left and no answer came (\(failure.words)): sent once more, it may arrive twice"
            }
        }
    }

    private static func retry(_ result: inout HubSendResult, milliseconds: Int) {
        result.outcome = .retry
        result.retryAfterMs = UInt32(clamping: milliseconds)
    }
}
