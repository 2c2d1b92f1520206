internal import FoundationEssentials
internal import IPCControl
internal import Runtime

/// Requests to Telnyx' call control, version 2 (spec 3.7), pure.
struct TelnyxRequests: Sendable {
    static let ownRoot = "https://api.telnyx.com"

    let root: String
    let connection: String

    private func post(_ path: String, _ members: JSON) -> ProviderRequest {
        ProviderRequest(
            method: .post,
            url: "\(root)/v2\(path)",
            contentType: "application/json",
            body: members.encoded()
        )
    }

    private func action(_ name: String, _ id: String, _ members: [(String, JSON)]) -> ProviderRequest {
        let object = JSONObject(members: members.map { JSONObject.Member(key: $0.0, value: $0.1) })
        return post("/calls/\(FormFields.encoded(id))/actions/\(name)", .object(object))
    }

    /// The name of a command: the same one within a minute is carried out once.
    static func command(_ callId: String, _ what: String) -> String {
        let hex = Digests.hex(SHA256.hash(Array("\(callId)|\(what)".utf8)).prefix(16))
        let parts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32]
        let digits = Array(hex)
        return parts.map { String(digits[$0]) }.joined(separator: "-")
    }

    func dial(_ record: CallRecord, webhook: String?, ring: Int, longest: Int) -> ProviderRequest {
        var members: [(String, JSON)] = [
            ("connection_id", .string(connection)), ("to", .string(record.to)), ("from", .string(record.from)),
            ("client_state", .string(Self.state(record.callId))), ("timeout_secs", .integer(Int64(max(ring, 5)))),
            ("time_limit_secs", .integer(Int64(longest))), ("command_id", .string(Self.command(record.callId, "dial"))),
        ]
        if let webhook {
            members += [("webhook_url", .string(webhook)), ("webhook_url_method", .string("POST"))]
        }
        return post("/calls", .object(JSONObject(members: members.map { JSONObject.Member(key: $0.0, value: $0.1) })))
    }

    func answer(_ id: String, callId: String) -> ProviderRequest {
        action(
            "answer",
            id,
            [
                ("client_state", .string(Self.state(callId))), ("command_id", .string(Self.command(callId, "answer"))),
            ]
        )
    }

    func reject(_ id: String, cause: String) -> ProviderRequest {
        action("reject", id, [("cause", .string(cause)), ("command_id", .string(Self.command(id, "reject")))])
    }

    func hangUp(_ id: String, callId: String) -> ProviderRequest {
        action("hangup", id, [("command_id", .string(Self.command(callId, "hangup")))])
    }

    func speak(_ id: String, _ text: String, voice: String, language: String, command: String) -> ProviderRequest {
        action(
            "speak",
            id,
            [
                ("payload", .string(TwiML.plain(text))), ("voice", .string(Self.voice(voice))),
                ("language", .string(language.isEmpty ? "en-US" : language)), ("command_id", .string(command)),
            ]
        )
    }

    func listen(_ id: String, language: String, callId: String) -> ProviderRequest {
        let language = language.isEmpty ? "en" : String(language.prefix { $0 != "-" })
        return action(
            "transcription_start",
            id,
            [
                ("transcription_engine", "Google"),
                ("transcription_engine_config", ["transcription_engine": "Google", "language": .string(language)]),
                ("transcription_tracks", "inbound"),
                ("command_id", .string(Self.command(callId, "transcription_start"))),
            ]
        )
    }

    func retrieve(_ id: String) -> ProviderRequest {
        ProviderRequest(method: .get, url: "\(root)/v2/calls/\(FormFields.encoded(id))")
    }

    /// Telnyx' voices: its own by what they are, Amazon's under `AWS.`; OpenAI's names become the nearest of those.
    static func voice(_ wanted: String) -> String {
        if wanted.isEmpty { return "female" }
        if ["female", "male"].contains(wanted) || wanted.contains(".") && !wanted.hasPrefix("Polly.") { return wanted }
        return "AWS.\(TwilioVoice(wanted, language: "").name)"
    }

    static func state(_ callId: String) -> String { Data(callId.utf8).base64EncodedString() }
}
