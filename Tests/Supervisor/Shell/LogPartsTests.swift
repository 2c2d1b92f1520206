import Glibc
import IPCControl
import Testing

@testable import Supervisor

@Suite("The parts of the log")
struct LogPartsTests {
    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test("lines come out the same wherever the stream is cut")
    func splitting() {
        let stream = Array("one\r\n\ntwo three\nrest".utf8)
        for cut in 0...stream.count {
            var splitter = LineSplitter()
            var lines = splitter.append(stream[..<cut]) + splitter.append(stream[cut...])
            if let last = splitter.end() { lines.append(last) }
            #expect(lines.map { text($0.bytes) } == ["one", "", "two three", "rest"])
            #expect(!lines.contains { $0.isCut })
        }
    }

    @Test("a line without end is cut at the bound and its rest is skipped")
    func longLine() {
        var splitter = LineSplitter()
        var lines: [LineSplitter.Line] = []
        for _ in 0..<100 { lines += splitter.append([UInt8](repeating: 0x61, count: 1000)) }
        lines += splitter.append(Array("b\nnext\n".utf8))
        #expect(lines.map(\.bytes.count) == [LineSplitter.limit, 4])
        #expect(lines.map(\.isCut) == [true, false])
        var exact = splitter.append([UInt8](repeating: 0x61, count: LineSplitter.limit))
        exact += splitter.append([0x0A])
        #expect(exact == [.init(bytes: [UInt8](repeating: 0x61, count: LineSplitter.limit), isCut: false)])
    }

    @Test("secrets of eight bytes and more are replaced, as they are and percent-encoded, longest first")
    func redaction() {
        let redactor = Redactor(secrets: ["12345:abc", "12345:abcdef", "short", "pass word/9"])
        #expect(redactor.clean("x12345:abcdefy") == "x[redacted]y")
        #expect(redactor.clean("12345:abc 12345:abc") == "[redacted] [redacted]")
        #expect(redactor.clean("/bot12345%3Aabc/get") == "/bot[redacted]/get")
        #expect(redactor.clean("pass%20word%2F9!") == "[redacted]!")
        #expect(redactor.clean("short 12345:ab") == "short 12345:ab")
        #expect(Redactor().clean("anything") == "anything")
    }

    @Test("of a cut line nothing is left that could be the beginning of a secret")
    func cutSecret() {
        let redactor = Redactor(secrets: ["0123456789"])
        let secret = Array("0123456789".utf8)
        for length in 1...10 {
            let line = Array("token=".utf8) + secret.prefix(length)
            #expect(text(redactor.clean(line, isCut: true)) == "token=[redacted]")
        }
        #expect(text(redactor.clean(Array("token=01234".utf8), isCut: false)) == "token=01234")
    }

    /// Takes everything that a buffer has, in pieces that keep to no line.
    private func drainAll(_ buffer: inout LogBuffer, chunk: Int = 4096) -> String {
        var written: [UInt8] = []
        while true {
            if buffer.isEmpty { buffer.closeGaps(note: note) }
            if buffer.isEmpty { return text(written) }
            _ = buffer.drain(chunk: chunk) { bytes in
                written += bytes
                return bytes.count
            }
        }
    }

    private func note(_ source: LogBuffer.Source, _ count: UInt64) -> [UInt8] {
        Array("lost \(count) of \(source)\n".utf8)
    }

    private let line = [UInt8](repeating: 0x61, count: 99) + [0x0A]

