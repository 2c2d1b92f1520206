import Testing

@testable import Discord

@Suite("Limits of requests")
struct RateLimitsTests {
    private let now = ContinuousClock.now
    private let route = "POST /channels/1/messages"

    private func notice(_ remaining: Int, _ seconds: Double, bucket: String = "b") -> RateLimits.Notice {
        .init(bucket: bucket, remaining: remaining, resetAfter: .milliseconds(Int64(seconds * 1000)))
    }

    @Test("an empty bucket waits for its reset, and only there")
    func buckets() {
        var limits = RateLimits()
        #expect(limits.admit(route, isFree: false, at: now) == nil)
        limits.record(route, status: 200, notice(1, 5), isGlobal: false, at: now)
        #expect(limits.admit(route, isFree: false, at: now) == nil)
        #expect(limits.admit(route, isFree: false, at: now + .seconds(1)) == .seconds(4))
        #expect(limits.admit("POST /channels/2/messages", isFree: false, at: now) == nil)
        #expect(limits.admit(route, isFree: false, at: now + .seconds(5)) == nil)
    }

    @Test("routes that name the same bucket share it, channels apart")
    func shared() {
        var limits = RateLimits()
        limits.record("PATCH /channels/1/messages/id", status: 200, notice(0, 5), isGlobal: false, at: now)
        limits.record(route, status: 200, notice(0, 5), isGlobal: false, at: now)
        limits.record("POST /channels/2/messages", status: 200, notice(3, 5), isGlobal: false, at: now)
        #expect(limits.admit("PATCH /channels/1/messages/id", isFree: false, at: now) != nil)
        #expect(limits.admit("POST /channels/2/messages", isFree: false, at: now) == nil)
    }

    @Test("a 429 counts with the server's own number; a global one for everything but interaction answers")
    func tooMany() {
        var limits = RateLimits()
        var told = RateLimits.Notice(bucket: "b", scope: "user", retryAfter: .milliseconds(1500))
        limits.record(route, status: 429, told, isGlobal: false, at: now)
        #expect(limits.admit(route, isFree: false, at: now) == .milliseconds(1500))
        told.retryAfter = .seconds(9)
        limits.record(route, status: 429, told, isGlobal: true, at: now)
        #expect(limits.admit("GET /users/@me", isFree: false, at: now) == .seconds(9))
        #expect(limits.admit("POST /interactions/callback/1", isFree: true, at: now) == nil)
    }

    @Test("fifty a second, whatever the routes")
    func global() {
        var limits = RateLimits()
        var sent = 0
        for number in 0..<500 where limits.admit("GET /channels/\(number)", isFree: false, at: now) == nil { sent += 1 }
        #expect(sent == 50)
        for number in 0..<500 where limits.admit("GET /channels/\(number)", isFree: false, at: now + .seconds(1)) == nil
        {
            sent += 1
        }
        #expect(sent == 100)
    }

    @Test("before ten thousand refusals in ten minutes it stops asking, until they are over; shared 429s do not count")
    func refusals() {
        var limits = RateLimits()
        for _ in 0..<RateLimits.refusalLimit {
            limits.record(route, status: 429, .init(scope: "shared"), isGlobal: false, at: now)
        }
        #expect(limits.admit("GET /users/@me", isFree: true, at: now) == nil)
        for _ in 0..<RateLimits.refusalLimit {
            limits.record(route, status: 403, .init(), isGlobal: false, at: now)
        }
        #expect(limits.admit("GET /users/@me", isFree: true, at: now) == .seconds(600))
        #expect(limits.admit("GET /users/@me", isFree: true, at: now + .seconds(600)) == nil)
    }

    @Test("what is remembered of routes has a bound")
    func bounded() {
        var map = RecentMap<Int, Int>(limit: 100)
        for number in 0..<10_000 {
            map.set(number, for: number)
            _ = map.value(0)
            #expect(map.count <= 100)
        }
        #expect(map.value(0) == 0 && map.value(9_999) == 9_999 && map.value(5) == nil)
    }
}
