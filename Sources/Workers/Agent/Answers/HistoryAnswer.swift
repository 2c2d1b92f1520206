internal import Runtime

/// The answer to `history`: the last messages of a session as clients show them.
enum HistoryAnswer {
    /// Most messages, and most bytes of their array.
    static let countLimit = 1000
    static let bytesLimit = 6 * 1024 * 1024
    /// Most bytes of the transcript that are read for it.
    static let readLimit = 8 * 1024 * 1024

    /// `{sessionKey, sessionId?, messages, thinkingLevel?}`; `sessionKey` as the client spelt it.
    static func answer(sessionKey: String, limit: Int, store: SessionStore) async throws(DiskError) -> [UInt8] {
        let key = SessionKey(sessionKey, agent: store.agent)
        var bytes: [UInt8] = Array(#"{"sessionKey":"#.utf8)
        JSON.string(sessionKey).append(to: &bytes)
        guard let entry = try await store.entry(key), let transcript = store.transcript(entry) else {
            return bytes + Array(#","messages":[]}"#.utf8)
        }
        bytes += Array(#","sessionId":"#.utf8)
        JSON.string(transcript.sessionID).append(to: &bytes)
        if let level = entry["thinkingLevel"]?.string {
            bytes += Array(#","thinkingLevel":"#.utf8)
            JSON.string(level).append(to: &bytes)
        }
        bytes += Array(#","messages":["#.utf8)
        let messages = try messages(transcript, limit: limit)
        for (position, message) in messages.enumerated() {
            if position > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += message
        }
        return bytes + Array("]}".utf8)
    }

    /// Encoded messages, oldest first, the oldest dropped until the rest fits.
    private static func messages(_ transcript: Transcript, limit: Int) throws(DiskError) -> [[UInt8]] {
        let path = ActivePath.of(try transcript.read(limit: readLimit).entries)
        var messages: [[UInt8]] = []
        var size = 2
        for entry in path.reversed() where messages.count < min(max(limit, 1), countLimit) {
            guard let message = message(entry) else { continue }
            let bytes = message.encoded()
            size += bytes.count + 1
            guard size <= bytesLimit else { break }
            messages.append(bytes)
        }
        return messages.reversed()
    }

    /// A message for clients: with a time, without envelope, without what only the provider understands.
    static func message(_ entry: TranscriptEntry) -> JSON? {
        guard case .object(var message)? = entry.message, message["role"]?.string != nil else { return nil }
        if message["timestamp"]?.integer == nil, let timestamp = entry.timestamp {
            message["timestamp"] = .integer(timestamp)
        }
        let isUser = message["role"] == "user"
        if let body = TranscriptMessage.body(.object(message)) {
            message["content"] = [TranscriptMessage.textBlock(body)]
            message[TranscriptMessage.own] = nil
            return .object(message)
        }
        message[TranscriptMessage.own] = nil
        switch message["content"] {
        case .string(let text)? where isUser: message["content"] = .string(Envelope.strip(text))
        case .array(let blocks)?:
            message["content"] = .array(
                blocks.map { block in
                    guard case .object(var object) = block else { return block }
                    object["raw"] = nil
                    if let text = object["text"]?.string {
                        let shown = isUser ? Envelope.strip(text) : AnswerDirectives(text, keepsMedia: true).text
                        object["text"] = .string(shown)
                    }
                    return .object(object)
                }
            )
        default: break
        }
        return .object(message)
    }
}
