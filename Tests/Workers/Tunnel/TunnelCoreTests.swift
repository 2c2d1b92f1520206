import Testing

@testable import Tunnel

/// A core, its clock, and what it asked for.
struct TunnelBench {
    var core = TunnelCore(patience: 120_000)
    var now: Int64 = 1_000_000
    var running = 0
    var stops = 0
    var probes: [String] = []
    var published: [TunnelReport] = []
    var parked: [String] = []
    var said: [String] = []

    mutating func happen(_ event: TunnelCore.Event) {
        for effect in core.handle(event, now: now) {
            switch effect {
            case .run: running += 1
            case .stop: stops += 1
            case .probe(let url): probes.append(url)
            case .publish(let report): published.append(report)
            case .park(let text): parked.append(text)
            case .log(let line): said.append(line.text)
            }
        }
    }

    /// Lets time pass, and tells the core whenever it is due.
    mutating func pass(_ milliseconds: Int64) {
        let end = now + milliseconds
        while let due = core.due, due <= end {
            now = max(now, due)
            happen(.due)
            if core.due == due { break }
        }
        now = end
    }

    static let url = "https://a.example.app"

    /// Up and proven.
    static func up() -> TunnelBench {
        var bench = TunnelBench()
        bench.happen(.begin)
        bench.happen(.news(.running(pid: 7)))
        bench.happen(.news(.address(url)))
        bench.happen(.probed(url, failure: nil))
        return bench
    }
}

@Suite("A tunnel")
struct TunnelCoreTests {
    @Test("is up, and told, only when its address has answered through the edge")
    func proof() {
        var bench = TunnelBench()
        bench.happen(.begin)
        #expect(bench.running == 1)
        bench.happen(.news(.running(pid: 7)))
        bench.happen(.news(.address(TunnelBench.url + "/")))
        #expect(bench.probes == [TunnelBench.url])
        #expect(bench.core.report.state == .starting && bench.core.report.url.isEmpty)
        bench.happen(.probed(TunnelBench.url, failure: "404"))
        #expect(bench.core.report.state == .starting && bench.core.report.url.isEmpty)
        #expect(bench.core.report.error.contains("404"))
        bench.pass(500)
        #expect(bench.probes.count == 2)
        bench.happen(.probed(TunnelBench.url, failure: nil))
        #expect(bench.core.report.state == .up && bench.core.report.url == TunnelBench.url)
        #expect(bench.core.report.error.isEmpty && bench.core.report.pid == 7)
        #expect(bench.published.last == bench.core.report)
        #expect(bench.said == ["reachable as \(TunnelBench.url)"])
    }

    @Test("is probed every minute while it answers; three failures in a row make it degraded, one alone does not")
    func watching() {
        var bench = TunnelBench.up()
        bench.pass(60_000)
        #expect(bench.probes.count == 2)
        bench.happen(.probed(TunnelBench.url, failure: "x"))
        #expect(bench.core.report.state == .up)
        bench.pass(500)
        bench.happen(.probed(TunnelBench.url, failure: nil))
        bench.pass(60_000)
        for wait in [500, 1000, 2000] as [Int64] {
            #expect(bench.core.report.state == .up)
            bench.happen(.probed(TunnelBench.url, failure: "no answer in time"))
            bench.pass(wait)
        }
        #expect(bench.core.report.state == .degraded)
        #expect(bench.core.report.url == TunnelBench.url, "it may come back")
        #expect(bench.core.report.error.contains("no answer in time"))
        bench.happen(.probed(TunnelBench.url, failure: nil))
        #expect(bench.core.report.state == .up && bench.core.report.error.isEmpty)
    }

    @Test("whose address does not answer for the provider's patience is started anew")
    func patience() {
        var bench = TunnelBench.up()
        bench.pass(60_000)
        var rounds = 0
        while bench.stops == 0, rounds < 100 {
            bench.happen(.probed(TunnelBench.url, failure: "x"))
            bench.pass(15_000)
            rounds += 1
        }
        #expect(bench.stops == 1 && rounds < 20)
        bench.happen(.ended(ProviderEnd(.retry, "ngrok ended (exit code 0)")))
        #expect(bench.core.report.state == .down)
        #expect(bench.core.report.error.contains("did not answer for"), "the reason, not how the program then ended")
        bench.pass(2000)
        #expect(bench.running == 2)
    }

    @Test("goes on with a new address once that is proven, and says so")
    func change() {
        var bench = TunnelBench.up()
        let other = "https://b.example.app"
        bench.happen(.news(.address(other)))
        #expect(bench.core.report.state == .degraded && bench.core.report.url == TunnelBench.url)
        bench.happen(.probed(other, failure: nil))
        #expect(bench.core.report.state == .up && bench.core.report.url == other)
        #expect(bench.said.last == "has a new address: \(other)")
        bench.happen(.probed(TunnelBench.url, failure: "late"))
        #expect(bench.core.report.state == .up, "what an old probe says counts no more")
    }

