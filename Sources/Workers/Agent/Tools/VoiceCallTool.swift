internal import Config
internal import Runtime

/// `voice_call`: telephone calls, OpenClaw's tool (spec/channels-voice-tunnel.md 3.8).
///
/// The gateway has it done. A call is named by the turn and the tool call, so one that is made twice dials once.
struct VoiceCallTool: AgentTool {
    let gateway: any GatewayAsking
    let settings: AgentVoice

    let name = "voice_call"
    let description =
        "Makes telephone calls and speaks in them. initiate_call rings somebody (mode notify: says message and hangs up; conversation: stays, and what they say comes to you as messages of its own); continue_call says message and waits for the answer; speak_to_user only says it; end_call hangs up; get_status tells how a call stands."
    let isReadOnly = false
    let schema: JSON = [
        "type": "object",
        "properties": [
            "action": [
                "type": "string",
                "enum": ["initiate_call", "continue_call", "speak_to_user", "end_call", "get_status"],
            ],
            "to": [
                "type": "string", "description": "initiate_call: number in E.164 (+15550001234); absent: the usual one",
            ],
            "message": ["type": "string", "description": "initiate_call, continue_call, speak_to_user: what is said"],
            "mode": ["type": "string", "enum": ["notify", "conversation"], "description": "initiate_call"],
            "callId": ["type": "string", "description": "all but initiate_call: which call"],
        ],
        "required": ["action"],
        "additionalProperties": false,
    ]

    /// Longer than the gateway waits for what the other side says by default.
    private static let conversing = Duration.seconds(190)
    private static let usual = Duration.seconds(75)

    func run(_ arguments: JSON, context: ToolContext) async -> ToolOutcome {
        do throws(Mistake) {
            let (method, params, limit) = try request(arguments, context)
            switch await gateway.ask(method, .object(params), within: limit) {
            case .success(let answer): return ToolOutcome(text: String(decoding: answer.encoded(), as: UTF8.self))
            case .failure(let refusal): return ToolOutcome(text: "It failed: \(refusal.text).", isError: true)
            }
        } catch {
            return ToolOutcome(text: "Nothing was done: \(error.text).", isError: true)
        }
    }

    /// What is wrong with the arguments.
    private struct Mistake: Error {
        var text: String
        init(_ text: String) { self.text = text }
    }

    private func request(
        _ arguments: JSON,
        _ context: ToolContext
    ) throws(Mistake) -> (String, JSONObject, Duration) {
        var params = JSONObject()
        switch Self.action(arguments) {
        case "initiate_call":
            params["message"] = .string(try Self.message(arguments))
            if let to = Self.given(arguments, "to") { params["to"] = .string(to) }
            try forbidOwnCaller(Self.given(arguments, "to") ?? settings.toNumber, context)
            // The older form has its action there.
            if let mode = Self.given(arguments, "mode"), mode != "call" { params["mode"] = .string(mode) }
            params["idempotencyKey"] = .string("tool:\(context.turnID):\(context.callID)")
            return ("voicecall.initiate", params, Self.usual)
        case "continue_call":
            params["callId"] = .string(try Self.callID(arguments))
            params["message"] = .string(try Self.message(arguments))
            return ("voicecall.continue", params, Self.conversing)
        case "speak_to_user":
            params["callId"] = .string(try Self.callID(arguments))
            params["message"] = .string(try Self.message(arguments))
            return ("voicecall.speak", params, Self.usual)
        case "end_call":
            params["callId"] = .string(try Self.callID(arguments))
            return ("voicecall.end", params, Self.usual)
        case "get_status":
            params["callId"] = .string(try Self.callID(arguments))
            return ("voicecall.status", params, Self.usual)
        default:
            throw Mistake("action must be initiate_call, continue_call, speak_to_user, end_call or get_status")
        }
    }

    /// Who is on the line is engaged.
    private func forbidOwnCaller(_ number: String, _ context: ToolContext) throws(Mistake) {
        guard context.channel == GatewayVoice.channel, !number.isEmpty, number == context.senderID else { return }
        throw Mistake("you are speaking with \(number) already: just answer")
    }

    /// The older form has `mode` call or status and no action.
    private static func action(_ arguments: JSON) -> String {
        if let action = arguments["action"]?.string { return action }
        return switch arguments["mode"]?.string {
        case "call": "initiate_call"
        case "status": "get_status"
        default: ""
        }
    }

    private static func given(_ arguments: JSON, _ key: String) -> String? {
        let text = (arguments[key]?.string ?? "").trimmed()
        return text.isEmpty ? nil : text
    }

    private static func message(_ arguments: JSON) throws(Mistake) -> String {
        guard let text = given(arguments, "message") else { throw Mistake("message is missing") }
        guard text.utf8.count <= 8192 else { throw Mistake("message is longer than 8192 bytes") }
        return text
    }

    private static func callID(_ arguments: JSON) throws(Mistake) -> String {
        guard let id = given(arguments, "callId") ?? given(arguments, "sid") else { throw Mistake("callId is missing") }
        guard id.utf8.count <= 128 else { throw Mistake("callId is too long") }
        return id
    }
}
