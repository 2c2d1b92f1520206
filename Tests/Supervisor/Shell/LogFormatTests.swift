import Glibc
import IPCControl
import Testing

@testable import Supervisor

@Suite("Formats of the log")
struct LogFormatTests {
    private let hostile =
        [UInt8]("[x] \"\\\u{1B}[31m\t\u{7F}".utf8) + [0, 0xFF, 0xC3, 0x28] + [UInt8]("\u{2028}ü\n\r".utf8)

    /// Everything that a writer puts out for these lines.
    private func output(_ format: LogFormat, _ lines: (LogWriter) -> Void) throws -> String {
        let pipe = try Descriptor.pipe()
        let log = LogWriter(output: pipe.write.raw)
        log.use(format)
        lines(log)
        log.flush()
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = read(pipe.read.raw, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    @Test("JSON has one object per line with time, level, worker, incarnation, subsystem and message")
    func json() throws {
        let text = try output(.json) { log in
            log.redactor = Redactor(secrets: ["secret-token"])
            log.relay(
                .init(bytes: Array("[telegram] error: bad secret-token".utf8), isCut: false),
                from: .telegram,
                incarnation: 3
            )
            log.say("hello \"you\"")
        }
        let lines = text.split(separator: "\n").map { line in line.drop { $0 != "," } }
        #expect(text.hasPrefix("{\"time\":\"20"))
        #expect(
            lines == [
                ",\"level\":\"error\",\"worker\":\"channel:telegram:default\",\"incarnation\":3,\"subsystem\":\"telegram\","
                    + "\"message\":\"error: bad [redacted]\"}",
                ",\"level\":\"info\",\"worker\":\"supervisor\",\"incarnation\":0,\"subsystem\":\"supervisor\","
                    + "\"message\":\"hello \\\"you\\\"\"}",
            ]
        )
    }

    @Test("hostile bytes leave every format one line of valid text", arguments: [LogFormat.text, .json])
    func hostileBytes(format: LogFormat) throws {
        let text = try output(format) { log in
            log.relay(.init(bytes: hostile, isCut: false), from: .agent, incarnation: 1)
            log.say(String(decoding: hostile, as: UTF8.self))
        }
        #expect(text.split(separator: "\n", omittingEmptySubsequences: true).count == 2)
        #expect(text.utf8.allSatisfy { $0 == 0x0A || $0 == 0x09 || $0 >= 0x20 && $0 != 0x7F })
    }

    @Test("random bytes make valid JSON strings")
    func fuzz() throws {
        var random = SplitMix64(seed: 11)
        for _ in 0..<500 {
            let bytes = (0..<Int(random.next() % 80)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let text = try output(.json) { log in
                log.relay(.init(bytes: Array("[x] ".utf8) + bytes, isCut: false), from: .agent, incarnation: 1)
            }
            try #require(text.utf8.suffix(3).elementsEqual("\"}\n".utf8))
            #expect(Self.isString(Array(text.utf8.dropLast(2))), "\(bytes)")
        }
    }

    /// Whether the message of a line is a JSON string by RFC 8259: no bare quote, no control character, only escapes
    /// that exist.
    private static func isString(_ line: [UInt8]) -> Bool {
        let key = Array("\"message\":\"".utf8)
        guard let start = line.indices.first(where: { line[$0...].starts(with: key) }) else { return false }
        var rest = line[(start + key.count)...].dropLast()
        while let byte = rest.popFirst() {
            if byte < 0x20 || byte == UInt8(ascii: "\"") { return false }
            guard byte == UInt8(ascii: "\\") else { continue }
            guard let escape = rest.popFirst() else { return false }
            switch escape {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): continue
            case UInt8(ascii: "u"):
                guard rest.count >= 4, rest.prefix(4).allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else {
                    return false
                }
                rest = rest.dropFirst(4)
            default: return false
            }
        }
        return true
    }

    @Test("what is missing is said in the format, with the number")
    func gap() throws {
        let text = try output(.json) { log in
            for _ in 0..<10_000 { log.relay(.init(bytes: line, isCut: false), from: .agent, incarnation: 1) }
        }
        let pipe = try Descriptor.pipe()
        let log = LogWriter(output: pipe.write.raw)
        log.use(.json)
        for _ in 0..<10_000 { log.relay(.init(bytes: line, isCut: false), from: .agent, incarnation: 1) }
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        repeat {
            log.flush()
            let count = read(pipe.read.raw, &chunk, chunk.count)
            all += chunk.prefix(max(0, count))
        } while log.isBlocked
        #expect(text.contains("\"message\":\"aaaa"))
        let lines = String(decoding: all, as: UTF8.self).split(separator: "\n")
        let note = lines.filter { $0.contains("\"dropped\":") }
        #expect(note.count == 1)
        #expect(note.first?.contains("\"worker\":\"agent:main\",\"incarnation\":0") == true)
        #expect(note.first?.contains("\"dropped\":\(log.dropped),") == true)
        #expect(lines.count - 1 + Int(log.dropped) == 10_000)
    }

    private let line = [UInt8](repeating: 0x61, count: 99)

    @Test("a journal gets one datagram per line with native fields, redacted")
    func journal() throws {
        let directory = TemporaryDirectory()
        let journal = try FakeServiceManager(name: directory.file("journal"))
        let output = LogOutput(stream: -1, journalPath: journal.name)
        let log = LogWriter(output)
        log.use(.journal)
        log.redactor = Redactor(secrets: ["secret-token"])
        log.relay(
            .init(bytes: Array("[telegram] warning: secret-token".utf8), isCut: false),
            from: .telegram,
            incarnation: 3
        )
        log.relay(.init(bytes: Array("<3>a\nMESSAGE=b".utf8), isCut: false), from: .telegram, incarnation: 3)
        log.say("hello")
        log.flush()
        try journal.readAll()
        #expect(
            journal.messages.map(\.text) == [
                "MESSAGE=[telegram] warning: [redacted]\nPRIORITY=4\nSYSLOG_IDENTIFIER=clawhold\n"
                    + "WORKER=channel:telegram:default\nINCARNATION=3\n",
                "MESSAGE=[telegram] error: a MESSAGE=b\nPRIORITY=3\nSYSLOG_IDENTIFIER=clawhold\n"
                    + "WORKER=channel:telegram:default\nINCARNATION=3\n",
                "MESSAGE=[supervisor] hello\nPRIORITY=6\nSYSLOG_IDENTIFIER=clawhold\nWORKER=supervisor\n",
            ]
        )
    }