    @Test("that gives no address within 30 s is stopped, with the last trouble as the reason")
    func noAddress() {
        var bench = TunnelBench()
        bench.happen(.begin)
        bench.happen(.news(.running(pid: 7)))
        bench.happen(.news(.trouble("no route to the edge")))
        bench.pass(29_999)
        #expect(bench.stops == 0)
        bench.pass(1)
        #expect(bench.stops == 1)
        bench.happen(.ended(ProviderEnd(.retry, "killed by signal 15")))
        #expect(bench.core.report.error == "the provider gave no address within 30 s: no route to the edge")
    }

    @Test("whose provider lost the address is given a minute to find it again")
    func lost() {
        var bench = TunnelBench.up()
        bench.happen(.news(.addressLost))
        #expect(bench.core.report.state == .degraded)
        bench.pass(59_000)
        bench.happen(.news(.address(TunnelBench.url)))
        bench.happen(.probed(TunnelBench.url, failure: nil))
        #expect(bench.core.report.state == .up && bench.stops == 0)
        bench.happen(.news(.addressLost))
        bench.pass(60_000)
        #expect(bench.stops == 1)
    }

    @Test("is tried again after 2 s doubling to a minute; once it was up for a minute, at once")
    func backoff() {
        var bench = TunnelBench()
        bench.happen(.begin)
        for wait in [2, 4, 8, 16, 32, 60, 60] as [Int64] {
            bench.happen(.ended(ProviderEnd(.retry, "exit code 1")))
            #expect(bench.core.report.next == bench.now + wait * 1000)
            let before = bench.running
            bench.pass(wait * 1000 - 1)
            #expect(bench.running == before)
            bench.pass(1)
            #expect(bench.running == before + 1)
        }
        #expect(bench.core.report.restarts == 7)
        bench.happen(.news(.address(TunnelBench.url)))
        bench.happen(.probed(TunnelBench.url, failure: nil))
        bench.now += 60_000
        bench.happen(.ended(ProviderEnd(.retry, "exit code 1")))
        #expect(bench.core.report.next == bench.now + 250, "it worked a moment ago")
        bench.pass(250)
        bench.happen(.ended(ProviderEnd(.retry, "exit code 1")))
        #expect(bench.core.report.next == bench.now + 4000)
    }

    @Test("waits a minute and more where trying soon makes it worse, and parks where only a person helps")
    func kinds() {
        var bench = TunnelBench()
        bench.happen(.begin)
        for wait in [60, 120, 240, 480, 600, 600] as [Int64] {
            bench.happen(.ended(ProviderEnd(.slow, "429")))
            #expect(bench.core.report.next == bench.now + wait * 1000)
            bench.pass(wait * 1000)
        }
        bench.happen(.ended(ProviderEnd(.fatal, "the token is refused")))
        #expect(bench.parked == ["the token is refused"])
        #expect(bench.core.due == nil)
        bench.happen(.ended(ProviderEnd(.retry, "late")))
        #expect(bench.parked.count == 1 && bench.core.report.error == "the token is refused")
    }

    @Test(
        "takes for an address only what is one",
        arguments: [
            ("https://A.ngrok.app", "https://a.ngrok.app"), ("https://a.ngrok.app/", "https://a.ngrok.app"),
            ("https://a.ts.net:8443", "https://a.ts.net:8443"), ("http://127.0.0.1:4545", "http://127.0.0.1:4545"),
            ("http://a.ngrok.app", nil), ("https://", nil), ("https://a/b", nil), ("https://a@b", nil),
            ("https://a.app:0", nil), ("https://a.app:70000", nil), ("https://-a.app", nil), ("ftp://a.app", nil),
            ("https://a..app", nil), ("javascript:alert(1)", nil), ("https://a.app?x", nil),
        ] as [(String, String?)]
    )
    func addresses(text: String, address: String?) {
        #expect(PublicAddress.normalized(text) == address)
    }

    @Test("under any sequence of events waits for something, runs one program, and never traps")
    func anything() {
        for seed in 0..<2000 as Range<UInt64> {
            var random = Seeded(seed)
            var bench = TunnelBench()
            var isRunning = false
            bench.happen(.begin)
            for _ in 0..<60 {
                let before = bench.running
                switch random.next() % 9 {
                case 0: bench.happen(.news(.running(pid: 1)))
                case 1: bench.happen(.news(.address("https://a\(random.next() % 3).app")))
                case 2: bench.happen(.news(.addressLost))
                case 3: bench.happen(.news(.trouble("t\(random.next() % 3)")))
                case 4:
                    if bench.running > 0 {
                        bench.happen(.ended(ProviderEnd([.retry, .slow][Int(random.next() % 2)], "x")))
                    }
                    isRunning = false
                case 5: bench.happen(.probed("https://a\(random.next() % 3).app", failure: nil))
                case 6: bench.happen(.probed("https://a\(random.next() % 3).app", failure: "no"))
                default: bench.pass(Int64(random.next() % 70_000))
                }
                if bench.running > before { isRunning = true }
                let report = bench.core.report
                #expect(report.state != .up || !report.url.isEmpty)
                #expect(report.state != .down || report.next > 0)
                _ = isRunning
            }
            #expect(bench.published.last == nil || bench.published.last == bench.core.report)
        }
    }
}

/// SplitMix64.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
