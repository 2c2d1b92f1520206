internal import IPCControl

extension SupervisorTree {
    /// KiB for all workers together; nil when nobody knows the total.
    var availableKB: Int64? {
        totalKB.map { max(0, $0 - reserve.resolved(totalKB: $0)) }
    }

    /// The memory that is missing for a start of this worker: KiB, nil when there is enough.
    func shortage(of record: WorkerRecord) -> Int64? {
        guard let availableKB else { return nil }
        var neededKB = floorKB(of: record)
        for other in records.values where other.isCounted && other.spec.id != record.spec.id {
            neededKB += claim(of: other).leastKB
        }
        return neededKB > availableKB ? neededKB - availableKB : nil
    }

    /// Divides the memory among all that live or will, and moves the limits of those that live.
    mutating func divideMemory() {
        isDivisionStale = false
        var claims: [Admission.Claim] = []
        for record in records.values where record.isCounted { claims.append(claim(of: record)) }
        let amounts = availableKB.map { Admission.divide($0, among: claims) } ?? claims.map(\.wantedKB)
        // What those must keep who live is more than there is.
        let isShort = availableKB.map { amounts.reduce(0, +) > $0 } ?? false
        var next = 0
        // Lowered limits first: at no moment shall the sum be above what there is.
        var raised: [SupervisorEffect] = []
        let totalKB = totalKB
        var lowered: [SupervisorEffect] = []
        records.updateAll { record in
            guard record.isCounted else { return }
            let grant = record.grant(of: amounts[next], totalKB: totalKB)
            next += 1
            let wantedKB = record.spec.memory.hard.resolved(totalKB: totalKB)
            // Above what the plan wants, or there is, because it uses that much: looked at again at its next measurement.
            let isGenerous = grant.hardKB > wantedKB || isShort && grant.hardKB > record.spec.memory.floorKB
            record.isLimitOwed = record.life != nil && wantedKB > 0 && isGenerous
            guard record.grant != grant else { return }
            let before = record.grant.hardKB
            record.grant = grant
            guard record.life != nil else { return }
            let effect = SupervisorEffect.limit(
                record.spec.id,
                record.incarnation,
                hardKB: grant.hardKB,
                softKB: grant.softKB
            )
            if grant.hardKB > before { raised.append(effect) } else { lowered.append(effect) }
        }
        for effect in lowered + raised {
            effects.append(effect)
            if case .limit(let id, _, _, _) = effect { effects.append(.changed(id)) }
        }
    }

    /// Starts who was parked for memory and fits now.
    mutating func unpark(_ now: Instant) {
        var ids: [WorkerID] = []
        for record in records.values { if case .parkedForMemory = record.phase { ids.append(record.spec.id) } }
        if !ids.isEmpty { launch(ids, isRetry: true, now) }
    }

    /// Does not start a worker because its floor does not fit, and says what is missing.
    mutating func park(_ id: WorkerID, _ shortageKB: Int64, _ now: Instant) {
        guard let record = records[id], let totalKB else { return }
        let missing = Self.megabytes(shortageKB)
        let needed = Self.megabytes(floorKB(of: record))
        let reserved = Self.megabytes(reserve.resolved(totalKB: totalKB))
        let text =
            "\(missing) MB of memory are missing: it needs \(needed) MB; of \(Self.megabytes(totalKB)) MB in all, "
            + "\(reserved) MB are reserved and the rest belongs to other workers"
        update(id) { $0.text = text }
        isDivisionStale = true
        isSomebodyWaiting = true
        move(id, to: .parkedForMemory, now)
        say(id, "\(id) is parked: \(text). It starts by itself when there is room: clawhold stop WORKER makes some")
    }

    /// A limit that could not be moved where it should be.
    mutating func limited(_ id: WorkerID, hardKB: Int64) {
        update(id) { record in
            record.grant.hardKB = max(0, hardKB)
            record.isLimitOwed = true
        }
        effects.append(.changed(id))
    }

    /// What a worker that lives, or will, is entitled to.
    private func claim(of record: WorkerRecord) -> Admission.Claim {
        var leastKB = floorKB(of: record)
        if record.life != nil {
            // A limit below what is used would kill at once.
            let usedKB = min(record.usedKB, MemoryShare.limitKB) + PolicyTiming.memoryHeadroomKB
            leastKB = max(leastKB, usedKB)
            // It was admitted with this; more than that is not its right.
            if record.grant.hardKB > 0 { leastKB = min(leastKB, record.grant.hardKB) }
        }
        let wantedKB = record.spec.memory.hard.resolved(totalKB: totalKB)
        return .init(leastKB: leastKB, wantedKB: wantedKB, weight: record.spec.memory.weight)
    }

    private func floorKB(of record: WorkerRecord) -> Int64 {
        let wantedKB = record.spec.memory.hard.resolved(totalKB: totalKB)
        return wantedKB > 0 ? min(record.spec.memory.floorKB, wantedKB) : record.spec.memory.floorKB
    }

    /// Rounded up: an operator who adds what is said to be missing shall have enough.
    private static func megabytes(_ kilobytes: Int64) -> Int64 { (kilobytes + 1023) / 1024 }
}
