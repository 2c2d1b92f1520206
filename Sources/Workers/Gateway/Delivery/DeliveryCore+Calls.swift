internal import Config
internal import FoundationEssentials
internal import IPCHub
internal import Journal
internal import Runtime

/// A save of a telephone call on its way into the journal.
struct CallKeeping: Sendable {
    var worker: String
    var link: Int
    var seq: UInt64
    var call: KeptCall
}

/// What the worker of telephone calls must not forget: it keeps nothing on disk (`docs/ipc.md` 2.5).
extension DeliveryCore {
    /// Calls that have not ended, at most.
    static let mostCalls = 64
    private static let callIDBytes = 128

    static func holdsCalls(_ worker: String) -> Bool { worker.hasPrefix("channel:\(GatewayVoice.channel):") }

    /// After WELCOME: every call that has not ended, then that these were all.
    mutating func resumeCalls(_ link: LinkState, _ calls: [KeptCall]) {
        guard Self.holdsCalls(link.worker) else { return }
        for call in calls {
            var record = HubCallRecord()
            record.callID = call.callID
            record.record = Data(call.record)
            send(link.id, .callRecord(record))
        }
        var known = HubCallsKnown()
        known.count = UInt32(clamping: calls.count)
        send(link.id, .callsKnown(known))
    }

    mutating func callRecord(_ record: HubCallRecord, _ link: LinkState) {
        do throws(CallObjection) {
            let keeping = CallKeeping(
                worker: link.worker,
                link: link.id,
                seq: record.seq,
                call: try Self.kept(record)
            )
            commit(.keepCall(keeping))
        } catch {
            log(.warning, "a call is not kept: \(error.text)", about: link.worker)
            acknowledgeCall(record.seq, link.worker, link.id, error: error.text)
        }
    }

    mutating func callSaved(_ keeping: CallKeeping, _ save: CallSave) {
        var error = ""
        // The worker need not know that it was told twice of an end.
        if save == .crowded {
            error = "\(Self.mostCalls) calls are being held already"
            log(.warning, "a call is not kept: \(error)", about: keeping.worker)
        }
        acknowledgeCall(keeping.seq, keeping.worker, keeping.link, error: error)
    }

    mutating func callNotSaved(_ keeping: CallKeeping, _ error: JournalError) {
        acknowledgeCall(keeping.seq, keeping.worker, keeping.link, error: error.description)
    }

    private mutating func acknowledgeCall(_ seq: UInt64, _ worker: String, _ link: Int, error: String) {
        guard current(worker, link) != nil else { return }
        var ack = HubCallAck()
        ack.seq = seq
        ack.error = error
        send(link, .callAck(ack))
    }

    private struct CallObjection: Error {
        var text: String
    }

    private static func kept(_ record: HubCallRecord) throws(CallObjection) -> KeptCall {
        guard isCallID(record.callID) else {
            throw CallObjection(text: "its id is empty, longer than \(callIDBytes) bytes or holds odd characters")
        }
        guard record.record.count <= CallRecord.byteLimit else {
            throw CallObjection(text: "its record has \(record.record.count) bytes of at most \(CallRecord.byteLimit)")
        }
        // A record that cannot be read back would be lost to everybody but the disk.
        guard let call = try? JSONDecoder().decode(CallRecord.self, from: record.record) else {
            throw CallObjection(text: "its record is no JSON of a call")
        }
        guard call.callId == record.callID, call.state.isTerminal == record.hasEnded_p else {
            throw CallObjection(text: "its record says something else than its frame")
        }
        return KeptCall(
            callID: record.callID,
            state: call.state.rawValue,
            record: [UInt8](record.record),
            hasEnded: record.hasEnded_p,
            startedAt: call.startedAt
        )
    }

    /// Printable and without blanks.
    static func isCallID(_ id: String) -> Bool {
        (1...callIDBytes).contains(id.utf8.count) && id.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    // MARK: Turns

    func isTelephone(_ channel: String) -> Bool { access[channel]?.isTelephone == true }

    /// What a turn is told of the place that it happens in.
    func roomPrompt(_ channel: String, _ message: HubChatMessage) -> String {
        if isTelephone(channel) { return config.voice?.prompt ?? "" }
        return access[channel].map { AccessPolicy(access: $0).roomPrompt(message) } ?? ""
    }
}
