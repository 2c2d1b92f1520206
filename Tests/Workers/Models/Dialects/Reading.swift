import Failover
import FoundationEssentials
import IPCHub
import ModelUpstream
import Runtime
import SwiftProtobuf
import TestSupport
import Testing

/// An answer as a test reads it.
struct Read: Equatable {
    var events: [HubModelEvent] = []
    /// nil: it ended in `failure`.
    var finished: HubModelEvent.Finished?
    var failure: CallFailure?
    var source = HubLedgerRow.Source.none
    var skipped = 0

    var text: String { events.map(\.text).joined() }
    var thinking: String { events.map(\.thinking).joined() }
    var calls: [HubModelBlock.ToolUse] {
        events.compactMap { if case .toolUse(let use)? = $0.event { use } else { nil } }
    }
    var opaque: [JSON] {
        events.compactMap { event in
            if case .opaque(let data)? = event.event { try? JSON(parsing: data) } else { nil }
        }
    }
}

/// Reads a recorded body with `dialect`, in the pieces in which it comes.
func read(_ pieces: [ArraySlice<UInt8>], _ dialect: any Dialect, call: ModelCall = .hello()) -> Read {
    var decoder = EventStreamDecoder()
    var reader = dialect.reader(call)
    var result = Read()
    func note() { (result.source, result.skipped) = (reader.draft.source, reader.draft.skippedEvents) }
    do {
        for piece in pieces {
            for event in try decoder.decode(piece) where !reader.draft.isOver {
                result.events += try reader.take(event)
            }
        }
        if let event = try decoder.finish(), !reader.draft.isOver { result.events += try reader.take(event) }
        result.events += try reader.end()
        result.finished = reader.draft.finished
    } catch let failure as CallFailure {
        result.failure = failure
    } catch {
        Issue.record("\(error)")
    }
    note()
    return result
}

/// Reads `lines`, each the data of one event.
func read(_ dialect: any Dialect, call: ModelCall = .hello(), _ lines: String...) -> Read {
    read([Array(recorded(lines).utf8)[...]], dialect, call: call)
}

func recorded(_ lines: [String]) -> String { lines.map { "data: \($0)\n\n" }.joined() }

/// A recording cut in two at every byte, byte by byte, and 200 times at random gives the same events.
func expectSameHoweverCut(_ recording: String, _ dialect: any Dialect) -> Read {
    let bytes = Array(recording.utf8)
    let whole = read([bytes[...]], dialect)
    for cut in bytes.indices {
        let parts = read([bytes[..<cut], bytes[cut...]], dialect)
        if parts != whole { Issue.record("cut at \(cut): \(parts)") }
    }
    #expect(read(bytes.indices.map { bytes[$0...$0] }, dialect) == whole)
    var generator = SplitMix(seed: UInt64(bytes.count))
    for _ in 0..<200 {
        var rest = bytes[...]
        var pieces: [ArraySlice<UInt8>] = []
        while !rest.isEmpty {
            let count = Int.random(in: 1...90, using: &generator)
            pieces.append(rest.prefix(count))
            rest = rest.dropFirst(count)
        }
        if read(pieces, dialect) != whole { Issue.record("pieces of \(pieces.map(\.count))") }
    }
    // Whatever is missing at the end, it is never taken for the whole.
    for cut in bytes.indices.reversed().prefix(600) {
        let part = read([bytes[..<cut]], dialect)
        if let finished = part.finished, finished.stopReason != whole.finished?.stopReason || part.calls != whole.calls
        {
            Issue.record("cut off at \(cut), it passed for whole: \(part)")
        }
    }
    return whole
}

extension ModelCall {
    static func hello(model: String = "m", _ change: (inout ModelCall) -> Void = { _ in }) -> ModelCall {
        var request = HubModelRequest()
        request.model = model
        request.maxTokens = 100
        request.caller.runID = "turn-1"
        var call = ModelCall(request: request, messages: [.user(.text("hi"))])
        change(&call)
        return call
    }
}

extension HubModelMessage {
    static func user(_ blocks: HubModelBlock...) -> HubModelMessage { .with { $0.blocks = blocks } }
    static func assistant(_ blocks: HubModelBlock...) -> HubModelMessage {
        .with { ($0.role, $0.blocks) = (.assistant, blocks) }
    }
}

extension HubModelBlock {
    static func text(_ text: String) -> HubModelBlock { .with { $0.text = text } }
    static func image(_ bytes: [UInt8]) -> HubModelBlock {
        .with {
            $0.image.mime = "image/png"
            $0.image.data = Data(bytes)
        }
    }
    static func call(_ id: String, _ name: String, _ input: String = "{}") -> HubModelBlock {
        .with {
            $0.toolUse.id = id
            $0.toolUse.name = name
            $0.toolUse.input = Data(input.utf8)
        }
    }
    static func result(_ id: String, _ text: String, isError: Bool = false) -> HubModelBlock {
        .with {
            $0.toolResult.toolUseID = id
            $0.toolResult.text = text
            $0.toolResult.isError = isError
        }
    }
    static func opaque(_ dialect: String, _ block: JSON) -> HubModelBlock {
        .with { $0.opaque = Data(OpaqueBlock(dialect: dialect, block: block).encoded()) }
    }
}

extension HubModelTool {
    static func weather() -> HubModelTool {
        .with {
            $0.name = "weather"
            $0.description_p = "Tells the weather"
            $0.inputSchema = Data(
                #"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#.utf8
            )
        }
    }
}

/// The body of the request for `call`.
func body(_ call: ModelCall, _ dialect: any Dialect) throws -> JSON {
    let key = ProviderKey(profile: "p", kind: .apiKey, value: "k")
    guard case .bytes(let bytes) = try dialect.request(call, key: key).body else { return .null }
    return try JSON(parsing: bytes)
}
