internal import Config
internal import FoundationEssentials
internal import IPCControl
internal import IPCHub
internal import Journal
internal import SwiftProtobuf

extension DeliveryCore {
    // MARK: Taking in

    mutating func inbound(_ event: HubInbound, _ link: LinkState) {
        var inbound = InboundEvent(
            channel: link.worker,
            eventKey: event.eventKey,
            raw: [UInt8](event.raw),
            cursor: [UInt8](event.cursor)
        )
        guard !event.eventKey.isEmpty, event.eventKey.utf8.count <= limits.keyBytes, event.raw.count <= limits.rawBytes
        else {
            // Sent again it would be no better: it counts as lost, which the journal tells.
            let isTooLong = event.raw.count > limits.rawBytes
            lost(
                "an event was not taken: "
                    + (isTooLong
                        ? "it has \(event.raw.count) bytes of at most \(limits.rawBytes)"
                        : "its key has \(event.eventKey.utf8.count) bytes of 1 to \(limits.keyBytes)"),
                about: link.worker
            )
            var ack = HubInboundAck()
            ack.seq = event.seq
            return send(link.id, .inboundAck(ack))
        }
        if isDraining { return refuse(inbound, link.id, event.seq, Sentences.shuttingDown) }
        if !intakeStopped.isEmpty { return refuse(inbound, link.id, event.seq, intakeStopped) }
        if taking[link.worker] != nil || holdsCursor(link.worker, except: event.eventKey) {
            taking[link.worker, default: TakingIn()].cursor(inbound.cursor)
            inbound.cursor = []
        }
        taking[link.worker, default: TakingIn()].began()
        commit(.receive(inbound, link: link.id, seq: event.seq))
    }

    /// An event is in the journal, or refused. Behind the last one that was on its way the cursor may move.
    mutating func taken(_ channel: String, isRefused: Bool) {
        guard let cursor = taking[channel]?.ended(isRefused: isRefused) else { return }
        taking[channel] = nil
        guard !cursor.isEmpty, !holdsCursor(channel, except: nil) else { return }
        commit(.cursor(channel: channel, cursor: cursor))
    }

    mutating func received(_ event: InboundEvent, _ link: Int, _ seq: UInt64, _ receipt: Receipt) {
        if case .crowded = receipt {
            refuse(event, link, seq, "\(limits.waitingPerChannel) messages wait for their answer")
            return taken(event.channel, isRefused: true)
        }
        refused[event.channel]?.accept(event.eventKey)
        taken(event.channel, isRefused: false)
        guard let state = current(event.channel, link) else { return }
        var ack = HubInboundAck()
        ack.seq = seq
        send(link, .inboundAck(ack))
        if case .new = receipt { pumpInbox(state.worker) }
    }

    mutating func refuse(_ event: InboundEvent, _ link: Int, _ seq: UInt64, _ reason: String) {
        guard let state = links[event.channel] else { return }
        let none = RefusedEvents(limit: limits.refusedKeys, incarnation: state.incarnation)
        refused[event.channel, default: none].refuse(event.eventKey)
        guard state.id == link else { return }
        var ack = HubInboundAck()
        ack.seq = seq
        ack.refused = reason
        send(link, .inboundAck(ack))
    }

    mutating func cursorMoved(_ cursor: HubCursor, _ link: LinkState) {
        guard !isDraining, !holdsCursor(link.worker, except: nil) else { return }
        let bytes = [UInt8](cursor.cursor)
        guard taking[link.worker] == nil else { return taking[link.worker, default: TakingIn()].cursor(bytes) }
        commit(.cursor(channel: link.worker, cursor: bytes))
    }

    /// Whether an event that was refused stands before what comes now.
    private func holdsCursor(_ channel: String, except key: String?) -> Bool {
        guard var events = refused[channel] else { return false }
        if let key { events.accept(key) }
        return events.holdsCursor
    }

    // MARK: Parsing

