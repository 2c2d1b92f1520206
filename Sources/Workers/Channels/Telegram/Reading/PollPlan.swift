/// What the poller does next: the pure half of the polling loop.
///
/// The driver makes the calls, tells this what came of them and does what it answers. A failure waits 2 s, then 1.8 times
/// longer up to 30 s, give or take a quarter, until a poll succeeds again; nothing makes it ask without a pause except an
/// answer that moved the offset, or an empty one that Telegram held back as it was asked to.
struct PollPlan {
    enum Next: Equatable {
        /// Poll at once.
        case poll
        /// Poll after this time; `trouble` is for the operator, nil when the account is well.
        case wait(Duration, trouble: String?)
        /// Never again with this configuration.
        case fatal(String)
        /// One update is too big to be kept: report it as lost, commit `cursor`, then ask me again.
        case skip(cursor: Int64, gap: String)
    }

    static let firstDelay = Duration.seconds(2)
    static let longestDelay = Duration.seconds(30)
    static let growth = 1.8
    static let jitter = 0.25
    /// An empty answer sooner than this did not wait for anything.
    static let shortestPoll = Duration.seconds(1)

    /// The last update that the gateway has journaled; nil: none ever.
    private(set) var confirmed: Int64?
    /// Updates to ask for at once; halved while answers are too long, one by one at worst.
    private(set) var limit = 100
    /// Calls that failed since the last good one.
    private(set) var failures = 0

    init(confirmed: Int64?) {
        self.confirmed = confirmed
    }

    /// The gateway has journaled everything up to `update`.
    ///
    /// Not the highest number ever seen: after a week without updates Telegram goes on at a random number, which may be
    /// lower, and a higher offset would confirm what nobody has read.
    mutating func journaled(upTo update: Int64) {
        confirmed = update
        limit = min(100, limit * 2)
    }

    /// A poll was answered with updates up to `last` (nil: with none) after `elapsed`; they are journaled already.
    /// `random` is in 0..<1.
    mutating func answered(last: Int64?, before: Int64?, elapsed: Duration, random: Double) -> Next {
        if let last {
            guard last != before else {
                return delay(random, "Telegram hands out updates again that were confirmed to it")
            }
            failures = 0
            return .poll
        }
        guard elapsed >= Self.shortestPoll else {
            failures = max(failures, 1)
            return .wait(Self.firstDelay, trouble: nil)
        }
        failures = 0
        return .poll
    }

    /// A call of the loop failed.
    mutating func failed(_ failure: CallFailure, random: Double) -> Next {
        switch failure {
        case .badToken(let code, let description):
            return .fatal(
                "Telegram refused the bot token (\(code) \(description)): check TELEGRAM_BOT_TOKEN or channels.telegram.botToken; "
                    + "@BotFather shows the token under /mybots. With channels.telegram.apiRoot set, check that too"
            )
        case .conflict(let description):
            return delay(random, Self.conflict(description))
        case .tooMany(let seconds):
            failures += 1
            return .wait(.seconds(seconds), trouble: "Telegram asks to wait \(seconds) s (429)")
        case .refused, .unreached, .unknown:
            return delay(random, "cannot get messages from Telegram: \(failure.words)")
        case .tooLong(let start):
            return tooLong(start, random)
        }
    }

    /// The gateway cannot journal now (its disk is full): nothing is confirmed, Telegram keeps it for 24 hours.
    mutating func refused(_ reason: String, random: Double) -> Next {
        delay(random, "messages wait at Telegram: \(reason)")
    }

    /// Who else reads this bot's messages, and what to do about it.
    static func conflict(_ description: String) -> String {
        description.contains("webhook")
            ? "another program set a webhook for this bot (409 \(description)): stop that program, then restart this channel, "
                + "which takes the webhook away; or give one of the two a bot of its own (@BotFather, /newbot)"
            : "another poller uses this bot token (409 \(description)): stop the other program or make a bot of its own for it "
                + "(@BotFather, /newbot)"
    }

    private mutating func tooLong(_ start: [UInt8], _ random: Double) -> Next {
        if limit > 1 {
            limit /= 2
            return .poll
        }
        guard let id = UpdateScanner.firstID(in: start) else {
            return delay(
                random,
                "Telegram's answer is longer than \(TelegramLimits.answerBytes) bytes and holds no update"
            )
        }
        return .skip(cursor: id, gap: Self.gap(id))
    }

    /// The words for an update that was left out.
    static func gap(_ id: Int64) -> String {
        "update \(id) is larger than \(TelegramLimits.updateBytes) bytes and was left out: one message was lost"
    }

    private mutating func delay(_ random: Double, _ trouble: String) -> Next {
        var seconds = 2.0
        for _ in 0..<min(failures, 8) { seconds = min(seconds * Self.growth, 30) }
        failures += 1
        let factor = 1 + Self.jitter * (2 * random - 1)
        return .wait(.milliseconds(Int64(min(seconds * factor, 30) * 1000)), trouble: trouble)
    }
}
