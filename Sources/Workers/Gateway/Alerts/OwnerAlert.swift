/// Something that the owner should know although nobody asked.
struct OwnerAlert: Equatable {
    /// Raw values are those of `alerts.off`.
    enum Cause: String {
        case quarantine
        case memory
        case deadLetter = "dead-letter"
        case parked
        case key
        case disk
    }

    var cause: Cause
    /// What it is about: a worker, or nothing in particular.
    var subject: String
    /// What happened, and what to type.
    var text: String

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

    static func deadLetters(_ worker: String, _ count: Int, _ why: String) -> OwnerAlert {
        let what = count == 1 ? "a message was put aside and is not answered" : "\(count) messages were put aside"
        let text = "\(what) (\(worker))\(because(why)). "
        return .init(.deadLetter, worker, text + "On its machine: clawhold queue list")
    }

    static func disk(_ why: String) -> OwnerAlert {
        .init(.disk, "", "\(Shown.text(why, limit: 300)). No message is taken in until then, answers still go out")
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
