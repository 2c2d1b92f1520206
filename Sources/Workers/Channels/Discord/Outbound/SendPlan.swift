internal import IPCHub

/// What the gateway is told about one thing to send: the pure half of sending.
///
/// A message bears a nonce that is the same for every try, and Discord gives back the message it already has when the
/// nonce comes again within a few minutes: repeating is harmless then. Later the channel's last messages are looked
/// through first. So nothing is ever marked as a possible duplicate, except what answers an interaction, which knows no
/// nonce.
enum SendPlan {
    /// Whether the channel has to be looked through before this row is sent: an earlier try may have been delivered, and
    /// Discord may have forgotten its nonce.
    static func needsLook(firstTried: Int64, now: Int64) -> Bool {
        guard firstTried > 0 else { return false }
        return now - firstTried >= Int64(DiscordLimits.nonceWindow.components.seconds) * 1000 || now < firstTried
    }

    /// What became of a call that is harmless to repeat.
    ///
    /// - Parameters:
    ///   - place: for the operator: `channel 123`.
    ///   - random: in 0..<1, spreads the retries.
    static func result(_ outcome: Result<String, CallFailure>, place: String, random: Double) -> HubSendResult {
        var result = HubSendResult()
        switch outcome {
        case .success(let message):
            result.outcome = .sent
            result.messageID = message
        case .failure(let failure): describe(failure, place, in: &result, random)
        }
        return result
    }

    private static func describe(
        _ failure: CallFailure,
        _ place: String,
        in result: inout HubSendResult,
        _ random: Double
    ) {
        result.error = failure.words
        switch failure {
        case .refused(_, let code, _):
            result.outcome = .rejected
            if let advice = advice(code, place) { result.error = "\(failure.words): \(advice)" }
        case .tooMany(let after, _):
            let milliseconds = after.components.seconds * 1000 + after.components.attoseconds / 1_000_000_000_000_000
            retry(&result, milliseconds: milliseconds + Int64(random * 250))
        case .badToken:
            // The connection meets the same answer and parks the worker; the row stays until the token is right.
            retry(&result, milliseconds: 30_000)
        case .unreached: retry(&result, milliseconds: 2000 + Int64(random * 1000))
        case .unknown: retry(&result, milliseconds: 1000 + Int64(random * 500))
        }
    }

    private static func retry(_ result: inout HubSendResult, milliseconds: Int64) {
        result.outcome = .retry
        result.retryAfterMs = UInt32(clamping: milliseconds)
    }

    /// What to click. Source: Discord's documentation, "JSON Error Codes".
    static func advice(_ code: Int, _ place: String) -> String? {
        switch code {
        case 50001: "the bot cannot see \(place): give it View Channel under the channel's settings → Permissions"
        case 50013:
            "the bot may not do that in \(place): give it Send Messages (in threads: Send Messages in Threads; for files: "
                + "Attach Files; for reactions: Add Reactions) under the channel's settings → Permissions"
        case 50007:
            "this person takes no direct messages from the bot: they share no server with it, or it is off under "
                + "the server's name → Privacy Settings → Direct Messages"
        case 10003: "\(place) is gone, or the bot is no longer in its server"
        case 10008: "the message that is meant is gone"
        case 40005: "the file is too large for this server"
        case 50083: "the thread is archived; somebody has to write in it first"
        case 160_002: "the message that is answered cannot be read by the bot: give it Read Message History"
        case 30_010: "the message has twenty different reactions already"
        default: nil
        }
    }
}
