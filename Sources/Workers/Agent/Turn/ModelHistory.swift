internal import FoundationEssentials
internal import IPCHub
internal import Runtime

/// What a model is shown of a conversation: the transcript's active path as the messages of one model call.
///
/// Providers refuse what a crash or another provider leaves behind, so it is put right here and in memory only: a tool
/// call without a result gets one that says so, results without a call and empty texts are dropped, the first message
/// is a user's.
struct ModelHistory {
    /// Bytes of content that are kept of the past; the turn in hand comes on top.
    var budgetBytes: Int
    /// The picture that an entry of the transcript names; nil when it is not to be shown.
    var picture: (String) -> Picture? = { _ in nil }
    /// Longest text block. A frame of the hub is at most 1 MiB.
    static let textLimit = 256 * 1024
    /// Most bytes in one message; neighbours that would be larger together stay apart.
    static let messageLimit = 640 * 1024
    static let argumentsLimit = 128 * 1024

    static let unknownEffect =
        "This tool call was interrupted before its result was recorded. Whether it had an effect is not known; check before you repeat it."

    /// Messages for `path`, oldest first, and the pictures for their image blocks. `turnStart` is the position of the
    /// entry that began the turn in hand: from there on nothing is dropped, and blocks that only the provider understands
    /// are given back.
    func messages(_ path: [TranscriptEntry], turnStart: Int) -> (messages: [HubModelMessage], pictures: [Picture]) {
        let shown = Self.compacted(path, turnStart: turnStart)
        var steps = Self.steps(shown.entries, turnStart: shown.turnStart)
        steps = withPictures(withinBudget(steps))
        var messages: [HubModelMessage] = []
        if let summary = shown.summary { Self.add(Self.user(summary), to: &messages) }
        for step in steps { Self.add(step.message, to: &messages) }
        while messages.first?.role == .assistant { messages.removeFirst() }
        return (messages, steps.flatMap(\.pictures))
    }

    /// The newest pictures, as many as one call takes, in front of the words that came with them.
    private func withPictures(_ steps: [Step]) -> [Step] {
        var steps = steps
        var (count, size) = (0, 0)
        for index in steps.indices.reversed() {
            for path in steps[index].files.reversed() where count < Picture.countLimit {
                guard let picture = picture(path), size + picture.size <= Picture.totalLimit else { continue }
                count += 1
                size += picture.size
                steps[index].pictures.insert(picture, at: 0)
            }
            let blocks = steps[index].pictures.map { picture in
                var block = HubModelBlock()
                block.image.mime = picture.mime
                return block
            }
            steps[index].message.blocks.insert(contentsOf: blocks, at: 0)
        }
        return steps
    }

    /// One message, and whether a conversation may begin with it.
    private struct Step {
        var message: HubModelMessage
        var beginsTurn: Bool
        var isOfTurn: Bool
        /// Paths of the files that came with it.
        var files: [String] = []
        var pictures: [Picture] = []
        var bytes: Int { message.blocks.reduce(0) { $0 + ModelHistory.size($1) } }
    }

    /// A compaction's summary stands for all before the first entry that it kept.
    private static func compacted(
        _ path: [TranscriptEntry],
        turnStart: Int
    ) -> (summary: String?, entries: [TranscriptEntry], turnStart: Int) {
        guard let position = path[..<min(turnStart, path.count)].lastIndex(where: { $0.type == "compaction" }) else {
            return (nil, path, turnStart)
        }
        let summary = path[position].object["summary"]?.string ?? ""
        let kept = path[position].object["firstKeptEntryId"]?.string
        let first = path[..<position].firstIndex { $0.id != nil && $0.id == kept } ?? position
        return (
            summary.isEmpty ? nil : "[Summary of the conversation so far]\n\(summary.cut(toBytes: textLimit))",
            Array(path[first...]),
            turnStart - first
        )
    }

    private static func steps(_ entries: [TranscriptEntry], turnStart: Int) -> [Step] {
        var steps: [Step] = []
        var index = 0
        while index < entries.count {
            let entry = entries[index]
            let isOfTurn = index >= turnStart
            index += 1
            switch entry.role {
            case "user":
                if index < entries.count, entries[index].isCommandReply { continue }
                var step = Step(message: user(userText(entry)), beginsTurn: true, isOfTurn: isOfTurn)
                step.files = TranscriptMessage.mediaPaths(entry)
                steps.append(step)
            case "assistant":
                if entry.isCommandReply { continue }
                if entry.stopReason == "error" {
                    // What a person has read of an answer that broke, the model knows too.
                    guard let partial = entry.message?[TranscriptMessage.own]?["partial"]?.string else { continue }
                    var message = HubModelMessage()
                    message.role = .assistant
                    appendText(partial, to: &message)
                    if !message.blocks.isEmpty {
                        steps.append(Step(message: message, beginsTurn: false, isOfTurn: isOfTurn))
                    }
                    continue
                }
                let message = assistant(entry, isOfTurn: isOfTurn)
                if !message.blocks.isEmpty {
                    steps.append(Step(message: message, beginsTurn: false, isOfTurn: isOfTurn))
                }
                var results: [String: TranscriptEntry] = [:]
                while index < entries.count, entries[index].role == "toolResult" {
                    let id = entries[index].message?["toolCallId"]?.string ?? ""
                    if results[id] == nil { results[id] = entries[index] }
                    index += 1
                }
                if let answer = answers(to: entry, results) {
                    steps.append(Step(message: answer, beginsTurn: false, isOfTurn: isOfTurn))
                }
            default: break
            }
        }
        return steps
    }