    @Test("a journal that does not read blocks nobody, and the count of what it missed is exact")
    func fullJournal() throws {
        let directory = TemporaryDirectory()
        let journal = try FakeServiceManager(name: directory.file("journal"))
        let log = LogWriter(LogOutput(stream: -1, journalPath: journal.name))
        log.use(.journal)
        for _ in 0..<10_000 { log.relay(.init(bytes: line, isCut: false), from: .agent, incarnation: 1) }
        log.flush()
        #expect(log.isBlocked)
        while log.isBlocked {
            try journal.readAll()
            log.flush()
        }
        try journal.readAll()
        let notes = journal.messages.filter { $0.text.contains("\nDROPPED=") }
        #expect(notes.map { $0.text.contains("\nDROPPED=\(log.dropped)\n") } == [true])
        #expect(journal.messages.count - 1 + Int(log.dropped) == 10_000)
    }

    @Test("without a journal the log goes to standard output, and says so")
    func noJournal() throws {
        let pipe = try Descriptor.pipe()
        let log = LogWriter(LogOutput(stream: pipe.write.raw, journalPath: "/nowhere/socket"))
        log.use(.journal)
        log.flush()
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(pipe.read.raw, &bytes, bytes.count)
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        #expect(text.contains("[supervisor] warning: no journal to write to (connect /nowhere/socket: "))
        #expect(log.format == .text)
    }

    @Test("a journal that goes away is followed by standard output")
    func lostJournal() throws {
        let directory = TemporaryDirectory()
        let pipe = try Descriptor.pipe()
        let log: LogWriter
        do {
            let journal = try FakeServiceManager(name: directory.file("journal"))
            log = LogWriter(LogOutput(stream: pipe.write.raw, journalPath: journal.name))
            log.use(.journal)
            #expect(log.format == .journal)
        }
        _ = unlink(directory.file("journal"))
        log.say("lost")
        log.flush()
        log.say("found")
        log.flush()
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(pipe.read.raw, &bytes, bytes.count)
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        #expect(text.contains("warning: 1 log lines of the supervisor were dropped here"))
        #expect(text.contains("[supervisor] found"))
    }

    @Test("JOURNAL_STREAM means the journal only where it is this very stream")
    func journalStream() throws {
        let pipe = try Descriptor.pipe()
        var facts = stat()
        #expect(fstat(pipe.write.raw, &facts) == 0)
        #expect(LogOutput.isJournal(pipe.write.raw, "\(facts.st_dev):\(facts.st_ino)"))
        #expect(!LogOutput.isJournal(pipe.write.raw, "\(facts.st_dev):1"))
        #expect(!LogOutput.isJournal(pipe.write.raw, nil))
        #expect(!LogOutput.isJournal(-1, "0:0"))
    }
}
