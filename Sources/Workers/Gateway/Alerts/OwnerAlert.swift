internal import Config

/// Something that the owner should know although nobody asked.
struct OwnerAlert: Equatable {
    /// Raw values are those of `alerts.off`.
    enum Cause: String {
        case quarantine
        case memory
        case deadLetter = "dead-letter"
        case parked
        case key
        case billing
        case spend
        case disk
        case expired
    }

    var cause: Cause
    /// What it is about: a worker, or nothing in particular.
    var subject: String
    /// What happened, and what to type.
    var text: String
    /// Told once under this name, however long it goes on and whoever starts anew; empty: once an interval.
    var onceAs = ""

    static func quarantine(_ worker: String, _ why: String) -> OwnerAlert {
        let text = "\(worker) is quarantined\(because(why)). It is tried again every minute. "
        return .init(
            .quarantine,
            worker,
            text + "On its machine: clawhold logs \(worker), then clawhold reset \(worker)"
        )
    }

    static func memory(_ worker: String, _ why: String) -> OwnerAlert {
        let text = "\(worker) ran out of memory and was started again\(because(why)). "
        return .init(.memory, worker, text + "On its machine: clawhold top")
    }

    static func parked(_ worker: String, _ why: String) -> OwnerAlert {
        let text = "\(worker) is switched off until its configuration changes\(because(why)). "
        return .init(.parked, worker, text + "On its machine: clawhold status, then clawhold config")
    }

    static func key(_ subject: String, _ why: String) -> OwnerAlert {
        let text = "the model's provider refuses our key\(because(why)). "
        return .init(.key, subject, text + "Put a working key into the environment or the configuration")
    }

    static func billing(_ subject: String, _ why: String) -> OwnerAlert {
        let text = "the account at the model's provider has no money left\(because(why)). "
        return .init(.billing, subject, text + "Top it up; then, to try at once, on its machine: clawhold models clear")
    }

    /// A day's limit is near or reached.
    static func spending(_ warning: SpendBook.Warning, then config: SpendConfig, day: String) -> OwnerAlert {
        let whose = warning.agent.isEmpty ? "today's model budget" : "today's model budget of \(warning.agent)"
        let amount = "\(Money.text(nanodollars: warning.spent)) of \(Money.text(warning.limit))"
        let after = config.then == .cheaper ? "\(config.cheaperModel.model) answers" : "nothing answers"
        let text =
            warning.isReached
            ? "\(whose) is spent (\(amount)): \(after) until midnight. "
            : "\(whose) is nearly spent (\(amount)); when it is, \(after) until midnight. "
        var alert = OwnerAlert(.spend, warning.agent, text + "Change models.spend in clawhold.json to move the limit")
        alert.subject = "\(warning.agent)\(warning.isReached ? ":reached" : ":near")"
        alert.onceAs = day
        return alert
    }

    static func deadLetters(_ worker: String, _ count: Int, _ why: String) -> OwnerAlert {
        let what = count == 1 ? "a message was put aside and is not answered" : "\(count) messages were put aside"
        let text = "\(what) (\(worker))\(because(why)). "
        return .init(.deadLetter, worker, text + "On its machine: clawhold queue list")
    }

    static func disk(_ why: String) -> OwnerAlert {
        .init(.disk, "", "\(Shown.text(why, limit: 300)). No message is taken in until then, answers still go out")
    }

    /// How many of each channel; they waited for more than so many hours.
    static func expired(_ counts: [String: Int], hours: Int) -> OwnerAlert {
        let count = counts.values.reduce(0, +)
        let what = count == 1 ? "a message" : "\(count) messages"
        let channels = counts.keys.sorted().prefix(5).joined(separator: ", ") + (counts.count > 5 ? ", …" : "")
        let text = "\(what) waited for more than \(hours) hours and will not be answered (\(channels)). "
        return .init(
            .expired,
            "",
            text + "On its machine: clawhold queue list --state expired, then clawhold queue retry ID"
        )
    }

    private init(_ cause: Cause, _ subject: String, _ text: String) {
        self.cause = cause
        self.subject = subject
        self.text = "⚠️ Clawhold: \(text)."
    }

    private static func because(_ why: String) -> String {
        why.isEmpty ? "" : ": \(Shown.text(why, limit: 300))"
    }
}