    private static func userText(_ entry: TranscriptEntry) -> String {
        let text = entry.text.cut(toBytes: textLimit)
        let others = (entry.message?["content"]?.array ?? []).compactMap { $0["type"]?.string }.filter { $0 != "text" }
        let notes = others.map { "[\($0.prefix(20)): not shown]" }.joined(separator: " ")
        let whole = [text, notes].filter { !$0.trimmed().isEmpty }.joined(separator: "\n")
        return whole.isEmpty ? "(empty message)" : whole
    }

    private static func user(_ text: String) -> HubModelMessage {
        var message = HubModelMessage()
        message.role = .user
        var block = HubModelBlock()
        block.text = text
        message.blocks = [block]
        return message
    }

    private static func assistant(_ entry: TranscriptEntry, isOfTurn: Bool) -> HubModelMessage {
        var message = HubModelMessage()
        message.role = .assistant
        if let text = entry.message?["content"]?.string {
            appendText(text, to: &message)
            return message
        }
        for content in entry.message?["content"]?.array ?? [] {
            switch content["type"]?.string {
            case "text": appendText(content["text"]?.string ?? "", to: &message)
            case "thinking":
                guard isOfTurn, let raw = content["raw"] else { continue }
                var block = HubModelBlock()
                block.opaque = Data(Self.labelled(raw).encoded())
                message.blocks.append(block)
            case "toolCall":
                guard let id = content["id"]?.string, let name = content["name"]?.string else { continue }
                var block = HubModelBlock()
                block.toolUse.id = safeID(id)
                block.toolUse.name = name
                let arguments = (content["arguments"] ?? [:]).encoded()
                block.toolUse.input = Data(arguments.count <= argumentsLimit ? arguments : Array("{}".utf8))
                message.blocks.append(block)
            default: continue
            }
        }
        return message
    }

    /// With the dialect that it belongs to; what was written before there were others is Anthropic's.
    private static func labelled(_ raw: JSON) -> JSON {
        raw["dialect"]?.string != nil ? raw : ["dialect": "anthropic", "block": raw]
    }

    private static func appendText(_ text: String, to message: inout HubModelMessage) {
        guard !text.trimmed().isEmpty else { return }
        var block = HubModelBlock()
        block.text = text.cut(toBytes: textLimit)
        message.blocks.append(block)
    }

    /// The results of an assistant's tool calls, one for each, in its order; nil when it called none.
    private static func answers(to entry: TranscriptEntry, _ results: [String: TranscriptEntry]) -> HubModelMessage? {
        var message = HubModelMessage()
        message.role = .user
        for content in entry.message?["content"]?.array ?? [] where content["type"]?.string == "toolCall" {
            guard let id = content["id"]?.string, content["name"]?.string != nil else { continue }
            var block = HubModelBlock()
            block.toolResult.toolUseID = safeID(id)
            if let result = results[id] {
                let text = result.text.cut(toBytes: ToolRun.resultLimit)
                block.toolResult.text = text.trimmed().isEmpty ? "(no output)" : text
                block.toolResult.isError = result.message?["isError"]?.bool ?? false
            } else {
                block.toolResult.text = unknownEffect
                block.toolResult.isError = true
            }
            message.blocks.append(block)
        }
        return message.blocks.isEmpty ? nil : message
    }

    /// Ids of other providers hold characters that Anthropic refuses.
    private static func safeID(_ id: String) -> String {
        String(
            decoding: id.utf8.prefix(64).map { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    byte
                default: UInt8(ascii: "_")
                }
            },
            as: UTF8.self
        )
    }

    /// Drops the oldest turns, whole ones, until the rest fits.
    private func withinBudget(_ steps: [Step]) -> [Step] {
        var left = budgetBytes
        var start = steps.count
        for position in steps.indices.reversed() {
            if !steps[position].isOfTurn {
                left -= steps[position].bytes
                if left < 0 { break }
            }
            if steps[position].beginsTurn || steps[position].isOfTurn { start = position }
        }
        return Array(steps[start...])
    }

    /// Joins neighbours of one role, which providers ask for, as long as the whole fits into a frame.
    private static func add(_ message: HubModelMessage, to messages: inout [HubModelMessage]) {
        if let last = messages.indices.last, messages[last].role == message.role {
            let size = (messages[last].blocks + message.blocks).reduce(0) { $0 + Self.size($1) }
            if size <= messageLimit {
                messages[last].blocks += message.blocks
                return
            }
        }
        messages.append(message)
    }

    static func size(_ block: HubModelBlock) -> Int {
        switch block.block {
        case .text(let text)?: text.utf8.count
        case .toolUse(let use)?: use.input.count + use.name.utf8.count + 64
        case .toolResult(let result)?: result.text.utf8.count + 64
        case .opaque(let data)?: data.count
        case .image(let image)?: max(image.data.count, Picture.weight)
        case nil: 0
        }
    }
}
