package import Failover
internal import FoundationEssentials
package import IPCHub
package import Runtime

/// An answer while it is read, in the hub's terms: the part of a reader that is the same in every dialect.
///
/// Text goes on at once. What the model thought and what it wants to call is kept until it is complete: only the reason for
/// the stop tells whether the last call is whole. Everything kept is bounded.
package struct AnswerDraft: Sendable {
    /// Longest arguments of one tool call, and longest thinking block: both must fit into a frame of the hub.
    package static let blockLimit = 256 * 1024
    package static let blockCountLimit = 512
    /// Most bytes of tool calls and thinking in one answer.
    package static let heldLimit = 4 * 1024 * 1024
    /// Longest text in one event.
    package static let textLimit = 256 * 1024

    package private(set) var usage = HubUsage()
    private var isCounted = false
    /// As the provider names what answers; empty: it has not said.
    package private(set) var model = ""
    /// In the hub's words; empty: the answer still goes on.
    package var stopReason = ""
    /// The dialect's own sign of a whole answer has come.
    package var isFinished = false
    /// Nothing more is to come, not even counts.
    package var isOver = false
    /// The model has begun to work on it: text, thought or a call came.
    package private(set) var hasBegun = false
    /// Something that a person would read, or a call, came.
    package private(set) var hasContent = false
    private var hasText = false
    /// Events that this version does not know.
    package var skippedEvents = 0
    /// An answer with nothing in it is one (a model may have nothing to add to a tool's result).
    package var mayBeEmpty = false

    private var calls: [Call] = []
    private var heldBytes = 0
    private var blockCount = 0
    private let runID: String
    private let messageCount: Int

    private struct Call: Sendable {
        var slot: Int64
        var id: String
        var name: String
        var arguments: [UInt8]
    }

    /// - Parameter call: What the answer answers; ids of calls that come without one are made from it, the same at every reading.
    package init(_ call: ModelCall) {
        // A probe asks whether the key works, with a limit that a model may use up by thinking.
        mayBeEmpty = call.request.caller.purpose == "probe"
        (runID, messageCount) = (call.request.caller.runID, call.messages.count)
    }

    package mutating func named(_ model: String?) {
        if self.model.isEmpty, let model { self.model = model.prefix(scalars: 200) }
    }

    /// Field by field, the last one counts; what is absent changes nothing.
    package mutating func count(
        input: UInt64? = nil,
        output: UInt64? = nil,
        cacheRead: UInt64? = nil,
        cacheWrite: UInt64? = nil,
        reasoning: UInt64? = nil
    ) {
        usage.input = input ?? usage.input
        usage.output = output ?? usage.output
        usage.cacheRead = cacheRead ?? usage.cacheRead
        usage.cacheWrite = cacheWrite ?? usage.cacheWrite
        usage.reasoning = reasoning ?? usage.reasoning
        if input != nil || output != nil || cacheRead != nil { isCounted = true }
    }

    /// Where counts came from so far: of a whole answer they are all, whenever they came.
    package var source: HubLedgerRow.Source { isCounted ? (isFinished ? .reported : .partial) : .none }

    package mutating func text(_ text: String) -> [HubModelEvent] {
        guard !text.isEmpty else { return [] }
        (hasBegun, hasContent, hasText) = (true, true, true)
        return Self.pieces(text).map { piece in
            var event = HubModelEvent()
            event.text = piece
            return event
        }
    }

    /// What the model thinks, for who may see it.
    package mutating func thinking(_ text: String) -> [HubModelEvent] {
        hasBegun = true
        guard !text.isEmpty else { return [] }
        return Self.pieces(text).map { piece in
            var event = HubModelEvent()
            event.thinking = piece
            return event
        }
    }

    /// The model is at work, without a word that can be shown.
    package mutating func begins() { hasBegun = true }

    /// A block for its provider alone. One that does not fit into a frame is left out: the provider then thinks anew.
    package mutating func opaque(_ block: OpaqueBlock) -> [HubModelEvent] {
        hasBegun = true
        let bytes = block.encoded()
        guard bytes.count <= 2 * Self.blockLimit else { return [] }
        var event = HubModelEvent()
        event.opaque = Data(bytes)
        return [event]
    }

    /// A block of any kind begins.
    package mutating func block() throws(CallFailure) {
        blockCount += 1
        guard blockCount <= Self.blockCountLimit else {
            throw CallFailure(.cut, "the answer has more than \(Self.blockCountLimit) blocks")
        }
    }

    /// Counts bytes that are kept until their block is complete.
    package mutating func hold(_ added: Int, whole: Int, _ what: String) throws(CallFailure) {
        heldBytes += added
        guard whole <= Self.blockLimit else {
            throw CallFailure(.cut, "\(what) is longer than \(Self.blockLimit) bytes")
        }
        guard heldBytes <= Self.heldLimit else {
            throw CallFailure(.cut, "tool calls and thinking are longer than \(Self.heldLimit) bytes")
        }
    }

    /// A call begins at `slot`, the dialect's own number for it. An id that is missing is made up.
    package mutating func call(slot: Int64, id: String, name: String) throws(CallFailure) {
        try block()
        (hasBegun, hasContent) = (true, true)
        let isMissing = id.isEmpty || calls.contains { $0.id == id }
        let id = isMissing ? ownID : id.prefix(scalars: 512)
        calls.append(Call(slot: slot, id: id, name: name.prefix(scalars: 256), arguments: []))
    }

    private var ownID: String { "call_\(ToolCallID.digest("\(runID)|\(messageCount)", length: 8))_\(calls.count)" }

    /// Whether a call with this number has begun.
    package func hasCall(slot: Int64) -> Bool { calls.contains { $0.slot == slot } }

    /// The id that the latest call of this number has here.
    package func callID(slot: Int64) -> String? { calls.last { $0.slot == slot }?.id }

    package var callCount: Int { calls.count }

    /// More of the arguments of a call that began.
    package mutating func arguments(slot: Int64, _ piece: String) throws(CallFailure) {
        guard let index = calls.lastIndex(where: { $0.slot == slot }) else { return }
        let count = piece.utf8.count
        try hold(count, whole: calls[index].arguments.count + count, "the arguments of a tool call")
        calls[index].arguments.append(contentsOf: piece.utf8)
    }

    /// All of the arguments, in place of what came of them before.
    package mutating func setArguments(slot: Int64, _ whole: [UInt8]) throws(CallFailure) {
        guard let index = calls.lastIndex(where: { $0.slot == slot }) else { return }
        try hold(whole.count, whole: whole.count, "the arguments of a tool call")
        calls[index].arguments = whole
    }

    package mutating func setName(slot: Int64, _ name: String) {
        guard let index = calls.lastIndex(where: { $0.slot == slot }), calls[index].name.isEmpty else { return }
        calls[index].name = name.prefix(scalars: 256)
    }

    /// The body is over: the calls, once it is certain that they are whole.
    package mutating func end() throws(CallFailure) -> [HubModelEvent] {
        guard isFinished else { throw CallFailure(.cut, "the answer ended before its end") }
        if stopReason == "max_tokens" {
            // Cut in the middle of its arguments: no call that can be made.
            calls.removeAll { !$0.arguments.isEmpty && (try? JSON(parsing: $0.arguments))?.object == nil }
        }
        calls.removeAll { $0.name.isEmpty }
        if calls.isEmpty, !hasText, stopReason != "max_tokens" { hasContent = false }
        if !hasContent, stopReason == "refusal" { throw CallFailure(.refused, "the provider declined to answer this") }
        guard hasContent || mayBeEmpty else {
            throw CallFailure(
                .transient,
                "the answer is empty" + (stopReason == "max_tokens" ? ": its tokens were used up by thinking" : "")
            )
        }
        return calls.map { call in
            var event = HubModelEvent()
            event.toolUse.id = call.id
            event.toolUse.name = call.name
            event.toolUse.input = Data(call.arguments.isEmpty ? Array("{}".utf8) : call.arguments)
            return event
        }
    }

    /// What the answer came to. A stop whose reason is not said by the provider is one that it was asked for.
    package var finished: HubModelEvent.Finished {
        var finished = HubModelEvent.Finished()
        let named = calls.contains { !$0.name.isEmpty }
        switch stopReason {
        case "", "end_turn", "tool_use": finished.stopReason = named ? "tool_use" : "end_turn"
        default: finished.stopReason = stopReason
        }
        finished.usage = usage
        finished.model = model
        return finished
    }

    private static func pieces(_ text: String) -> [String] {
        guard text.utf8.count > textLimit else { return [text] }
        var pieces: [String] = []
        var rest = text.unicodeScalars[...]
        while !rest.isEmpty {
            // A scalar has at most four bytes.
            pieces.append(String(String.UnicodeScalarView(rest.prefix(textLimit / 4))))
            rest = rest.dropFirst(textLimit / 4)
        }
        return pieces
    }
}
