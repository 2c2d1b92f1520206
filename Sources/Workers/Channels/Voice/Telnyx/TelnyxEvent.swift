internal import FoundationEssentials
internal import Runtime

/// An event of Telnyx' webhook, read (spec 3.7).
struct TelnyxEvent: Sendable, Equatable {
    /// `data.id`: the same event may come more than once.
    var id: String
    /// `call.initiated`
    var type: String
    var callControlId: String
    var callId: String?
    var from: String
    var to: String
    var isIncoming: Bool
    var hangupCause: String
    var transcript: String
    var isFinal: Bool

    /// Nil for what is no event of a call.
    init?(_ body: [UInt8]) {
        guard let json = try? JSON(parsing: body), let data = json["data"], let payload = data["payload"],
            let id = data["id"]?.string, TwilioRequest.isName(id),
            let type = data["event_type"]?.string,
            let control = payload["call_control_id"]?.string, (1...256).contains(control.utf8.count)
        else { return nil }
        self.id = id
        self.type = String(type.prefix(64))
        callControlId = control
        callId = payload["client_state"]?.string.flatMap { Self.callId($0) }
        from = String((payload["from"]?.string ?? "").prefix(64))
        to = String((payload["to"]?.string ?? "").prefix(64))
        isIncoming = payload["direction"]?.string == "incoming"
        hangupCause = String((payload["hangup_cause"]?.string ?? "").prefix(64))
        let words = payload["transcription_data"]
        transcript = words?["transcript"]?.string ?? payload["transcription"]?.string ?? ""
        isFinal = words?["is_final"]?.bool ?? payload["is_final"]?.bool ?? false
    }

    /// What `client_state` says: Base64 of our name for the call.
    static func callId(_ state: String) -> String? {
        TelnyxSignature.base64(state).flatMap { String(validating: $0, as: UTF8.self) }
            .flatMap { TwilioRequest.isName($0) ? $0 : nil }
    }

    var event: CallEvent {
        let kind: CallEvent.Kind =
            switch type {
            case "call.initiated": .initiated
            case "call.ringing": .ringing
            case "call.answered": .answered
            case "call.bridged": .active
            case "call.speak.ended": .spoken
            case "call.transcription" where isFinal && !transcript.isEmpty: .speech(transcript)
            case "call.hangup": .ended(Self.state(hangupCause))
            default: .other(type)
            }
        return CallEvent(
            id: id,
            kind: kind,
            providerCallId: callControlId,
            callId: callId,
            direction: isIncoming ? .inbound : .outbound,
            from: from,
            to: to
        )
    }

    /// Why a call ended, by Telnyx' word for it.
    static func state(_ cause: String) -> CallRecord.State {
        switch cause {
        case "normal_clearing": .completed
        case "originator_cancel": .hangupBot
        case "call_rejected", "user_busy": .busy
        case "no_answer", "no_user_response", "timeout": .noAnswer
        case "user_hangup", "subscriber_absent": .hangupUser
        case "service_unavailable", "recovery_on_timer_expire": .failed
        case "machine", "fax", "machine_detected", "fax_detected": .voicemail
        default: cause.hasSuffix("_out_of_order") ? .failed : .completed
        }
    }
}