    @Test("lines that do not fit are counted to the last one, and the count stands where they are missing")
    func dropping() {
        var buffer = LogBuffer()
        for _ in 0..<5000 { buffer.append(line, from: 1, note: note) }
        // One source alone gets half.
        let kept = (LogBuffer.limit / (line.count + LogBuffer.overhead) + 1) / 2
        #expect(buffer.dropped == UInt64(5000 - kept))
        var written: [UInt8] = []
        while written.count < 50_000 {
            _ = buffer.drain(chunk: 4096) { bytes in
                written += bytes
                return bytes.count
            }
        }
        for _ in 0..<5000 { buffer.append(line, from: 1, note: note) }
        let lines = (text(written) + drainAll(&buffer)).split(separator: "\n")
        let notes = lines.filter { $0.hasPrefix("lost ") }
        let lost = notes.compactMap { Int($0.split(separator: " ")[1]) }
        #expect(lost.first == 5000 - kept)
        #expect(lost.count == 2)
        #expect(lines.count - lost.count + lost.reduce(0, +) == 10_000)
        #expect(buffer.dropped == UInt64(lost.reduce(0, +)))
        #expect(lines[kept] == "lost \(lost.first ?? 0) of 1")
        #expect(!buffer.holds(1))
    }

    @Test("a source that floods leaves room for the others, however many flood", arguments: [1, 2, 10])
    func fairness(floods: Int) {
        var buffer = LogBuffer()
        for round in 0..<50_000 { buffer.append(line, from: LogBuffer.Source(round % floods), note: note) }
        let before = buffer.dropped
        for _ in 0..<100 { buffer.append(line, from: 99, note: note) }
        #expect(buffer.dropped == before, "a hundred lines of one that was quiet")
        let lines = drainAll(&buffer).split(separator: "\n")
        #expect(!lines.contains { $0.hasSuffix(" of 99") })
        let lost = lines.compactMap { $0.hasPrefix("lost ") ? Int($0.split(separator: " ")[1]) : nil }
        #expect(lost.count == floods)
        #expect(lines.count - floods + lost.reduce(0, +) == 50_100)
    }

    @Test("an output that refuses costs what was waiting, counted once, notes too")
    func refusing() {
        var buffer = LogBuffer()
        for _ in 0..<5000 { buffer.append(line, from: 1, note: note) }
        buffer.discard()
        #expect(buffer.dropped == 5000)
        buffer.closeGaps(note: note)
        buffer.discard()
        #expect(buffer.dropped == 5000)
        #expect(drainAll(&buffer) == "lost 5000 of 1\n")
        // A line that went half way is lost.
        buffer.append(line, from: 2, note: note)
        _ = buffer.drain(chunk: 10) { $0.count }
        buffer.discard()
        #expect(buffer.dropped == 5001)
        #expect(drainAll(&buffer) == "lost 1 of 2\n")
    }

    @Test("records come out one by one for an output that takes datagrams")
    func records() {
        var buffer = LogBuffer()
        for number in 0..<3000 { buffer.append(Array("\(number)".utf8), from: 0, note: note) }
        var seen: [String] = []
        var isFull = false
        while !buffer.isEmpty {
            buffer.drainRecord { bytes in
                isFull.toggle()
                if isFull { return false }
                seen.append(String(decoding: bytes, as: UTF8.self))
                return true
            }
        }
        #expect(seen == (0..<3000).map { "\($0)" })
    }

    @Test("random sources, sizes and outputs: every line comes out, or is counted, in the order of its source")
    func anyOrder() {
        var random = SplitMix64(seed: 7)
        for _ in 0..<20 {
            var buffer = LogBuffer()
            var sent = [Int](repeating: 0, count: 4)
            var written: [UInt8] = []
            for _ in 0..<4000 {
                let source = Int(random.next() % 4)
                let padding = String(repeating: "x", count: Int(random.next() % 300))
                buffer.append(Array("\(source) \(sent[source]) \(padding)\n".utf8), from: UInt32(source), note: note)
                sent[source] += 1
                if random.next() % 3 == 0 {
                    _ = buffer.drain(chunk: Int(random.next() % 800)) { bytes in
                        written += bytes
                        return bytes.count
                    }
                }
            }
            var next = [Int](repeating: 0, count: 4)
            for line in (text(written) + drainAll(&buffer, chunk: 777)).split(separator: "\n") {
                let words = line.split(separator: " ")
                if words[0] == "lost" {
                    next[Int(words[3]) ?? 0] += Int(words[1]) ?? 0
                } else {
                    #expect(next[Int(words[0]) ?? 0] == Int(words[1]))
                    next[Int(words[0]) ?? 0] += 1
                }
            }
            #expect(next == sent)
            #expect(buffer.isEmpty)
        }
    }