    mutating func pumpInbox(_ channel: String) {
        guard !isDraining, var link = links[channel], link.takesWork, channel.hasPrefix("channel:") else { return }
        guard !isLeaving(link) else { return letGo(channel) }
        let isFree = link.inboxClaim.want()
        links[channel] = link
        if isFree { commit(.claimInbox(channel: channel, link: link.id, incarnation: link.incarnation)) }
    }

    mutating func inboxClaimed(_ channel: String, _ link: Int, _ rows: [InboxRow]) {
        guard current(channel, link) != nil else { return }
        for row in rows { normalize(row, channel, link) }
        if links[channel]?.inboxClaim.done() == true { pumpInbox(channel) }
        letGo(channel)
    }

    mutating func normalize(_ row: InboxRow, _ channel: String, _ link: Int) {
        inbox[row.row] = (channel, row)
        var normalize = HubNormalize()
        normalize.row = UInt64(clamping: row.row)
        normalize.raw = Data(row.raw)
        send(link, .normalize(normalize))
    }

    mutating func normalized(_ parsed: HubNormalized, _ link: LinkState, _ now: Int64) {
        guard let row = Int64(exactly: parsed.row), let held = inbox[row], held.channel == link.worker else {
            return log(.warning, "parsed row \(parsed.row), which is not in its hands: ignored", about: link.worker)
        }
        inbox[row] = nil
        let settling = InboxSettling(
            row: row,
            channel: link.worker,
            link: link.id,
            incarnation: link.incarnation,
            verdict: unsupported(parsed.ignored, of: parsed.hasMessage ? parsed.message : nil)
        )
        guard parsed.ignored.isEmpty else { return commit(.settleInbox(settling)) }
        judge(Stranger(message: parsed.message, event: held.event, settling: settling), now)
    }

    mutating func inboxSettled(_ settling: InboxSettling, _ settlement: InboxSettlement) {
        guard case .settled(let entered) = settlement else {
            return log(
                .warning,
                "parsed row \(settling.row), which was taken from it: ignored",
                about: settling.channel
            )
        }
        if let owner = settling.verdict.owner { alerts.heard(owner) }
        if case .stop = settling.verdict.outcome {
            announce(entered.stopped, reason: "stop")
        } else {
            self.entered(entered, about: settling.channel)
        }
        if let agent = settling.agent { want(agent) }
        pumpInbox(settling.channel)
        // A suspect that went alone no longer holds the chunks back.
        pumpSends(settling.channel)
    }

    /// What putting a message into its lane did to others.
    mutating func entered(_ entered: Entered, about channel: String) {
        wake(at: entered.dueAt)
        announce(entered.stopped, reason: "interrupt")
        if let refusal = entered.refusal { log(.warning, "a message was \(refusal)", about: channel) }
    }

    /// Stable over attempts, restarts and even the loss of the journal: transcript ids are derived from it.
    static func turnID(of eventKey: String) -> String {
        Hex.encode(SHA256.hash(Array(eventKey.utf8)).prefix(12))
    }

    mutating func statusChanged(_ status: HubChannelStatus, _ link: LinkState) {
        if !status.gap.isEmpty {
            lost(String(status.gap.prefix(2000)), about: link.worker)
        }
        channelStatus[link.worker, default: ChannelLinkStatus()].changed(to: status, now: clock ?? 0)
        publish(.workersChanged)
    }

    /// Says where the operator looks that messages may be lost, and keeps it.
    private mutating func lost(_ text: String, about channel: String) {
        log(.warning, "messages may be lost: \(text)", about: channel)
        commit(.gap(channel: channel, text: text))
    }

    mutating func intakeChanged(_ reason: String?) {
        guard let reason else {
            intakeStopped = ""
            log(.info, "the disk has space again: messages are taken in")
            return publish(.workersChanged)
        }
        intakeStopped = reason
        alert(.disk(reason))
        log(.error, "\(reason); no message is taken in until then, answers still go out")
        publish(.workersChanged)
    }
}
