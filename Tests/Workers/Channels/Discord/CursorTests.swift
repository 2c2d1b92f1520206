import Testing

@testable import Discord

@Suite("The cursor and what it leads to")
struct CursorTests {
    private func full() -> DiscordCursor {
        var cursor = DiscordCursor()
        cursor.token = "0123abcd"
        cursor.botID = "800000000000000001"
        cursor.botName = "claw \"hold\""
        cursor.applicationID = "800000000000000001"
        cursor.commands = "ffff"
        cursor.session = .init(id: "abcdef", resumeURL: "wss://gateway-us-east1-b.discord.gg", seq: 123_456)
        cursor.heardMilliseconds = 1_790_000_000_000
        for number in 0..<500 {
            cursor.mark("1\(800_000_000_000_000_000 + number)", in: "\(820_000_000_000_000_000 + number)")
            cursor.noteDirect("\(820_000_000_000_000_000 + number)", with: "\(840_000_000_000_000_000 + number)")
        }
        return cursor
    }

    @Test("it comes out as it went in, stays within a few KiB, and keeps the latest")
    func roundTrip() {
        let cursor = full()
        #expect(DiscordCursor(decoding: cursor.encoded) == cursor)
        #expect(cursor.encoded.count < 6000)
        #expect(cursor.marks.count == DiscordCursor.markLimit && cursor.directs.count == DiscordCursor.directLimit)
        #expect(cursor.marks["820000000000000499"] != nil && cursor.directs["840000000000000499"] != nil)
    }

    @Test("cut at every byte, or noise: none of ours, and the worker begins anew")
    func damage() {
        let bytes = full().encoded
        for count in 0..<bytes.count { #expect(DiscordCursor(decoding: Array(bytes[..<count])) == nil) }
        #expect(DiscordCursor(decoding: Array(repeating: 0x5B, count: 40_000)) == nil)
        #expect(
            DiscordCursor(decoding: Array(#"{"v":1,"s":"x","u":"y","q":-4,"m":{"a/..":"1"}}"#.utf8))?.session == nil
        )
        #expect(DiscordCursor(decoding: Array(#"{"v":1,"m":{"../x":"1","1":"2"}}"#.utf8))?.marks == ["1": "2"])
    }

    @Test("while what was missed is asked for, the cursor stays at the time when the last session ended")
    func catchingUp() {
        var cursor = full()
        cursor.session = nil
        let shared = SharedCursor(cursor)
        #expect(DiscordCursor(decoding: shared.stamped())?.heardMilliseconds == 1_790_000_000_000)
        shared.change { $0.session = .init(id: "new", resumeURL: "wss://g", seq: 1) }
        #expect(DiscordCursor(decoding: shared.stamped())?.heardMilliseconds != 1_790_000_000_000)
    }

    @Test("an older message does not move a mark back")
    func order() {
        var cursor = DiscordCursor()
        cursor.mark("900", in: "1")
        cursor.mark("899", in: "1")
        #expect(cursor.marks == ["1": "900"])
    }

    @Test(
        "after a lost session: direct channels, rooms of the last day and watched ones, from the last message or 15 minutes ago"
    )
    func backfill() {
        let now: Int64 = 1_790_000_000_000
        func id(_ minutes: Int64) -> String { Snowflake.id(atMilliseconds: now - minutes * 60_000) }
        let marks = ["11": id(5), "12": id(60), "13": id(3000), "14": id(4000)]
        let plan = Backfill(heard: now - 120_000, marks: marks, directs: ["14"], watched: ["15", "nonsense"], now: now)
        #expect(plan.gap == nil)
        #expect(Set(plan.places.map(\.channel)) == ["11", "12", "14", "15"])
        let after = Dictionary(plan.places.map { ($0.channel, $0.after) }) { first, _ in first }
        #expect(after["11"] == id(5))
        #expect(after["12"] == id(15) && after["14"] == id(15))
        #expect(after["15"] == Snowflake.id(atMilliseconds: now - 130_000))
    }

    @Test("what is older than fifteen minutes is said to be lost")
    func gap() throws {
        let now: Int64 = 1_790_000_000_000
        let plan = Backfill(heard: now - 3_600_000, marks: [:], directs: [], watched: [], now: now)
        #expect(try #require(plan.gap).contains("60 minutes"))
    }
}
