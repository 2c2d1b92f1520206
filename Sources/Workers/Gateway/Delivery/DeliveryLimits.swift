internal import Journal

/// The bounds of the engine. Times in milliseconds.
struct DeliveryLimits: Sendable {
    /// Messages of one channel that may wait for their answer; more are not taken in.
    var waitingPerChannel = 10_000
    /// Events and chunks in the hands of one channel's worker.
    var inHandPerChannel = 16
    /// Turns that run at the same time.
    var turnsAtOnce = 4
    /// Bytes of a running turn's text that are kept for clients.
    var textBytes = 1024 * 1024
    /// Event keys that were refused and must come again before the cursor moves.
    var refusedKeys = 4096
    /// Longest idempotency key and session key in bytes.
    var keyBytes = 512
    /// Longest message typed into WebChat in bytes: with what goes with it, it must fit into a frame.
    var chatBytes = 512 * 1024
    /// Longest raw event of a network in bytes, for the same reason.
    var rawBytes = 900 * 1024
    /// Between two starts that are asked for.
    var startEvery: Int64 = 5000
    /// Between two signs of activity.
    var activityEvery: Int64 = 5000
    /// From the last that came of a turn until it is shown as working no more. Source: spec/channels-voice-tunnel.md 1.14.
    var activityStop: Int64 = 120_000
    /// How long a dead worker's link may still be read.
    var lastWords: Int64 = 2000
    /// Questions to workers that wait for their answer.
    var questions = 64
    /// How long a question waits.
    var questionWait: Int64 = 15_000
    /// How long one waits that makes a worker call its network.
    var probeWait: Int64 = 60_000
    /// Questions of those that may take so long.
    var slowQuestions: Set<String> = ["probe", "initiate", "speak", "continue", "heard", "end"]
    /// Bytes of one answer, all parts together.
    var answerBytes = 32 * 1024 * 1024
    var poison = PoisonLimits()
    var retry = RetryPolicy()
    /// Of reactions.
    var minorRetry = RetryPolicy(giveUpAfter: 600_000)
    /// What becomes of messages while their lane is busy.
    var queueRules = QueueRules()
    /// Older messages are not answered; 0: however old they are.
    var maxAge: Int64 = 0
    /// By worker, where that is another time.
    var maxAgeByChannel: [String: Int64] = [:]
    /// Of what was said on the telephone.
    static let callAge: Int64 = 120_000
    /// Without further ones for so long, what happened to many is told.
    var quiet: Int64 = 2000
    /// The local day of a time, `2026-11-23`: what the ledger and the limits count by.
    var day: @Sendable (Int64) -> String = { LocalDay.name($0) }
    /// Between two looks for what retention removes.
    var pruneEvery: Int64 = 600_000
}

/// What people are told.
enum Sentences {
    static let poisoned =
        "I could not answer your message: working on it made me crash repeatedly, so I have put it aside. Please try to say it differently."
    static let waiting =
        "I cannot answer just now: the part of me that works on messages kept failing and is tried again every minute. Your message is kept and will be answered."
    static let stopped = "Stopped."
    static let notAuthorized = "You are not authorized to use this command."
    static let shuttingDown = "Clawhold is shutting down: try again in a moment."
}
