internal import IPCHub
internal import Journal

extension DeliveryCore {
    // MARK: What waited for quiet

    mutating func dueReleased(_ release: DueRelease) {
        entered(release.entered, about: NewTurn.webchat)
        for agent in release.agents { want(agent) }
    }

    // MARK: The operator's orders

    mutating func ordered(_ token: Int, _ outcome: QueueOrderOutcome) {
        switch outcome {
        case .refused(let why): effect(.answerOrder(token: token, .failure(.invalid(why))))
        case .done(let item, let worker, let stopped):
            log(.info, "\(item.id) is \(item.state.rawValue) now, by the operator's word", about: item.channel)
            effect(.answerOrder(token: token, .success(item)))
            announce(stopped, reason: "dropped")
            if worker.hasPrefix("agent:") { want(worker) }
            pumpInbox(item.channel)
            // The reaction of a message that was dropped is taken away.
            pumpSends(item.channel)
        }
    }
}
