internal import Config
internal import FoundationEssentials
internal import IPCHub
internal import Journal

/// What model workers must not forget, and what their attempts came to. They keep nothing on disk.
extension DeliveryCore {
    /// Bytes of what a worker wants kept; more is refused in the ack.
    static let stateBytes = 256 * 1024
    /// Credentials of one provider, and bytes of each.
    static let mostCredentials = 64
    static let credentialBytes = 64 * 1024

    /// The provider that a model worker is for.
    func provider(of worker: String) -> String {
        config.models.first { $0.worker == worker }?.provider ?? String(worker.dropFirst("model:".count))
    }

    /// What was kept for it, an empty one when nothing was: it answers no call before.
    mutating func resumeModel(_ link: LinkState, _ kept: ModelStateRow) {
        var state = HubModelState()
        state.cooldowns = Data(kept.cooldowns)
        state.credentials = kept.credentials.sorted { $0.key < $1.key }.map { profile, value in
            var credential = HubModelCredential()
            credential.profile = profile
            credential.value = Data(value)
            return credential
        }
        send(link.id, .modelState(state))
    }

    // MARK: State

    mutating func modelState(_ state: HubModelState, _ link: LinkState) {
        if let error = Self.objection(to: state) {
            log(.warning, "\(link.worker) wants \(error) kept: refused")
            return acknowledge(state.seq, link.worker, link.id, error: error)
        }
        var row = ModelStateRow()
        row.cooldowns = [UInt8](state.cooldowns)
        for credential in state.credentials { row.credentials[credential.profile] = [UInt8](credential.value) }
        // Its id in the journal is the worker's: what the configuration calls the provider may change.
        let keeping = StateKeeping(worker: link.worker, link: link.id, seq: state.seq, state: row)
        commit(.keepModelState(keeping))
    }

    mutating func stateKept(_ keeping: StateKeeping, error: String = "") {
        acknowledge(keeping.seq, keeping.worker, keeping.link, error: error)
    }

    private mutating func acknowledge(_ seq: UInt64, _ worker: String, _ link: Int, error: String) {
        guard current(worker, link) != nil else { return }
        var ack = HubModelStateAck()
        ack.seq = seq
        ack.error = error
        send(link, .modelStateAck(ack))
    }

    private static func objection(to state: HubModelState) -> String? {
        if state.cooldowns.count > stateBytes {
            return "\(state.cooldowns.count) bytes of state, more than \(stateBytes),"
        }
        if state.credentials.count > mostCredentials { return "\(state.credentials.count) credentials" }
        let isOdd = state.credentials.contains { credential in
            credential.profile.isEmpty || credential.profile.utf8.count > 256
                || credential.value.count > credentialBytes
        }
        if isOdd { return "a credential without a name, or one of more than \(credentialBytes) bytes," }
        guard Set(state.credentials.map(\.profile)).count == state.credentials.count else {
            return "one credential twice"
        }
        return nil
    }

    // MARK: Ledger

    mutating func ledgerRow(_ row: HubLedgerRow, _ worker: String, _ link: Int, _ now: Int64) {
        let provider = provider(of: worker)
        guard row.provider == provider else {
            log(.warning, "\(worker) told of a call to \(Shown.text(row.provider)), which is not its own: ignored")
            // It would tell it again for ever.
            return acknowledge([row.id], worker, link)
        }
        guard let entry = ledger.entry(row, provider: provider, now: now) else {
            log(.warning, "\(worker) told of a call without an id that can be kept: ignored")
            return acknowledge([row.id], worker, link)
        }
        guard links[worker]?.ledger.add(entry, now: now) == true else {
            log(
                .warning,
                "\(worker) tells of more calls than can be written down: its link is closed, it tells again"
            )
            return effect(.close(link: link))
        }
        pumpLedger(worker, now)
    }

    mutating func pumpLedger(_ worker: String, _ now: Int64) {
        guard let link = links[worker]?.id else { return }
        // What a day's limit counts must not wait: the next question may be one too many.
        if let rows = links[worker]?.ledger.next(now: now, isUrgent: isDraining || spending.isNeeded) {
            commit(.record(worker: worker, link: link, rows))
        } else if let due = links[worker]?.ledger.dueAt, due < ledgerAt ?? .max {
            ledgerAt = due
            effect(.wake(at: due))
        }
    }

    mutating func pumpLedgers(_ now: Int64) {
        for worker in links.keys where worker.hasPrefix("model:") { pumpLedger(worker, now) }
    }

