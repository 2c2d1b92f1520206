internal import CLinux
internal import Glibc
internal import IPCControl

/// The one log writer: time, subsystem, redaction, then the output, the rings for `clawhold logs` and whoever follows.
/// Never waits: a blocked output costs lines, which are counted.
final class LogWriter {
    var redactor = Redactor()
    /// Told of every line.
    var follower: ((LogLine) -> Void)?
    private let output: LogOutput
    private var buffer = LogBuffer()
    private var own = LogRing()
    private var streams: [WorkerID: Stream] = [:]
    /// Whose line a number in the buffer means; 0 is the supervisor.
    private var sources: [LogBuffer.Source: WorkerID] = [:]
    private var lastSource: LogBuffer.Source = 0
    private var sequence: UInt64 = 0
    private var shownAt = Int64.min
    private var shownTime = ""

    /// One worker's lines.
    private struct Stream {
        let source: LogBuffer.Source
        let shortName: String
        var ring = LogRing()
    }

    /// - Parameter output: on loan, blocking or not.
    convenience init(output: Int32) {
        self.init(LogOutput(stream: output))
    }

    init(_ output: LogOutput) {
        self.output = output
    }

    var format: LogFormat { output.format }
    /// Whether bytes wait for the output to be writable.
    private(set) var isBlocked = false
    /// What to poll for writing while that is so.
    var outputFD: Int32 { output.fd }
    /// Lines that never reached the output.
    var dropped: UInt64 { buffer.dropped }

    static func wallMilliseconds() -> Int64 { clinux_wall_nanoseconds() / 1_000_000 }

    /// Writes in another format from the next line on. Without a journal it stays with text, and says so.
    func use(_ format: LogFormat) {
        flush()
        guard format != output.format else { return }
        // What is left waits in the old format.
        if !buffer.isEmpty { buffer.discard() }
        do {
            try output.use(format)
        } catch {
            say("warning: no journal to write to (\(error)): the log goes to standard output as text")
        }
    }

    /// A line of the supervisor's own, `[subsystem] text`.
    func say(_ text: String, subsystem: String = "supervisor") {
        let plain = Self.plain(redactor.clean(Array(text.utf8)))
        write("[\(subsystem)] \(String(decoding: plain, as: UTF8.self))", worker: nil, incarnation: 0)
    }

    /// A line that a worker wrote.
    func relay(_ line: LineSplitter.Line, from worker: WorkerID, incarnation: UInt64) {
        let plain = Self.plain(redactor.clean(line.bytes, isCut: line.isCut))
        guard !plain.isEmpty else { return }
        var text: String
        if Self.hasSubsystem(plain) {
            text = String(decoding: plain, as: UTF8.self)
        } else {
            // A foreign program's mark for the journal becomes the word that ours write.
            let (level, rest) = Self.withoutPriority(plain)
            let word = level.map { $0 == .info ? "" : "\($0.rawValue): " } ?? ""
            text = "[\(stream(of: worker).shortName)] \(word)\(String(decoding: rest, as: UTF8.self))"
        }
        if line.isCut { text += "… (cut)" }
        write(text, worker: worker, incarnation: incarnation)
    }

    /// The last lines of one worker, or of all, oldest first.
    func recent(_ worker: WorkerID?, limit: Int) -> [LogLine] {
        if let worker { return Array(streams[worker]?.ring.all.suffix(limit) ?? []) }
        let all = own.all.suffix(limit) + streams.values.flatMap { $0.ring.all.suffix(limit) }
        return Array(all.sorted { $0.sequence < $1.sequence }.suffix(limit))
    }

    /// Forgets the lines of a worker that the plan does not have any more.
    func forget(_ worker: WorkerID) {
        streams[worker] = nil
        // A name is kept while the buffer may have to tell of its gap.
        sources = sources.filter { streams[$0.value]?.source == $0.key || buffer.holds($0.key) }
    }

    /// What the next image of this supervisor goes on with.
    var state: UpgradeState.LogState {
        UpgradeState.LogState(
            sequence: sequence,
            dropped: dropped,
            format: format,
            lines: recent(nil, limit: .max),
            remainders: buffer.remainders.map { .init(worker: sources[$0.source], bytes: $0.bytes, gap: $0.gap) }
        )
    }

    func adopt(_ state: UpgradeState.LogState) {
        use(state.format)
        sequence = state.sequence
        buffer.dropped = state.dropped
        for line in state.lines {
            if let worker = line.worker {
                _ = stream(of: worker)
                streams[worker]?.ring.append(line)
            } else {
                own.append(line)
            }
        }
        for rest in state.remainders {
            let source = rest.worker.map { stream(of: $0).source } ?? 0
            buffer.adopt(.init(source: source, bytes: rest.bytes, gap: rest.gap))
        }
    }

