internal import FoundationEssentials
internal import IPCHub
internal import Journal
internal import SwiftProtobuf

/// One message out of several that are answered together: pure, and the same at every attempt.
///
/// Source: spec/channels-voice-tunnel.md 1.9 (debounce, albums, pastes) and 1.10 (collect, overflow).
struct TurnComposition {
    let row: TurnRow

    /// Bytes of what was heard that go with a turn; the newest count.
    static let historyBytes = 128 * 1024

    var message: HubChatMessage {
        var message = head
        if row.gather == "collect" {
            message = Self.collected([message] + row.parts.map(Self.message(of:)))
        }
        if row.droppedCount > 0 { message.text = overflow + "\n\n" + message.text }
        return message
    }

    var history: [HubChatMessage] {
        var budget = Self.historyBytes
        var kept: [HubChatMessage] = []
        for bytes in row.history.reversed() {
            budget -= bytes.count
            guard budget >= 0 else { break }
            // Written by this program; one that cannot be read back is left out.
            if let message = try? HubChatMessage(serializedBytes: bytes) { kept.append(message) }
        }
        return kept.reversed()
    }

    /// The first message with what it was gathered with.
    private var head: HubChatMessage {
        if row.gather == "collect" {
            return Self.gathered(row.turn.message, row.headParts, row.headGather)
        }
        return Self.gathered(row.turn.message, row.parts, row.gather)
    }

    private static func message(of part: TurnPart) -> HubChatMessage {
        gathered(part.message, part.parts, part.gather)
    }

    private static func gathered(_ message: [UInt8], _ parts: [TurnPart], _ kind: String) -> HubChatMessage {
        let all = ([message] + parts.map(\.message)).map(decoded)
        guard let first = all.first, let last = all.last, all.count > 1 else { return decoded(message) }
        switch Gathering.Kind(rawValue: kind) {
        case .album:
            var whole = first
            whole.text = all.map(\.text).filter { !$0.isEmpty }.joined(separator: "\n")
            whole.media = all.flatMap(\.media)
            return whole
        case .paste:
            var whole = first
            whole.text = all.map(\.text).joined()
            whole.messageID = last.messageID
            whole.replyTarget = last.replyTarget
            return whole
        case .rapid, nil:
            var whole = last
            whole.text = all.map(\.text).joined(separator: "\n")
            whole.mentioned = all.contains(where: \.mentioned)
            if !whole.hasReply, let reply = all.first(where: \.hasReply) { whole.reply = reply.reply }
            return whole
        }
    }

    private static func collected(_ messages: [HubChatMessage]) -> HubChatMessage {
        guard var whole = messages.last, messages.count > 1 else { return messages.first ?? HubChatMessage() }
        // In a group everybody's words bear their name; the envelope names the last speaker alone.
        let isNamed = Set(messages.map(\.senderID)).count > 1
        let blocks = messages.enumerated().map { index, message in
            let name = [message.senderName, message.senderUsername, message.senderID].first { !$0.isEmpty } ?? ""
            let label = String(name.prefix(80).map { $0.isNewline ? " " : $0 })
            let speaker = isNamed ? "\(label): " : ""
            let id = message.messageID.isEmpty ? "" : "\n[message_id: \(message.messageID)]"
            return "---\nQueued #\(index + 1)\n\(speaker)\(message.text)\(id)"
        }
        whole.text = (["[Queued messages while agent was busy]"] + blocks).joined(separator: "\n\n")
        whole.media = messages.flatMap(\.media)
        whole.mentioned = messages.contains(where: \.mentioned)
        whole.mayCommand = messages.allSatisfy(\.mayCommand)
        return whole
    }

    private var overflow: String {
        let noun = row.droppedCount == 1 ? "message" : "messages"
        let lines = row.dropped.map { "- \($0)" }
        return (["[Queue overflow] Dropped \(row.droppedCount) \(noun) due to cap."] + lines).joined(separator: "\n")
    }

    // Written by this program; a row that cannot be read back is an empty message, and the agent says so.
    private static func decoded(_ bytes: [UInt8]) -> HubChatMessage {
        (try? HubChatMessage(serializedBytes: bytes)) ?? HubChatMessage()
    }
}
