internal import IPCHub

/// What the gateway is told about one chunk: the pure half of sending.
///
/// Telegram has no handle that makes a repeated message harmless, and a bot cannot look up what it said. So when a request
/// left and nobody knows what became of it, the chunk is tried exactly once more and marked: the first time the gateway is
/// told RETRY with `possibleDuplicate`, from then on it hands the chunk over as in doubt, and a chunk in doubt whose
/// outcome stays unknown again is given up.
enum SendPlan {
    enum Step: Equatable {
        case report(HubSendResult)
        /// The group lives under another number now: the same call there, nothing was sent.
        case call(chat: Int64)
        /// The markup was refused: the same text without it, nothing was sent.
        case callPlain
    }

    /// `random` is in 0..<1 and spreads the retries.
    static func next(
        _ outcome: Result<Int64, CallFailure>,
        row: UInt64,
        inDoubt: Bool,
        wasMarkup: Bool,
        wasMoved: Bool,
        random: Double
    ) -> Step {
        var result = HubSendResult()
        result.row = row
        result.possibleDuplicate = inDoubt
        switch outcome {
        case .success(let message):
            result.outcome = .sent
            result.messageID = String(message)
            if inDoubt { result.error = "possible duplicate: an earlier try may have been delivered" }
        case .failure(.refused(_, _, .some(let chat))) where !wasMoved:
            return .call(chat: chat)
        case .failure(.refused(400, let description, _))
        where wasMarkup && description.contains("can't parse entities"):
            return .callPlain
        case .failure(let failure):
            describe(failure, in: &result, random: random)
        }
        return .report(result)
    }

    private static func describe(_ failure: CallFailure, in result: inout HubSendResult, random: Double) {
        result.error = failure.words
        switch failure {
        case .refused:
            result.outcome = .rejected
        case .tooMany(let seconds):
            retry(&result, milliseconds: seconds * 1000)
        case .badToken, .conflict:
            // The poller meets the same answer and parks the worker; the chunk stays until the token is right.
            retry(&result, milliseconds: 30_000)
        case .unreached:
            retry(&result, milliseconds: 2000 + Int(random * 1000))
        case .unknown, .tooLong:
            if result.possibleDuplicate {
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