    /// Writes what the output takes now.
    func flush() {
        isBlocked = false
        while !output.isGone {
            if buffer.isEmpty { buffer.closeGaps(note: gapNote) }
            guard !buffer.isEmpty else { return }
            switch output.write(&buffer) {
            case .taken: continue
            case .blocked:
                isBlocked = true
                return
            case .refused: return
            }
        }
    }

    /// Writes what is left, waiting for the output at most so long: the supervisor's last act.
    func finish(within milliseconds: Int32) {
        let end = Instant.now() + .milliseconds(Int64(milliseconds))
        flush()
        while isBlocked, Instant.now() < end {
            var poll = pollfd(fd: outputFD, events: Int16(POLLOUT), revents: 0)
            _ = Glibc.poll(&poll, 1, Int32(clamping: max(1, (end - Instant.now()).wholeMilliseconds)))
            flush()
        }
    }

    private func stream(of worker: WorkerID) -> Stream {
        if let stream = streams[worker] { return stream }
        lastSource &+= 1
        let stream = Stream(source: lastSource, shortName: Self.shortName(of: worker))
        streams[worker] = stream
        sources[lastSource] = worker
        return stream
    }

    private func write(_ text: String, worker: WorkerID?, incarnation: UInt64) {
        sequence += 1
        let line = LogLine(
            sequence: sequence,
            atMilliseconds: Self.wallMilliseconds(),
            worker: worker,
            incarnation: incarnation,
            text: text
        )
        var source: LogBuffer.Source = 0
        if let worker {
            source = stream(of: worker).source
            streams[worker]?.ring.append(line)
        } else {
            own.append(line)
        }
        if !output.isGone {
            buffer.append(format.record(line, time: shown(line.atMilliseconds)), from: source, note: gapNote)
        }
        follower?(line)
    }

    /// The time as text; a flood has thousands of lines in a millisecond.
    private func shown(_ milliseconds: Int64) -> String {
        if milliseconds != shownAt {
            shownAt = milliseconds
            shownTime = LogTime.text(milliseconds)
        }
        return shownTime
    }

    private func gapNote(_ source: LogBuffer.Source, _ count: UInt64) -> [UInt8] {
        let worker = sources[source]
        let whose = worker?.rawValue ?? "the supervisor"
        let line = LogLine(
            sequence: 0,
            atMilliseconds: Self.wallMilliseconds(),
            worker: worker,
            incarnation: 0,
            text: "[supervisor] warning: \(count) log lines of \(whose) were dropped here: the output was blocked"
        )
        return format.record(line, time: shown(line.atMilliseconds), dropped: count)
    }

    /// A terminal that shows the log must not obey what a stranger wrote into it.
    private static func plain(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(where: isControl) else { return bytes }
        return bytes.map { isControl($0) ? UInt8(ascii: " ") : $0 }
    }

    private static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 && byte != 0x09 || byte == 0x7F }

    /// sd-daemon(3)'s `<3>` in front of a line.
    private static func withoutPriority(_ line: [UInt8]) -> (LogLevel?, ArraySlice<UInt8>) {
        guard line.count > 3, line[0] == UInt8(ascii: "<"), line[2] == UInt8(ascii: ">"),
            (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(line[1])
        else { return (nil, line[...]) }
        return (LogLevel(priority: line[1] - UInt8(ascii: "0")), line[3...])
    }

    /// Whether a line begins with `[subsystem] `.
    static func hasSubsystem(_ line: [UInt8]) -> Bool {
        guard line.first == UInt8(ascii: "[") else { return false }
        for (index, byte) in line.enumerated().dropFirst().prefix(65) {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: ":"), UInt8(ascii: "/"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "-"):
                continue
            case UInt8(ascii: "]"): return index > 1 && index + 1 < line.count && line[index + 1] == UInt8(ascii: " ")
            default: return false
            }
        }
        return false
    }

    /// `telegram` for `channel:telegram:default`, `agent:main` for itself.
    static func shortName(of worker: WorkerID) -> String {
        var parts = worker.parts
        switch worker.kind {
        case .gateway, .agent, .tool: return worker.rawValue
        case .channel, .model, .sidecar, .tunnel:
            if parts.count > 1, parts.last == "default" { parts.removeLast() }
            return parts.joined(separator: ":")
        }
    }
}
