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

    @Test("lines that do not fit are counted to the last one, and the count stands where they are missing")
    func dropping() {
        var buffer = LogBuffer()
        let line = [UInt8](repeating: 0x61, count: 99) + [0x0A]
        func note(_ count: UInt64) -> [UInt8] { Array("lost \(count)\n".utf8) }
        for _ in 0..<5000 { buffer.append(line, note: note) }
        let kept = LogBuffer.limit / 100
        #expect(buffer.dropped == UInt64(5000 - kept))
        var written: [UInt8] = []
        func write(_ bytes: UnsafeRawBufferPointer) -> Int {
            written += bytes
            return bytes.count
        }
        while written.count < 200_000 { _ = buffer.drain(chunk: 4096, write) }
        for _ in 0..<5000 { buffer.append(line, note: note) }
        while !buffer.isEmpty { _ = buffer.drain(chunk: 4096, write) }
        buffer.closeGap(note: note)
        while !buffer.isEmpty { _ = buffer.drain(chunk: 4096, write) }
        let lines = text(written).split(separator: "\n")
        let lost = lines.filter { $0.hasPrefix("lost ") }.compactMap { Int($0.dropFirst(5)) }
        #expect(lost.count == 2)
        #expect(lost.first == 5000 - kept)
        #expect(lines.count - lost.count + lost.reduce(0, +) == 10_000)
        #expect(buffer.dropped == UInt64(lost.reduce(0, +)))
        #expect(lines[kept] == "lost \(lost.first ?? 0)")
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
        // The line that tells of the gap is lost with it, and counted as well.
        #expect(log.dropped >= 11)
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

    @Test("a line's level is what it says of itself")
    func level() {
        func level(_ text: String) -> String {
            LogLine(sequence: 0, atMilliseconds: 0, worker: nil, incarnation: 0, text: text).level
        }
        #expect(level("[a] error: b") == "error")
        #expect(level("[a] warning: b") == "warning")
        #expect(level("[a] no error: b") == "info")
        #expect(level("") == "info")
    }
}
