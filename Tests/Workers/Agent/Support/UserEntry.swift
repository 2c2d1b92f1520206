import Runtime

@testable import Agent

extension TranscriptMessage {
    /// A user's message that is only words.
    static func user(_ text: String, now: Int64) -> JSON {
        ["role": "user", "content": [textBlock(text)], "timestamp": .integer(now)]
    }
}
