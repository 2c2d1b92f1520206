import IPCControl
import Runtime
import Testing

@Suite("The opening of a lifeline")
struct OpeningTests {
    private let start = Block(
        "START",
        [
            "ID": "channel:telegram:default", "INCARNATION": "3", "HUB": "/run/hub.sock", "TOKEN": "00ff", "REV": "r1",
            "STATE_DIR": "/data", "FDS": "http:4,hub:5", "BUILD": "b",
        ]
    )

    @Test("tells a worker everything it needs")
    func whole() throws {
        var opening = Opening()
        #expect(try opening.read(start) == nil)
        #expect(try opening.read(Block("CONFIG", ["DATA": #"{"a":"#])) == nil)
        #expect(try opening.read(Block("CONFIG", ["DATA": "1}"])) == nil)
        #expect(try opening.read(Block("SECRET", ["NAME": "TOKEN", "VALUE": "s"])) == nil)
        let said = try #require(try opening.read(Block("GO")))
        #expect(said.id == WorkerID("channel:telegram:default"))
        #expect(said.incarnation == 3)
        #expect(said.token == [0x00, 0xFF])
        #expect(said.listeners == ["http": 4, "hub": 5])
        #expect(said.config == Array(#"{"a":1}"#.utf8))
        #expect(said.secrets == ["TOKEN": "s"])
        #expect(said.subsystem == "telegram")
        #expect(said.hubKey == nil)
    }

    @Test("asks for safe mode and says why", arguments: ["it died", nil])
    func safeMode(reason: String?) throws {
        var asking = start
        var opening = Opening()
        _ = try opening.read(start)
        #expect(try opening.read(Block("GO"))?.safeReason == nil)
        asking["SAFE"] = "1"
        asking["SAFE_REASON"] = reason
        opening = Opening()
        _ = try opening.read(asking)
        #expect(try opening.read(Block("GO"))?.safeReason == reason ?? "the supervisor gave no reason")
    }

    @Test(
        "refuses a START that lacks something, and blocks out of place",
        arguments: ["ID", "INCARNATION", "HUB", "TOKEN"]
    )
    func missing(key: String) {
        var lacking = start
        lacking[key] = nil
        var opening = Opening()
        #expect(throws: OpeningError.missing(key)) { try opening.read(lacking) }
        var early = Opening()
        #expect(throws: OpeningError.unexpected("GO")) { try early.read(Block("GO")) }
        #expect(throws: OpeningError.unexpected("PS")) { try early.read(Block("PS")) }
        var listener = start
        listener["FDS"] = "http:2"
        #expect(throws: OpeningError.missing("FDS")) { try early.read(listener) }
    }

    @Test("is bounded")
    func bounded() throws {
        var opening = Opening()
        _ = try opening.read(start)
        let piece = Block("CONFIG", ["DATA": String(repeating: "x", count: 30_000)])
        #expect(throws: OpeningError.tooMuch) {
            for _ in 0...Opening.sizeLimit / 30_000 { _ = try opening.read(piece) }
        }
    }

    @Test("is read to GO and not a byte further")
    func exact() throws {
        let pair = try SocketPair()
        try pair.write(try start.encoded() + Block("GO").encoded() + Block("DRAIN").encoded())
        #expect(try LifelineDescriptor.readOpening(from: pair.near).incarnation == 3)
        #expect(pair.readNear() == (try Block("DRAIN").encoded()))
    }

    @Test("that ends early, or that nobody opened, is said plainly")
    func cut() throws {
        let pair = try SocketPair()
        try pair.write(try start.encoded())
        pair.closeFar()
        #expect(throws: OpeningError.ended) { try LifelineDescriptor.readOpening(from: pair.near) }
        #expect(throws: OpeningError.noLifeline) { try LifelineDescriptor.readOpening(from: 999) }
    }
}
