import Glibc
import IPCHub
import Runtime
import Testing

@testable import Agent

@Suite struct TranscriptTests {
    private static func entry(_ id: String, parent: String?, _ text: String) -> TranscriptEntry {
        TranscriptMessage.entry(id: id, parent: parent, message: TranscriptMessage.user(text, now: 1), now: 1)
    }

    private static func transcript(_ directory: TemporaryDirectory) -> Transcript {
        Transcript(path: "\(directory.path)/s.jsonl", sessionID: "s", workspace: "/w")
    }

    @Test("a last line torn at any byte is taken away by the next append, and what it says is reported")
    func torn() throws {
        let directory = try TemporaryDirectory()
        let transcript = Self.transcript(directory)
        try transcript.append(
            [Self.entry("a", parent: nil, "one"), Self.entry("b", parent: "a", "zwei ü")],
            sync: true,
            now: 1
        )
        let whole = try #require(directory.read("s.jsonl"))
        let last = whole.split(separator: UInt8(ascii: "\n")).last?.count ?? 0
        let start = whole.count - last - 1
        for length in start...whole.count {
            directory.write("s.jsonl", whole[..<length])
            let isWhole = length >= whole.count - 1
            #expect(try transcript.read().entries.map(\.id) == (isWhole ? ["a", "b"] : ["a"]), "cut at \(length)")
            #expect(try transcript.read().skippedLines == 0)
            let repair = try transcript.append([Self.entry("c", parent: "a", "three")], sync: false, now: 1)
            let expected: Transcript.Repair =
                length == start || length == whole.count
                ? .none : length == whole.count - 1 ? .lineFeed : .torn(bytes: length - start)
            #expect(repair == expected, "cut at \(length)")
            #expect(try transcript.read().entries.map(\.id) == (isWhole ? ["a", "b", "c"] : ["a", "c"]))
        }
    }

    @Test("a file torn in its header begins anew")
    func tornHeader() throws {
        let directory = try TemporaryDirectory()
        directory.write("s.jsonl", "{\"type\":\"ses".utf8)
        let transcript = Self.transcript(directory)
        #expect(try transcript.append([Self.entry("a", parent: nil, "x")], sync: false, now: 1) == .torn(bytes: 12))
        let lines = try #require(directory.read("s.jsonl")).split(separator: UInt8(ascii: "\n"))
        #expect(try lines.map { try JSON(parsing: $0)["type"]?.string } == ["session", "message"])
    }

    @Test("lines that are not JSON stay in the file and are counted")
    func skipped() throws {
        let directory = try TemporaryDirectory()
        let transcript = Self.transcript(directory)
        directory.write("s.jsonl", "{\"type\":\"session\",\"id\":\"s\"}\nnonsense\n\n[1]\n".utf8)
        try transcript.append([Self.entry("a", parent: nil, "x")], sync: false, now: 1)
        let tail = try transcript.read()
        #expect(tail.skippedLines == 2 && tail.entries.map(\.id) == ["a"])
        #expect(String(decoding: directory.read("s.jsonl") ?? [], as: UTF8.self).contains("nonsense"))
    }

    @Test("of a large file only the end is read, from a line's beginning")
    func window() throws {
        let directory = try TemporaryDirectory()
        let transcript = Self.transcript(directory)
        for number in 0..<100 {
            try transcript.append([Self.entry("e\(number)", parent: nil, "text")], sync: false, now: 1)
        }
        let tail = try transcript.read(limit: 1000)
        #expect(!tail.isWhole && tail.entries.count < 10 && tail.lastID == "e99" && tail.skippedLines == 0)
        // A line longer than the window: nothing can be read, nothing breaks.
        try transcript.append(
            [Self.entry("long", parent: nil, String(repeating: "x", count: 5000))],
            sync: false,
            now: 1
        )
        #expect(try transcript.read(limit: 1000).entries.isEmpty)
    }

    @Test("what cannot be written is said, and half a line is not left behind")
    func full() throws {
        let directory = try TemporaryDirectory()
        let transcript = Transcript(path: "\(directory.path)/no/s.jsonl", sessionID: "s", workspace: "")
        #expect(throws: DiskError.failed(what: "write", path: transcript.path, code: ENOENT)) {
            try transcript.append([Self.entry("a", parent: nil, "x")], sync: true, now: 1)
        }
        let full = Transcript(path: "/dev/full", sessionID: "s", workspace: "")
        #expect(throws: DiskError.self) { try full.append([Self.entry("a", parent: nil, "x")], sync: true, now: 1) }
    }

    @Test("sentences name what a person can do")
    func sentences() {
        #expect(DiskError.failed(what: "write", path: "/x", code: ENOSPC).sentence.contains("disk is full"))
        #expect(DiskError.failed(what: "write", path: "/x", code: EACCES).sentence.contains("/x is not writable"))
    }

    @Test("the active path follows parents, passes over abandoned branches, and survives circles")
    func path() {
        func line(_ id: String?, _ parent: JSON?) -> TranscriptEntry {
            var object = JSONObject()
            object["type"] = "message"
            object["id"] = id.map { .string($0) }
            object["parentId"] = parent
            return TranscriptEntry(object: object)
        }
        let branched = [line("a", .null), line("b", "a"), line("c", "a"), line("d", "c")]
        #expect(ActivePath.of(branched).map(\.id) == ["a", "c", "d"])
        // Injected lines carry no parent: they hang on the line above.
        #expect(ActivePath.of([line("a", .null), line(nil, nil), line("c", nil)]).map(\.id) == ["a", nil, "c"])
        // A parent that was not read, a circle, an entry that is its own parent.
        #expect(ActivePath.of([line("b", "gone"), line("c", "b")]).map(\.id) == ["b", "c"])
        #expect(ActivePath.of([line("a", "b"), line("b", "a")]).map(\.id) == ["a", "b"])
        #expect(ActivePath.of([line("a", "a")]).map(\.id) == ["a"])
        #expect(ActivePath.of([]).isEmpty)
    }
}
