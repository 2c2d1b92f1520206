/// The voice that Twilio speaks with.
struct TwilioVoice: Sendable, Equatable {
    /// `Polly.Joanna`
    var name: String
    /// BCP 47; empty: the voice's own.
    var language: String

    /// - Parameter wanted: OpenAI's names become the nearest of Amazon Polly, names of Polly and Google stay (spec 3.7).
    init(_ wanted: String, language: String) {
        self.language = language
        if wanted.hasPrefix("Polly.") || wanted.hasPrefix("Google.") {
            name = wanted
            return
        }
        name =
            switch wanted.lowercased() {
            case "echo": "Polly.Matthew"
            case "fable": "Polly.Amy"
            case "onyx": "Polly.Brian"
            case "nova": "Polly.Salli"
            case "shimmer": "Polly.Kimberly"
            default: "Polly.Joanna"
            }
    }
}
