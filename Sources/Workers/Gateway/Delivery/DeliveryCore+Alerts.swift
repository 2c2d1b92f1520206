internal import IPCHub
internal import Journal

extension DeliveryCore {
    /// Tells the owner through the chat, if it is time for it.
    mutating func alert(_ alert: OwnerAlert) {
        guard let now = clock, !isDraining else { return }
        let links = links
        let delivery = alerts.deliver(alert, isUp: { links[$0]?.takesWork == true }, now: now)
        if let delivery { tell(delivery) }
    }

    mutating func ownersRead(_ chats: [OwnerChat]) {
        guard let now = clock else { return }
        let links = links
        let known = chats.filter { access[$0.channel] != nil }
        for delivery in alerts.read(known, isUp: { links[$0]?.takesWork == true }, now: now) { tell(delivery) }
    }

    private mutating func tell(_ delivery: OwnerAlerts.Delivery) {
        let notice = NewNotice(
            conversation: delivery.chat.conversation,
            target: delivery.chat.target,
            text: delivery.text
        )
        notify(delivery.chat.channel, notice, origin: delivery.origin)
    }

    // MARK: Causes

    mutating func alertOf(_ row: WorkerRow, was old: WorkerRow?) {
        guard row.state != old?.state, let now = clock else { return }
        // A gateway that has just started is told of old news too.
        if old == nil, now - row.sinceMilliseconds > 600_000 { return }
        switch row.state {
        case "quarantined": alert(.quarantine(row.id, row.reason))
        case "parked" where row.kind == "model": alert(.key(row.id, row.reason))
        case "parked": alert(.parked(row.id, row.reason))
        default: break
        }
    }

    mutating func alertOf(_ report: ReleaseReport, _ worker: String) {
        // What was to be said in a call that is over is of no use to anybody.
        let outbox = report.deadOutbox.filter { !Self.isAlert($0.name) && !isTelephone($0.worker) }
        let count = report.deadTurns.count + report.deadInbox.count + outbox.count
        guard count > 0 else { return }
        let why = (report.deadInbox + outbox).first?.reason ?? "working on it killed \(worker) again and again"
        alert(.deadLetters(worker, count, why))
    }

    /// A part of an answer is given up.
    mutating func alertOf(given row: OutboxRow?, _ channel: String) {
        guard let row, !row.part.isMinor, !Self.isAlert(row.origin), !isTelephone(channel) else { return }
        alert(.deadLetters(channel, 1, "a part of an answer could not be delivered"))
    }

    /// A provider refused a key, or its account has no money: an answer may have come from another one all the same.
    mutating func alertOf(_ entry: LedgerEntry, _ worker: String) {
        let why = "\(entry.profile.isEmpty ? entry.provider : entry.profile): \(entry.cause)"
        switch entry.kind {
        case "auth": alert(.key(worker, why))
        case "billing": alert(.billing(worker, why))
        default: break
        }
    }

    /// Never for what an alert itself brought about.
    private static func isAlert(_ origin: String) -> Bool { origin.hasPrefix("alert:") }
}
