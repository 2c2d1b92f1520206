internal import Failover
internal import IPCHub
internal import NIOCore
internal import Runtime

/// Between the bytes of a provider's answer and who relayed the request: hands whole events on as they are, and reads those
/// that say how the answer stands. Until the model begins to answer every event is read and nothing goes on.
struct RelayDelivery {
    /// What goes on now, and how the answer failed.
    struct Passed {
        /// The answer begins: its head goes first.
        var isFirst = false
        var bytes = ByteBuffer()
        var failure: CallFailure?
    }

    /// Most bytes of an answer that has not begun.
    static let heldLimit = 1 << 20

    private var cutter = RawEventCutter()
    private var reader: any AnswerReader
    private var held: [UInt8] = []
    private(set) var isCommitted = false
    private var isConcluded = false
    private let format: RelayFormat
    /// Counts were asked for by us: a chunk of nothing else is kept back.
    private let hidesCounts: Bool

    init(reader: any AnswerReader, format: RelayFormat, hidesCounts: Bool) {
        self.reader = reader
        self.format = format
        self.hidesCounts = hidesCounts
    }

    var draft: AnswerDraft { reader.draft }

    mutating func take(_ bytes: ByteBuffer) -> Passed {
        var bytes = bytes
        // Most of what comes: whole events of an answer that has begun, handed on without a look into them.
        if isCommitted, cutter.isEmpty,
            let count = bytes.withUnsafeReadableBytes({ RelayMarks.dull($0, format) }), count > 0
        {
            var passed = Passed()
            passed.bytes = bytes.readSlice(length: count) ?? ByteBuffer()
            guard bytes.readableBytes > 0 else { return passed }
            passed.failure = cut(bytes).failure
            return passed
        }
        let (events, failure) = cut(bytes)
        var passed = pass(events)
        passed.failure = passed.failure ?? failure
        return passed
    }

    private mutating func cut(_ bytes: ByteBuffer) -> (events: [ArraySlice<UInt8>], failure: CallFailure?) {
        do {
            return (try cutter.take(bytes.readableBytesView), nil)
        } catch {
            return ([], CallFailure(.cut, error.description))
        }
    }

    /// The body is over.
    mutating func conclude() -> Passed {
        let rest = cutter.finish()
        var passed = rest.isEmpty ? Passed() : pass([rest])
        guard passed.failure == nil, !isConcluded else { return passed }
        isConcluded = true
        guard !isCommitted else {
            if !reader.draft.isFinished { passed.failure = CallFailure(.cut, "the answer ended before its end") }
            return passed
        }
        do throws(CallFailure) {
            try end()
            passed.isFirst = true
            passed.bytes.writeBytes(held)
            held = []
        } catch {
            passed.failure = error
        }
        return passed
    }

    /// An answer in one piece: read once, then handed on as it is.
    mutating func take(whole: JSON, _ bytes: ByteBuffer) -> Passed {
        do throws(CallFailure) {
            _ = try reader.take(whole: whole)
            try end()
            isConcluded = true
            return Passed(isFirst: true, bytes: bytes)
        } catch {
            return Passed(failure: error)
        }
    }

    private mutating func end() throws(CallFailure) {
        if reader.draft.stopReason == "max_tokens" { reader.draft.mayBeEmpty = true }
        _ = try reader.end()
        isCommitted = true
    }

    private mutating func pass(_ events: [ArraySlice<UInt8>]) -> Passed {
        var passed = Passed()
        for event in events {
            do throws(CallFailure) {
                guard try read(event) else { continue }
            } catch {
                // The provider's own words go on where the answer has begun already.
                if isCommitted, error.status == 200 { passed.bytes.writeBytes(event) }
                passed.failure = error
                return passed
            }
            guard !isCommitted else {
                passed.bytes.writeBytes(event)
                continue
            }
            held += event
            guard reader.draft.hasBegun || held.count > Self.heldLimit else { continue }
            (isCommitted, passed.isFirst) = (true, true)
            passed.bytes.writeBytes(held)
            held = []
        }
        return passed
    }

    /// Reads an event where that matters. Whether it goes on.
    private mutating func read(_ event: ArraySlice<UInt8>) throws(CallFailure) -> Bool {
        guard !isCommitted || RelayMarks.matter(event, format) else { return true }
        var decoder = EventStreamDecoder()
        do {
            var events = try decoder.decode(event)
            if let last = try decoder.finish() { events.append(last) }
            for event in events where !reader.draft.isOver { _ = try reader.take(event) }
        } catch let failure as CallFailure {
            throw failure
        } catch {
            throw CallFailure(.cut, "\(error)")
        }
        return !(hidesCounts && RelayMarks.isCountsAlone(event))
    }
}
