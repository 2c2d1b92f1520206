import Testing

@testable import Telegram

@Suite("When the poller asks again")
struct PollPlanTests {
    private func seconds(_ next: PollPlan.Next) -> Double? {
        guard case .wait(let duration, _) = next else { return nil }
        return duration / .seconds(1)
    }

    @Test("failures wait 2 s, 1.8 times longer each time, 30 s at most, and a success starts anew")
    func backoff() {
        var plan = PollPlan(confirmed: nil)
        let waits = (0..<8).map { _ in seconds(plan.failed(.unreached("x"), random: 0.5)) ?? -1 }
        #expect(waits == [2, 3.6, 6.48, 11.664, 20.995, 30, 30, 30])
        #expect(plan.answered(last: nil, before: nil, elapsed: .seconds(30), random: 0.5) == .poll)
        #expect(seconds(plan.failed(.unknown("x"), random: 0.5)) == 2)
        #expect(seconds(plan.failed(.unknown("x"), random: 0)) == 2.7)
        #expect(PollPlan(confirmed: nil).limit == 100)
    }

    @Test("another poller is named, and waited for longer each time")
    func conflict() throws {
        var plan = PollPlan(confirmed: 3)
        guard case .wait(let first, let trouble?) = plan.failed(.conflict("Conflict: terminated"), random: 0.5) else {
            throw CancellationError()
        }
        #expect(first == .seconds(2))
        #expect(trouble.contains("another poller uses this bot token"))
        #expect(seconds(plan.failed(.conflict(""), random: 0.5)) == 3.6)
    }

    @Test("429 waits as long as Telegram says")
    func tooMany() {
        var plan = PollPlan(confirmed: nil)
        #expect(seconds(plan.failed(.tooMany(seconds: 17), random: 0)) == 17)
    }

    @Test("a token that Telegram does not know ends it, and says what to check")
    func badToken() {
        var plan = PollPlan(confirmed: nil)
        guard case .fatal(let reason) = plan.failed(.badToken(code: 401, description: "Unauthorized"), random: 0) else {
            Issue.record("not fatal")
            return
        }
        #expect(reason.hasPrefix("Telegram refused the bot token (401 Unauthorized): check TELEGRAM_BOT_TOKEN"))
    }

    @Test("an answer that moves nothing is never followed by a poll at once")
    func hotLoops() {
        var plan = PollPlan(confirmed: 10)
        #expect(seconds(plan.answered(last: 10, before: 10, elapsed: .zero, random: 0.5)) == 2)
        #expect(seconds(plan.answered(last: nil, before: 10, elapsed: .milliseconds(3), random: 0.5)) == 2)
        #expect(plan.answered(last: 11, before: 10, elapsed: .zero, random: 0.5) == .poll)
    }

    @Test("answers that are too long are asked for in smaller parts, and one huge update is left out, said and passed")
    func tooLong() {
        var plan = PollPlan(confirmed: 40)
        let start = Array(#"{"ok":true,"result":[{"update_id":41,"m":"aaa"#.utf8)
        var halvings = 0
        while plan.limit > 1 {
            #expect(plan.failed(.tooLong(start: start), random: 0) == .poll)
            halvings += 1
        }
        #expect(halvings == 6)
        #expect(plan.failed(.tooLong(start: start), random: 0) == .skip(cursor: 41, gap: PollPlan.gap(41)))
        plan.journaled(upTo: 41)
        #expect(plan.confirmed == 41 && plan.limit == 2)
        var stuck = PollPlan(confirmed: nil)
        while stuck.limit > 1 { _ = stuck.failed(.tooLong(start: []), random: 0) }
        #expect(seconds(stuck.failed(.tooLong(start: []), random: 0.5)) == 2)
    }

    @Test("the offset follows the last update, also where Telegram starts counting anew after a quiet week")
    func offset() {
        var plan = PollPlan(confirmed: 900)
        plan.journaled(upTo: 5)
        #expect(plan.confirmed == 5)
        #expect(plan.answered(last: 5, before: 900, elapsed: .zero, random: 0) == .poll)
    }

    @Test("a cursor belongs to its bot, and what is none is not taken for one")
    func cursors() {
        for cursor in [
            UpdateCursor(bot: 99, update: 700_000_001), UpdateCursor(bot: 99, menu: "ab"),
            UpdateCursor(bot: 99, update: 1, menu: "ab"),
        ] {
            #expect(UpdateCursor(decoding: cursor.encoded) == cursor)
        }
        #expect(
            UpdateCursor(decoding: "99:7".utf8) == UpdateCursor(bot: 99, update: 7),
            "as it was written before menus"
        )
        for text in ["", "99", ":1", "99:-1", "99:9223372036854775807", "99:92233720368547758070", "a:b", "1:2:3:4"] {
            #expect(UpdateCursor(decoding: text.utf8) == nil, "\(text)")
        }
    }
}
