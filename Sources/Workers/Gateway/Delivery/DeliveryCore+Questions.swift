internal import FoundationEssentials
internal import IPCHub

extension DeliveryCore {
    mutating func question(_ token: Int, _ worker: String, _ method: String, _ params: [UInt8], _ now: Int64) {
        guard questions.count < limits.questions else {
            return fail(token, "too many questions wait for the agents: try again in a moment")
        }
        guard !isDraining else { return fail(token, Sentences.shuttingDown) }
        let id = questions.add(
            Questions.Entry(
                token: token,
                worker: worker,
                method: method,
                params: params,
                deadline: now + (limits.slowQuestions.contains(method) ? limits.probeWait : limits.questionWait)
            )
        )
        if let link = links[worker], link.takesWork, !isLeaving(link) { ask(id, link.id) } else { demand(worker) }
    }

    mutating func resumeQuestions(_ worker: String, _ link: Int) {
        for id in questions.unasked(of: worker) { ask(id, link) }
    }

    private mutating func ask(_ id: UInt64, _ link: Int) {
        guard let entry = questions.entries[id] else { return }
        questions.asked(id)
        var request = HubRequest()
        request.id = id
        request.method = entry.method
        request.params = Data(entry.params)
        send(link, .request(request))
    }

    mutating func answer(_ response: HubResponse, _ link: LinkState) {
        guard let entry = questions.entries[response.id], entry.worker == link.worker, entry.isAsked else {
            // Late answers to questions that ran out of time are no offence.
            return
        }
        guard questions.append([UInt8](response.payload), to: response.id, limit: limits.answerBytes) else {
            _ = questions.remove(response.id)
            return fail(entry.token, "the answer of \(entry.worker) is too long")
        }
        guard response.last, let whole = questions.remove(response.id) else { return }
        guard response.error.isEmpty else {
            return effect(.answerQuestion(token: entry.token, .failure(.unavailable(response.error))))
        }
        effect(.answerQuestion(token: entry.token, .success(whole.answer)))
    }

    /// Questions that a lost link swallowed fail; those not asked yet wait for the next one.
    mutating func dropQuestions(of worker: String) {
        for id in questions.asked(of: worker) {
            guard let entry = questions.remove(id) else { continue }
            fail(entry.token, "\(worker) ended before it could answer: try again")
        }
    }

    mutating func expireQuestions(_ now: Int64) {
        for id in questions.expired(now) {
            guard let entry = questions.remove(id) else { continue }
            let state = table[entry.worker].map { " (it is \($0.state))" } ?? ""
            fail(entry.token, "\(entry.worker) did not answer in time\(state)")
        }
        for entry in questions.entries.values where !entry.isAsked { demand(entry.worker) }
    }

    private mutating func fail(_ token: Int, _ text: String) {
        effect(.answerQuestion(token: token, .failure(.unavailable(text))))
    }
}
