internal import Runtime

/// Messages that Discord writes itself, in words. Source: Discord's documentation, "Message Types".
enum SystemMessage {
    static func words(_ type: Int64, who: String, _ event: JSON) -> String {
        let content = String((event["content"]?.string ?? "").prefix(200))
        let other = event["mentions"]?.array?.first?["username"]?.string ?? "somebody"
        return switch type {
        case 1: "\(who) added \(other) to the group"
        case 2: "\(who) removed \(other) from the group"
        case 3: "\(who) started a call"
        case 4: "\(who) changed the channel's name to \(content)"
        case 5: "\(who) changed the channel's picture"
        case 6: "\(who) pinned a message"
        case 7: "\(who) joined the server"
        case 8, 9, 10, 11: "\(who) boosted the server"
        case 12: "\(who) lets this channel follow \(content)"
        case 18: "\(who) opened the thread \(content)"
        case 46: "a poll of \(who) ended"
        default: "\(who): a note of Discord (kind \(type))\(content.isEmpty ? "" : ": \(content)")"
        }
    }
}
