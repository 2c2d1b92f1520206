/// An answer to Twilio: what to do with a call (twilio.com/docs/voice/twiml).
struct TwiML: Sendable, Equatable {
    enum Verb: Sendable, Equatable {
        case say(String, voice: TwilioVoice)
        case pause(seconds: Int)
        case hangup
        case redirect(String)
        case rejectBusy
        case reject
        /// Listens; what was said goes to `action`. When nothing is, the next verb is done.
        case gather(action: String, language: String)
    }

    var verbs: [Verb] = []

    init(_ verbs: Verb...) { self.verbs = verbs }

    init(_ verbs: [Verb]) { self.verbs = verbs }

    /// `<?xml version="1.0" encoding="UTF-8"?><Response>…</Response>`
    var text: String {
        #"<?xml version="1.0" encoding="UTF-8"?><Response>"# + verbs.map(Self.text).joined() + "</Response>"
    }

    private static func text(_ verb: Verb) -> String {
        switch verb {
        case .say(let text, let voice):
            let language = voice.language.isEmpty ? "" : #" language="\#(escaped(voice.language))""#
            return #"<Say voice="\#(escaped(voice.name))"\#(language)>\#(escaped(text))</Say>"#
        case .pause(let seconds): return #"<Pause length="\#(min(max(seconds, 1), 600))"/>"#
        case .hangup: return "<Hangup/>"
        case .redirect(let address): return #"<Redirect method="POST">\#(escaped(address))</Redirect>"#
        case .reject: return "<Reject/>"
        case .rejectBusy: return #"<Reject reason="busy"/>"#
        case .gather(let action, let language):
            let language = language.isEmpty ? "" : #" language="\#(escaped(language))""#
            return
                #"<Gather input="speech" speechTimeout="auto" timeout="10" action="\#(escaped(action))" method="POST"\#(language)/>"#
        }
    }

    /// `text` as XML's character data and attributes: five characters escaped, and gone what XML 1.0 forbids even escaped.
    static func escaped(_ text: String) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in plain(text).unicodeScalars {
            switch scalar {
            case "&": escaped.append(contentsOf: "&amp;".unicodeScalars)
            case "<": escaped.append(contentsOf: "&lt;".unicodeScalars)
            case ">": escaped.append(contentsOf: "&gt;".unicodeScalars)
            case "\"": escaped.append(contentsOf: "&quot;".unicodeScalars)
            case "'": escaped.append(contentsOf: "&apos;".unicodeScalars)
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }

    /// `text` without what XML 1.0 forbids and no voice can say.
    static func plain(_ text: String) -> String {
        var plain = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\t", "\n", "\r", "\u{20}"..."\u{D7FF}", "\u{E000}"..."\u{FFFD}", "\u{10000}"..."\u{10FFFF}":
                plain.append(scalar)
            default: break
            }
        }
        return String(plain)
    }
}
