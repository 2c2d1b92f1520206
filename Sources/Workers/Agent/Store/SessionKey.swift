/// The name under which a conversation is kept: `agent:main:main`, `agent:main:telegram:group:-100123`.
///
/// Always lower case (OpenClaw, session keys).
struct SessionKey: Hashable, CustomStringConvertible {
    /// What clients list a session as.
    enum Kind: String {
        case direct, group, global, unknown
    }

    let canonical: String

    /// `raw` as a client spelt it; a bare key belongs to `agent`.
    init(_ raw: String, agent: String) {
        let key = raw.trimmed().lowercased()
        canonical =
            switch key {
            case "": "agent:\(agent):main"
            case "global", "unknown": key
            case _ where key.hasPrefix("agent:"): key
            default: "agent:\(agent):\(key)"
            }
    }

    var description: String { canonical }

    var kind: Kind {
        switch canonical {
        case "global": .global
        case "unknown": .unknown
        case _ where canonical.contains(":group:") || canonical.contains(":channel:"): .group
        default: .direct
        }
    }
}

extension StringProtocol {
    /// Without white space at either end.
    func trimmed() -> String {
        var rest = self[...]
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }

    /// At most `limit` bytes of UTF-8, cut between characters, with what was cut said in words.
    func cut(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return String(self) }
        return prefix(bytes: limit) + "\n[cut here: the whole text had \(utf8.count) bytes]"
    }

    /// At most `limit` bytes of UTF-8, cut between characters.
    func prefix(bytes limit: Int) -> String {
        guard utf8.count > limit else { return String(self) }
        let bytes = Array(utf8.prefix(limit + 1))
        var end = limit
        while end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }
}