    @Test("a disk that is full costs the lines of that time, not the log")
    func fullDisk() throws {
        let full = try Descriptor.open("/dev/full", O_WRONLY)
        let log = LogWriter(output: full.raw)
        for _ in 0..<10 { log.say("into a full disk") }
        log.flush()
        #expect(log.dropped == 10)
        #expect(!log.isBlocked)
        log.say("again")
        log.flush()
        #expect(log.dropped == 11)
    }

    @Test("a ring keeps the newest lines within its bound")
    func ring() {
        var ring = LogRing()
        for number in 0..<10_000 {
            ring.append(
                LogLine(
                    sequence: UInt64(number),
                    atMilliseconds: 0,
                    worker: .agent,
                    incarnation: 1,
                    text: String(repeating: "x", count: 100)
                )
            )
        }
        #expect(ring.all.last?.sequence == 9999)
        #expect(ring.all.count == LogRing.limit / (100 + LogRing.overhead))
    }

    @Test(
        "times are written as ISO 8601 in UTC",
        arguments: [
            (Int64(0), "1970-01-01T00:00:00.000Z"), (1_769_508_000_000, "2026-01-27T10:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (4_107_542_399_001, "2100-02-28T23:59:59.001Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ]
    )
    func time(milliseconds: Int64, text: String) {
        #expect(LogTime.text(milliseconds) == text)
    }

    @Test("a line keeps its subsystem, gets the worker's short name without one, and its control characters are gone")
    func relaying() throws {
        let pipe = try Descriptor.pipe()
        let log = LogWriter(output: pipe.write.raw)
        log.relay(.init(bytes: Array("[telegram] hello".utf8), isCut: false), from: .telegram, incarnation: 1)
        log.relay(.init(bytes: Array("a\u{1B}[31mb\u{07}".utf8), isCut: false), from: .telegram, incarnation: 1)
        log.relay(.init(bytes: Array("[] x".utf8), isCut: false), from: .agent, incarnation: 1)
        log.relay(.init(bytes: [0xFF, 0x61], isCut: true), from: .of("channel:discord:work"), incarnation: 1)
        log.relay(.init(bytes: [], isCut: false), from: .agent, incarnation: 1)
        let texts = log.recent(nil, limit: 10).map(\.text)
        #expect(
            texts == [
                "[telegram] hello", "[telegram] a [31mb ", "[agent:main] [] x", "[discord:work] \u{FFFD}a… (cut)",
            ]
        )
        #expect(log.recent(.telegram, limit: 1).map(\.text) == ["[telegram] a [31mb "])
        log.flush()
        #expect(!log.isBlocked)
    }

    @Test(
        "a line's level is what it says of itself",
        arguments: [
            ("[a] error: b", "error"), ("[a] warning: b", "warning"), ("[a] no error: b", "info"), ("", "info"),
            ("[a] Error: b", "error"), ("[a] WARN b", "warning"), ("[a] Error handling is on", "info"),
            ("[a] debug: b", "debug"), ("[a] INF b", "info"), ("[a] ERR b", "error"),
            ("[ngrok] t=2026-01-01T00:00:00 lvl=warn msg=x", "warning"), ("[a] level=\"error\" x", "error"),
            ("[a] sea level=9 x", "info"), ("[a] ERRATUM b", "info"), ("no subsystem", "info"), ("[a", "info"),
        ]
    )
    func level(text: String, level: String) {
        let line = LogLine(sequence: 0, atMilliseconds: 0, worker: nil, incarnation: 0, text: text)
        #expect(line.level.rawValue == level)
    }
}
