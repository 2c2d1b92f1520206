import IPCHub
import Runtime
import Synchronization
import Testing

@testable import Agent

@Suite struct SessionStoreTests {
    private final class Notes: Sendable { let all = Mutex<[String]>([]) }

    private static func store(_ directory: TemporaryDirectory, _ notes: Notes = Notes()) -> SessionStore {
        SessionStore(directory: directory.path, agent: "main", workspace: "/w") { note in
            notes.all.withLock { $0.append(note) }
        }
    }

    @Test("an update keeps unknown fields, their order and other sessions")
    func unknownFields() async throws {
        let directory = try TemporaryDirectory()
        directory.write(
            "sessions.json",
            #"{"agent:main:x":{"sessionId":"1","updatedAt":1,"big":12345678901234567890,"f":1.50},"agent:main:main":{"skillsSnapshot":{"a":[1]},"sessionId":"2","updatedAt":2}}"#
                .utf8
        )
        let store = Self.store(directory)
        try await store.update(SessionKey("MAIN ", agent: "main")) { $0["updatedAt"] = 3 }
        let text = String(decoding: try #require(directory.read("sessions.json")), as: UTF8.self)
        #expect(text.contains(#""big": 12345678901234567890"#) && text.contains(#""f": 1.50"#))
        let json = try JSON(parsing: text.utf8)
        #expect(json.object?.members.map(\.key) == ["agent:main:x", "agent:main:main"])
        #expect(json["agent:main:main"]?["skillsSnapshot"]?["a"] == [1] && json["agent:main:main"]?["updatedAt"] == 3)
        #expect(directory.names() == ["sessions.json"])
    }

    @Test("a corrupt file is moved aside, loudly, and never overwritten")
    func corrupt() async throws {
        let directory = try TemporaryDirectory()
        for broken in ["{\"a\":", "[]", "\u{0}"] {
            directory.write("sessions.json", broken.utf8)
            let notes = Notes()
            try await Self.store(directory, notes).update(SessionKey("a", agent: "main")) { $0["sessionId"] = "1" }
            let aside = try #require(directory.names().first { $0.contains(".corrupt-") })
            #expect(directory.read(aside) == Array(broken.utf8))
            #expect(notes.all.withLock { $0.count } == 1)
            #expect(try JSON(parsing: directory.read("sessions.json") ?? [])["agent:main:a"]?["sessionId"] == "1")
            directory.remove(aside)
        }
    }

    @Test("an empty file is an empty store; one that is too large is neither read nor overwritten")
    func bounds() async throws {
        let directory = try TemporaryDirectory()
        directory.write("sessions.json", "\n".utf8)
        #expect(try await Self.store(directory).entries() == JSONObject())
        #expect(throws: DiskError.tooBig(path: "\(directory.path)/sessions.json", size: 1, limit: 0)) {
            try Disk.read("\(directory.path)/sessions.json", limit: 0)
        }
    }

    @Test("a session's file name cannot lead out of the directory")
    func names() throws {
        let directory = try TemporaryDirectory()
        let store = Self.store(directory)
        func path(_ id: String, _ file: String? = nil) -> String? {
            var entry = JSONObject()
            entry["sessionId"] = .string(id)
            entry["sessionFile"] = file.map { .string($0) }
            return store.transcript(entry)?.path
        }
        for id in ["", "..", "../x", "a/b", ".hidden", "a\nb", String(repeating: "a", count: 300)] {
            #expect(path(id) == nil, "\(id)")
        }
        #expect(path("1") == "\(directory.path)/1.jsonl")
        #expect(path("1", "/elsewhere/1-topic-42.jsonl") == "\(directory.path)/1-topic-42.jsonl")
        #expect(path("1", "/etc/passwd") == "\(directory.path)/1.jsonl")
    }

    @Test("an entry whose session id is unusable gets a new one")
    func unusableID() {
        for id in ["..", "", "a/b"] {
            var entry = JSONObject()
            entry["sessionId"] = .string(id)
            entry["sessionFile"] = "/x/y.jsonl"
            SessionEntry.begin(&entry, turn: Bench.turn("t", "x"), isReset: false, now: 1)
            #expect(entry["sessionId"]?.string == EntryID.session(turn: "t") && entry["sessionFile"] == nil)
        }
    }

    @Test("keys are canonical and know their kind")
    func keys() {
        func key(_ raw: String) -> SessionKey { SessionKey(raw, agent: "main") }
        #expect(key(" Main ").canonical == "agent:main:main" && key("").canonical == "agent:main:main")
        #expect(key("agent:Main:Telegram:GROUP:-1").canonical == "agent:main:telegram:group:-1")
        #expect(key("agent:main:telegram:group:-1").kind == .group && key("x").kind == .direct)
        #expect(key("global").kind == .global && key("UNKNOWN").kind == .unknown)
    }

    @Test("a text is cut between characters and says so")
    func cut() {
        #expect("aü".prefix(bytes: 2) == "a" && "aü".prefix(bytes: 3) == "aü" && "ü".prefix(bytes: 0).isEmpty)
        #expect("abc".cut(toBytes: 3) == "abc" && "abcd".cut(toBytes: 3).hasPrefix("abc\n[cut"))
    }

    @Test("times are written and read as OpenClaw writes them, at the edges too")
    func times() {
        #expect(Timestamp.iso(1_795_000_000_123) == "2026-11-18T11:06:40.123Z")
        #expect(Timestamp.parse(iso: "2026-11-18T11:06:40.123Z") == 1_795_000_000_123)
        #expect(Timestamp.parse(iso: "2026-11-18") == nil && Timestamp.parse(iso: "aaaa-bb-ccTdd:ee:ff.gggZ") == nil)
        #expect(Timestamp.iso(.max) == "9999-12-31T23:59:59.999Z" && Timestamp.iso(.min) == "1970-01-01T00:00:00.000Z")
        #expect(Timestamp.duration(7_800_000) == "2 h 10 min")
    }
}
