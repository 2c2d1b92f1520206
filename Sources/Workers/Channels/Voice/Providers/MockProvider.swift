internal import Runtime

/// No telephone at all: every request works, and what happens comes by its webhook, unsigned, from this machine.
struct MockProvider: CallProvider {
    let name = "mock"
    let speaksByWebhook = false

    func dial(_ record: CallRecord, webhook: String?) async -> Result<String, ProviderFailure> {
        .success("mock-\(record.callId)")
    }

    func speak(_ text: String, in record: CallRecord, webhook: String, command: String) async
        -> Result<Void, ProviderFailure>
    { .success(()) }

    func hangUp(_ record: CallRecord) async -> Result<Void, ProviderFailure> { .success(()) }

    func look(_ providerCallId: String) async -> Result<CallEvent.Kind?, ProviderFailure> {
        .success(.other("mock"))
    }

    func find(_ record: CallRecord, known: Set<String>) async -> Result<String?, ProviderFailure> {
        .success("mock-\(record.callId)")
    }

    func probe() async -> Result<Void, ProviderFailure> { .success(()) }

    /// The events of a request: `{"event": {…}}` or `{"events": […]}`; nil when it is neither. At most 64.
    ///
    /// An event is {id, type: "call.answered", callId?, providerCallId?, direction?, from?, to?, transcript?, reason?}.
    static func events(_ body: [UInt8]) -> [CallEvent]? {
        guard let json = try? JSON(parsing: body) else { return nil }
        guard let all = json["events"]?.array ?? json["event"].map({ [$0] }), all.count <= 64 else { return nil }
        var events: [CallEvent] = []
        for one in all {
            guard let id = one["id"]?.string, TwilioRequest.isName(id), let type = one["type"]?.string else {
                return nil
            }
            let callId = one["callId"]?.string.flatMap { TwilioRequest.isName($0) ? $0 : nil }
            let name = one["providerCallId"]?.string.flatMap { TwilioRequest.isName($0) ? $0 : nil }
            guard let name = name ?? callId.map({ "mock-\($0)" }) else { return nil }
            let kind: CallEvent.Kind =
                switch type {
                case "call.initiated": .initiated
                case "call.ringing": .ringing
                case "call.answered": .answered
                case "call.active": .active
                case "call.speech": .speech(one["transcript"]?.string ?? "")
                case "call.ended": .ended(CallRecord.State(rawValue: one["reason"]?.string ?? "") ?? .completed)
                case "call.error": .ended(.error)
                default: .other(String(type.prefix(64)))
                }
            events.append(
                CallEvent(
                    id: id,
                    kind: kind,
                    providerCallId: name,
                    callId: callId,
                    direction: one["direction"]?.string == "inbound" ? .inbound : .outbound,
                    from: String((one["from"]?.string ?? "").prefix(64)),
                    to: String((one["to"]?.string ?? "").prefix(64))
                )
            )
        }
        return events
    }
}
