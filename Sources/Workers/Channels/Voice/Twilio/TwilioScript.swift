internal import Config

/// What Twilio is told to do with one call. Every address is used once: `token` is another one in every answer, so that a
/// request that comes twice is known (decision 0212).
struct TwilioScript: Sendable {
    /// Addresses are built on it; with the path.
    var webhook: String
    var callId: String
    var voice: TwilioVoice
    var language: String

    init(webhook: String, callId: String, settings: VoiceSettings) {
        self.webhook = webhook
        self.callId = callId
        voice = TwilioVoice(settings.voice, language: settings.language)
        language = settings.language
    }

    /// A chunk of at least so many characters may have another one behind it: nobody is listened to in between.
    static let longChunk = 2_400
    static let patience = "One moment, please. I am still working on it."
    static let again = "I did not hear anything. Are you still there?"
    static let goodbye = "I cannot hear you, so I am hanging up now. Goodbye."

    func address(_ query: (String, String)...) -> String {
        let all = [("callId", callId)] + query
        let text = all.map { "\($0.0)=\(FormFields.encoded($0.1))" }.joined(separator: "&")
        return webhook + (webhook.contains("?") ? "&" : "?") + text
    }

    /// Says `text`, listens; what nobody said anything to comes back as `silence`.
    func listen(saying text: String, token: String) -> TwiML {
        var verbs: [TwiML.Verb] = text.isEmpty ? [] : [.say(text, voice: voice)]
        verbs.append(.gather(action: address(("turn", token)), language: language))
        verbs.append(.redirect(address(("silence", token))))
        return TwiML(verbs)
    }

    /// Says one chunk: more may follow a long one.
    func say(_ text: String, token: String) -> TwiML {
        text.count >= Self.longChunk
            ? TwiML(.say(text, voice: voice), .redirect(address(("wait", token)))) : listen(saying: text, token: token)
    }

    /// Comes back for what is to be said.
    func wait(seconds: Int = 1, saying text: String = "", token: String) -> TwiML {
        let first: TwiML.Verb = text.isEmpty ? .pause(seconds: seconds) : .say(text, voice: voice)
        return TwiML(first, .redirect(address(("wait", token))))
    }

    /// Says it, and that was the call.
    func notify(_ text: String, delay: Int) -> TwiML {
        var verbs: [TwiML.Verb] = text.isEmpty ? [] : [.say(text, voice: voice)]
        if delay > 0 { verbs.append(.pause(seconds: delay)) }
        return TwiML(verbs + [.hangup])
    }

    func goodbye(_ text: String) -> TwiML { TwiML(.say(text, voice: voice), .hangup) }
}