    /// A link is gone, and perhaps its worker with it, who then tells nothing again: what it told is written down as it is.
    mutating func recordRest(of link: LinkState) {
        var rows = link.ledger.waiting[...]
        while !rows.isEmpty {
            commit(.record(worker: link.worker, link: link.id, Array(rows.prefix(LedgerIntake.batch))))
            rows = rows.dropFirst(LedgerIntake.batch)
        }
    }

    mutating func recorded(_ worker: String, _ link: Int, _ rows: [LedgerEntry], new: Set<String>, _ now: Int64) {
        for row in rows where new.contains(row.id) {
            spending.add(row)
            alertOf(row, worker)
        }
        if !new.isEmpty { alertSpending(now) }
        guard current(worker, link) != nil else { return }
        links[worker]?.ledger.done()
        acknowledge(rows.map(\.id), worker, link)
        pumpLedger(worker, now)
    }

    mutating func notRecorded(_ worker: String, _ link: Int, _ rows: [LedgerEntry], _ now: Int64) {
        guard current(worker, link) != nil else { return }
        links[worker]?.ledger.failed(rows, now: now)
    }

    private mutating func acknowledge(_ ids: [String], _ worker: String, _ link: Int) {
        guard current(worker, link) != nil else { return }
        var ack = HubLedgerAck()
        ack.ids = ids
        send(link, .ledgerAck(ack))
    }

    // MARK: Limits

    /// At the start, and when a day begins: what the journal knows of it.
    mutating func readSpending(_ now: Int64) {
        let today = limits.day(now)
        guard spending.isNeeded, spending.day != today, readingDay != today else { return }
        readingDay = today
        commit(.spending(day: today))
    }

    mutating func spendingRead(_ day: String, _ sums: [LedgerSum], _ now: Int64) {
        readingDay = ""
        spending.read(sums, day: day)
        alertSpending(now)
    }

    private mutating func alertSpending(_ now: Int64) {
        guard spending.isNeeded else { return }
        let today = limits.day(now)
        for warning in spending.warnings(on: today) { alert(.spending(warning, then: config.spend, day: today)) }
    }

    /// Why a relayed request, which is no agent's, may not ask this model today; nil: it may.
    func objection(to model: String, _ now: Int64) -> String? {
        guard spending.isNeeded else { return nil }
        switch spending.verdict(for: "", on: limits.day(now)) {
        case .within: return nil
        case .stop(let sentence): return sentence
        case .cheaper(let notice): return model == config.spend.cheaperModel.model ? nil : notice
        }
    }

    /// The models of a turn, under today's limits.
    mutating func offer(_ row: TurnRow, in turn: inout HubTurn, _ now: Int64) {
        let offers = ModelOffers(config: config)
        // The demonstration model answers in WebChat alone: a misspelt key must never let a toy talk to somebody's family.
        if row.turn.channel == NewTurn.webchat, let demo = config.demoModel {
            turn.candidates = [offers.target(demo)]
        } else {
            let agentID = String(row.turn.agent.trimmingPrefix("agent:"))
            turn.candidates = offers.candidates(of: agentID)
            if isTelephone(row.turn.channel), let model = config.voice?.model { offers.prefer(model, in: &turn) }
            turn.choices = offers.choices()
            turn.transcribers = offers.transcribers()
            limit(&turn, agentID, row, now)
        }
        let first = turn.candidates.first ?? HubModelTarget()
        turn.model = first.model
        turn.modelWorker = first.worker
        turn.unavailable = first.worker.isEmpty ? first.unavailable : ""
    }

    private mutating func limit(_ turn: inout HubTurn, _ agentID: String, _ row: TurnRow, _ now: Int64) {
        guard spending.isNeeded else { return }
        switch spending.verdict(for: agentID, on: limits.day(now)) {
        case .within: return
        case .stop(let sentence):
            turn.candidates = turn.candidates.prefix(1).map { $0.closed(sentence) }
            turn.choices = turn.choices.map { $0.closed(sentence) }
            turn.transcribers = []
        case .cheaper(let notice):
            let cheaper = ModelOffers(config: config).target(config.spend.cheaperModel)
            turn.candidates = [cheaper]
            turn.choices = turn.choices.map { $0.model == cheaper.model ? $0 : $0.closed(notice) }
            turn.notice = notices.isNew(notice, in: row.turn.lane, turn: row.turn.turnID) ? notice : ""
        }
    }
}

/// What a model worker wants kept, on its way into the journal.
struct StateKeeping: Sendable {
    var worker: String
    var link: Int
    var seq: UInt64
    var state: ModelStateRow
}
