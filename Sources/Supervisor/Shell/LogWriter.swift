internal import CLinux
internal import Glibc
internal import IPCControl

/// The one log writer: time, subsystem, redaction, then standard output, the rings for `clawhold logs` and whoever
/// follows. Never waits: a blocked output costs lines, which are counted.
final class LogWriter {
    /// Not more than this at once, and only when poll says that it fits: an inherited pipe stays blocking, because
    /// O_NONBLOCK would be set for everybody who shares it.
    private static let chunk = Int(PIPE_BUF)

    var redactor = Redactor()
    /// Told of every line.
    var follower: ((LogLine) -> Void)?
    private let output: Int32
    private var buffer = LogBuffer()
    private var rings: [String: LogRing] = [:]
    private var sequence: UInt64 = 0
    private var isGone = false

    /// - Parameter output: on loan, blocking or not.
    init(output: Int32) {
        self.output = output
    }

    /// Whether bytes wait for the output to be writable.
    private(set) var isBlocked = false
    /// Lines that never reached the output.
    var dropped: UInt64 { buffer.dropped }

    static func wallMilliseconds() -> Int64 { clinux_wall_nanoseconds() / 1_000_000 }

    /// A line of the supervisor's own, `[subsystem] text`.
    func say(_ text: String, subsystem: String = "supervisor") {
        write("[\(subsystem)] \(redactor.clean(text))", worker: nil, incarnation: 0)
    }

    /// A line that a worker wrote.
    func relay(_ line: LineSplitter.Line, from worker: WorkerID, incarnation: UInt64) {
        let clean = redactor.clean(line.bytes, isCut: line.isCut)
        // A terminal that shows the log must not obey what a stranger wrote into it.
        let plain = clean.map { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F ? UInt8(ascii: " ") : $0 }
        var text = String(decoding: plain, as: UTF8.self)
        guard !text.isEmpty else { return }
        if line.isCut { text += "… (cut)" }
        if !Self.hasSubsystem(plain) { text = "[\(Self.shortName(of: worker))] \(text)" }
        write(text, worker: worker, incarnation: incarnation)
    }

    /// The last lines of one worker, or of all, oldest first.
    func recent(_ worker: WorkerID?, limit: Int) -> [LogLine] {
        if let worker { return Array(rings[worker.rawValue]?.all.suffix(limit) ?? []) }
        let all = rings.values.flatMap { $0.all.suffix(limit) }
        return Array(all.sorted { $0.sequence < $1.sequence }.suffix(limit))
    }

    /// Forgets the lines of a worker that the plan does not have any more.
    func forget(_ worker: WorkerID) {
        rings[worker.rawValue] = nil
    }

    /// Writes what the output takes now.
    func flush() {
        isBlocked = false
        while !isGone {
            if buffer.isEmpty { buffer.closeGap(note: gapNote) }
            guard !buffer.isEmpty else { return }
            var poll = pollfd(fd: output, events: Int16(POLLOUT), revents: 0)
            guard Glibc.poll(&poll, 1, 0) > 0 else {
                isBlocked = true
                return
            }
            let output = output
            var failure: Int32 = 0
            let taken = buffer.drain(chunk: Self.chunk) { bytes in
                let count = Glibc.write(output, bytes.baseAddress, bytes.count)
                failure = count < 0 ? errno : 0
                return count
            }
            if taken > 0 || failure == EINTR { continue }
            if failure == EAGAIN {
                isBlocked = true
                return
            }
            // A full disk may have room again for the next line; nobody will ever read a broken pipe.
            isGone = failure == EPIPE || failure == EBADF
            buffer.discard()
            return
        }
    }

    /// Writes what is left, waiting for the output at most so long: the supervisor's last act.
    func finish(within milliseconds: Int32) {
        let end = Instant.now() + .milliseconds(Int64(milliseconds))
        flush()
        while isBlocked, Instant.now() < end {
            var poll = pollfd(fd: output, events: Int16(POLLOUT), revents: 0)
            _ = Glibc.poll(&poll, 1, Int32(clamping: max(1, (end - Instant.now()).wholeMilliseconds)))
            flush()
        }
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
        rings[worker?.rawValue ?? "", default: LogRing()].append(line)
        if !isGone { buffer.append(Self.encoded(line), note: gapNote) }
        follower?(line)
    }

    private static func encoded(_ line: LogLine) -> [UInt8] {
        Array("\(LogTime.text(line.atMilliseconds)) \(line.text)\n".utf8)
    }

    private func gapNote(_ count: UInt64) -> [UInt8] {
        let text = "[supervisor] \(count) log lines were dropped here: standard output was blocked"
        return Array("\(LogTime.text(Self.wallMilliseconds())) \(text)\n".utf8)
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
