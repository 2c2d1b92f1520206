internal import FoundationEssentials
internal import IPCHub
internal import Runtime
internal import SwiftProtobuf

/// What goes out at the end of a turn: the text for the reader, and what goes with it.
struct TurnReply: Equatable, Sendable {
    var text: String
    var parts: [HubOutgoing] = []
    /// As `TurnDone.reply_to`.
    var replyTo = ""

    /// Most things that one turn sends or does besides its text.
    static let partLimit = 20
    /// Most bytes of what tools collect; files that the answer names come on top, and take little.
    static let partBytes = 384 * 1024
    /// Longest text, with its parts below a frame of the hub.
    static let textLimit = 512 * 1024

    /// - Parameters:
    ///   - answer: all that the model said in this turn.
    ///   - parts: what its tools collected.
    ///   - files: nil in WebChat, which shows `MEDIA:` lines as they are.
    ///   - refused: told of each file that is not sent.
    init(
        _ answer: String,
        parts: [HubOutgoing],
        turn: HubTurn,
        files: OutboundFiles?,
        refused: (OutboundFiles.Refusal) -> Void
    ) {
        let directives = AnswerDirectives(answer, keepsMedia: files == nil)
        var texts = [Self.wasSent(directives.text, parts) ? "" : directives.text]
        self.parts = Array(parts.prefix(Self.partLimit))
        var attached: [HubMedia] = []
        for written in directives.media {
            do throws(OutboundFiles.Refusal) {
                if let media = try files?.copy(written, isVoice: directives.isVoice) { attached.append(media) }
            } catch {
                refused(error)
                switch error {
                case .address(let address): texts.append(address)
                case .refused(let why): texts.append("(\(why).)")
                }
            }
        }
        if !attached.isEmpty {
            var part = HubOutgoing()
            part.media = attached
            part.asVoice = directives.isVoice && attached.first?.kind == .voice
            self.parts.append(part)
        }
        text = texts.filter { !$0.isEmpty }.joined(separator: "\n\n").cut(toBytes: Self.textLimit)
        switch directives.replyTo {
        case .current?: replyTo = turn.message.messageID
        case .message(let id)?: replyTo = id
        case nil: break
        }
    }

    /// A text for people as it is, with what tools collected.
    init(text: String, parts: [HubOutgoing] = []) {
        self.text = text.cut(toBytes: Self.textLimit)
        self.parts = parts
    }

    /// Whether the `message` tool sends nearly the same: the reply would say it twice. Short words may well come twice.
    static func wasSent(_ text: String, _ parts: [HubOutgoing]) -> Bool {
        let said = normalized(text)
        guard said.count >= 10 else { return false }
        return parts.contains { part in
            guard part.kind == .message else { return false }
            let sent = normalized(part.text)
            return sent.count >= 10 && (sent.contains(said) || said.contains(sent))
        }
    }

    private static func normalized(_ text: String) -> String {
        text.lowercased().split { !$0.isLetter && !$0.isNumber }.joined(separator: " ")
    }

    /// Bytes that these take in a frame.
    static func size(_ parts: [HubOutgoing]) -> Int {
        // What this program made can be encoded.
        parts.reduce(0) { $0 + ((try? $1.serializedBytes() as [UInt8])?.count ?? 0) + 8 }
    }

    // MARK: In the transcript

    /// What a re-run of the turn must say again word for word, for a message's own member.
    ///
    /// - Parameter answer: what the transcript's texts say by themselves.
    func json(besides answer: String) -> JSONObject {
        var object = JSONObject()
        if text != answer { object["sent"] = .string(text) }
        if !parts.isEmpty { object["parts"] = Self.json(parts) }
        if !replyTo.isEmpty { object["replyTo"] = .string(replyTo) }
        return object
    }

    init(_ json: JSON?, answer: String) {
        text = json?["sent"]?.string ?? answer
        parts = Self.parts(json?["parts"])
        replyTo = json?["replyTo"]?.string ?? ""
    }

    static func json(_ parts: [HubOutgoing]) -> JSON {
        // What this program made can be encoded.
        .array(
            parts.compactMap { try? $0.serializedBytes() as [UInt8] }.map { .string(Data($0).base64EncodedString()) }
        )
    }

    /// What does not read back is left out: it was never promised to anybody but the model.
    static func parts(_ json: JSON?) -> [HubOutgoing] {
        (json?.array ?? []).prefix(partLimit + 1).compactMap { value in
            value.string.flatMap { Data(base64Encoded: $0) }.flatMap { try? HubOutgoing(serializedBytes: $0) }
        }
    }
}
