import FoundationEssentials
import Glibc
import IPCHub
import Testing

@testable import Gateway

@Suite("pairing: who waits")
struct PairingBookTests {
    private let start: Int64 = 1_700_000_000_000

    private func book(_ requests: [PairingRequest] = [], now: Int64? = nil) -> PairingBook {
        PairingBook(requests, now: now ?? start)
    }

    private func ask(_ book: inout PairingBook, _ id: String, event: String = "e", now: Int64? = nil)
        -> PairingBook.Asked
    {
        let meta = [PairingRequest.eventKey: event + id]
        return book.ask(id: id, meta: meta, now: now ?? start) { "CODE" + String($0.count) }
    }

    @Test("a stranger gets a code, the second message of the same one gets silence, the fourth stranger gets nothing")
    func ask() {
        var book = book()
        #expect(ask(&book, "1") == .created(code: "CODE0"))
        #expect(ask(&book, "1", event: "later", now: start + 5) == .waiting(code: "CODE0"))
        #expect(book.requests[0].lastSeenAt == start + 5)
        #expect(book.requests[0].createdAt == start)
        _ = ask(&book, "2")
        _ = ask(&book, "3")
        #expect(ask(&book, "4") == .full)
        #expect(book.requests.count == 3)
    }

    @Test("the event that made the request makes the same answer when it comes again")
    func again() {
        var book = book()
        #expect(ask(&book, "1") == .created(code: "CODE0"))
        #expect(ask(&book, "1") == .created(code: "CODE0"))
        #expect(book.requests.count == 1)
    }

    @Test("a request lives for an hour from its making, however often he writes, and no clock makes it immortal")
    func expiry() {
        var book = book()
        _ = ask(&book, "1")
        _ = ask(&book, "1", event: "x", now: start + 3_599_000)
        #expect(self.book(book.requests, now: start + 3_600_000).requests.count == 1)
        #expect(self.book(book.requests, now: start + 3_600_001).requests.isEmpty)
        #expect(self.book(book.requests, now: start - 300_001).requests.isEmpty)
    }

    @Test("a code is taken whatever its case and the blanks around it, once")
    func approve() {
        var book = book()
        _ = ask(&book, "1")
        #expect(book.approve(code: "CODE9") == nil)
        #expect(book.approve(code: "") == nil)
        #expect(book.approve(code: " code0\n")?.id == "1")
        #expect(book.approve(code: "CODE0") == nil)
    }

    @Test("codes have eight letters and digits that nobody mixes up, and are not those that wait")
    func codes() {
        let codes = (0..<2000).map { _ in PairingCode.fresh([]) }
        #expect(Set(codes).count == codes.count)
        #expect(codes.allSatisfy { $0.count == 8 && $0.allSatisfy { "ABCDEFGHJKLMNPQRSTUVWXYZ23456789".contains($0) } })
    }
}

@Suite("pairing: files")
final class PairingFileTests {
    private let state = Bench.temporaryDirectory()
    private let store: PairingStore
    private let start: Int64 = 1_700_000_000_000

    init() {
        store = PairingStore(stateDirectory: state) { _ in }
    }

    deinit {
        try? FileManager.default.removeItem(atPath: state)
    }

    private func path(_ name: String) -> String { "\(state)/credentials/\(name)" }

