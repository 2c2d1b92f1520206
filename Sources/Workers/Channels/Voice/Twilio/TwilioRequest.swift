internal import Runtime

/// A request of Twilio's webhook, read.
struct TwilioRequest: Sendable, Equatable {
    enum Purpose: Sendable, Equatable {
        /// What is to be done with the call, from its beginning.
        case begin
        /// The status of a call that we made.
        case status
        /// What was said in answer to this token.
        case speech(turn: String)
        case silence
        case wait
    }

    var purpose: Purpose
    /// As our own address said; nil: a call that came in.
    var callId: String?
    var callSid: String
    var from: String
    var to: String
    var isInbound: Bool
    /// `in-progress`
    var status: String
    var sequence: String
    /// What was understood; empty: nothing.
    var speech: String

    /// Nil without a call.
    init?(query: FormFields, form: FormFields) {
        guard let sid = form["CallSid"], Self.isName(sid) else { return nil }
        callSid = sid
        callId = query["callId"].flatMap { Self.isName($0) ? $0 : nil }
        from = String((form["From"] ?? "").prefix(64))
        to = String((form["To"] ?? "").prefix(64))
        isInbound = form["Direction"] == "inbound"
        status = String((form["CallStatus"] ?? "").prefix(32))
        sequence = String((form["SequenceNumber"] ?? "").prefix(16))
        speech = form["SpeechResult"] ?? ""
        if query["type"] == "status" {
            purpose = .status
        } else if let turn = query["turn"], Self.isName(turn) {
            purpose = .speech(turn: turn)
        } else if query["silence"] != nil {
            purpose = .silence
        } else if query["wait"] != nil {
            purpose = .wait
        } else {
            purpose = .begin
        }
    }

    /// The event in its status; the same for the same request (spec 3.6).
    var event: CallEvent? {
        Self.kind(status: status).map { kind in
            CallEvent(
                id: "\(callSid):\(status):\(sequence)",
                kind: kind,
                providerCallId: callSid,
                callId: callId,
                direction: isInbound ? .inbound : .outbound,
                from: from,
                to: to
            )
        }
    }

    /// What Twilio's word for a call's state means; nil for an unknown one.
    static func kind(status: String) -> CallEvent.Kind? {
        switch status {
        case "queued", "initiated": .initiated
        case "ringing": .ringing
        case "in-progress": .answered
        case "completed": .ended(.completed)
        case "busy": .ended(.busy)
        case "no-answer": .ended(.noAnswer)
        case "failed": .ended(.failed)
        case "canceled": .ended(.hangupBot)
        default: nil
        }
    }

    /// Letters, digits, `-`, `_`, `.`, at most 128: safe in a key and an address.
    static func isName(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                    UInt8(ascii: ":"):
                    true
                default: false
                }
            }
    }
}