    private func put(_ name: String, _ text: String) throws {
        try FileManager.default.createDirectory(atPath: state + "/credentials", withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: path(name)))
    }

    private func text(_ name: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path(name)) ?? Data(), as: UTF8.self)
    }

    private func question(_ id: String, _ meta: [String: String] = [:]) -> PairingQuestion {
        PairingQuestion(channel: "telegram", account: "default", id: id, meta: meta)
    }

    @Test("the files are as OpenClaw writes them, and only their owner reads them")
    func files() throws {
        guard case .asked(.created(let code)) = try store.ask(question("7", ["username": "ann"]), now: start) else {
            return #expect(Bool(false))
        }
        #expect(
            text("telegram-pairing.json")
                == #"{"version":1,"requests":[{"id":"7","code":"\#(code)","createdAt":"2023-11-14T22:13:20.000Z","lastSeenAt":"2023-11-14T22:13:20.000Z","meta":{"username":"ann"}}]}"#
                + "\n"
        )
        #expect(try store.approve("telegram", code: code.lowercased(), now: start + 1)?.id == "7")
        #expect(text("telegram-allowFrom.json") == #"{"version":1,"allowFrom":["7"]}"# + "\n")
        #expect(text("telegram-pairing.json") == #"{"version":1,"requests":[]}"# + "\n")
        #expect(try store.approve("telegram", code: code, now: start + 1) == nil)
        var about = stat()
        #expect(stat(path("telegram-allowFrom.json"), &about) == 0 && about.st_mode & 0o777 == 0o600)
        #expect(stat(state + "/credentials", &about) == 0 && about.st_mode & 0o777 == 0o700)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: state + "/credentials").sorted() == [
                "telegram-allowFrom.json", "telegram-pairing.json",
            ]
        )
    }

    @Test("what OpenClaw wrote counts: requests, lists, lists per account; a wildcard and prefixes do not")
    func foreign() throws {
        try put(
            "telegram-pairing.json",
            """
            { "version": 1, "requests": [
                { "id": "9", "code": "ABCDEFGH", "createdAt": "2023-11-14T22:10:00.000Z", "lastSeenAt": "2023-11-14T22:10:00.000Z", "meta": { "firstName": "Bo" } }
            ] }
            """
        )
        try put("telegram-allowFrom.json", #"{"version":1,"allowFrom":["tg:1","*",2," ","1"]}"#)
        try put("telegram-work-allowFrom.json", #"{"version":1,"allowFrom":["3"]}"#)
        #expect(
            try store.approved("telegram", accounts: ["default", "work"]) == [
                "default": ["1", "2"], "work": ["1", "2", "3"],
            ]
        )
        #expect(try store.requests(["telegram", "discord"], now: start).map(\.1.meta) == [["firstName": "Bo"]])
        #expect(try store.approve("telegram", code: "ABCDEFGH", now: start)?.id == "9")
        #expect(text("telegram-allowFrom.json") == #"{"version":1,"allowFrom":["1","2","9"]}"# + "\n")
        #expect(try store.ask(question("9"), now: start) == .approved(["1", "2", "9"]))
    }

    @Test("whatever stands in the files, nothing traps, nobody gets in and nothing is lost")
    func hostile() throws {
        let contents = [
            "", "null", "[]", "{", "{\"requests\":{}}", #"{"requests":[null,1,{"id":1},{"id":"","code":""}]}"#,
            "\u{0}\u{1}",
            #"{"requests":[{"id":"7","code":"AAAA","createdAt":"yesterday"}]}"#,
            #"{"requests":[{"id":"7","code":"AAAA","createdAt":"2999-01-01T00:00:00.000Z"}]}"#,
            #"{"allowFrom":{"7":true}}"#, #"{"allowFrom":[null,true,{},["7"],"*","tg:*"]}"#,
            String(repeating: "[", count: 5000),
        ]
        for content in contents {
            for name in ["telegram-pairing.json", "telegram-allowFrom.json"] {
                try put("telegram-pairing.json", "{}")
                try put("telegram-allowFrom.json", "{}")
                try put(name, content)
                guard case .asked(.created(let code)) = try store.ask(question("7"), now: start) else {
                    #expect(Bool(false), "\(content.debugDescription)")
                    continue
                }
                #expect(try store.approve("telegram", code: code, now: start)?.id == "7")
                #expect(try store.approved("telegram", accounts: ["default"]) == ["default": ["7"]])
            }
        }
        let kept = try FileManager.default.contentsOfDirectory(atPath: state + "/credentials").filter {
            $0.contains(".corrupt-")
        }
        #expect(kept.count == 2)
    }

    @Test("a file that is too large, and one that another program holds, is an error in words")
    func unusable() throws {
        try put("telegram-allowFrom.json", String(repeating: " ", count: (1 << 20) + 1))
        #expect(throws: PairingDisk.Failure.self) { try self.store.ask(self.question("7"), now: self.start) }
        try put("telegram-allowFrom.json", "{}")
        try FileManager.default.createDirectory(
            atPath: path("telegram-pairing.json.lock"),
            withIntermediateDirectories: true
        )
        do throws(PairingDisk.Failure) {
            _ = try store.ask(question("7"), now: start)
            #expect(Bool(false))
        } catch {
            #expect(error.description.contains("is locked by another program"))
        }
    }

    @Test("a lock that somebody left behind is taken over")
    func staleLock() throws {
        let lock = path("telegram-pairing.json.lock")
        try FileManager.default.createDirectory(atPath: lock, withIntermediateDirectories: true)
        var times = [timeval(tv_sec: 1, tv_usec: 0), timeval(tv_sec: 1, tv_usec: 0)]
        #expect(utimes(lock, &times) == 0)
        guard case .asked(.created) = try store.ask(question("7"), now: start) else { return #expect(Bool(false)) }
        #expect(!FileManager.default.fileExists(atPath: lock))
    }

    @Test("the reply says the lines that people know")
    func words() {
        #expect(
            PairingWords.reply(channel: "telegram", id: "123", code: "ABCDEFGH")
                == "OpenClaw: access not configured.\n\nYour Telegram user id: 123\n\nPairing code: ABCDEFGH\n\nAsk the bot owner to approve with:\nopenclaw pairing approve telegram ABCDEFGH"
        )
        #expect(PairingWords.reply(channel: "discord", id: "9", code: "A").contains("Your Discord user id: 9\n"))
        #expect(
            PairingWords.reply(channel: "signal", id: "uuid:9", code: "A").contains("Your Signal sender id: uuid:9\n")
        )
    }
}
