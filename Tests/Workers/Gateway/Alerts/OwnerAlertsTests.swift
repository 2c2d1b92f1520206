import Config
import IPCHub
import Testing

@testable import Gateway
@testable import Journal

@Suite("alerts to the owner")
struct OwnerAlertsTests {
    private let hour: Int64 = 3_600_000
    private let start: Int64 = 1_700_000_400_000

    private func chat(_ channel: String, at: Int64 = 0) -> OwnerChat {
        OwnerChat(channel: "channel:\(channel):default", conversation: "7", target: [1], at: at)
    }

    private func alerts(_ chats: [OwnerChat], _ change: (inout AlertsConfig) -> Void = { _ in }) -> OwnerAlerts {
        var config = AlertsConfig()
        change(&config)
        var alerts = OwnerAlerts(config)
        _ = alerts.read(chats, isUp: { _ in true }, now: start)
        return alerts
    }

    private let disk = OwnerAlert.disk("the disk is full")

    @Test("a cause is told once an hour, another subject for itself")
    func hourly() {
        var alerts = alerts([chat("telegram")])
        let parked = OwnerAlert.parked("channel:discord:default", "bad token")
        #expect(alerts.deliver(parked, isUp: { _ in true }, now: start)?.chat == chat("telegram"))
        #expect(alerts.deliver(parked, isUp: { _ in true }, now: start + hour - 1) == nil)
        #expect(alerts.deliver(.parked("agent:main", ""), isUp: { _ in true }, now: start + 5) != nil)
        #expect(alerts.deliver(disk, isUp: { _ in true }, now: start + 5) != nil)
        #expect(alerts.deliver(parked, isUp: { _ in true }, now: start + hour) != nil)
    }

    @Test("a gateway that starts anew names the same alert the same, the next hour's otherwise")
    func names() {
        var first = alerts([chat("telegram")])
        var second = alerts([chat("telegram")])
        let name = first.deliver(disk, isUp: { _ in true }, now: start)?.origin
        #expect(name != nil)
        #expect(second.deliver(disk, isUp: { _ in true }, now: start + 1000)?.origin == name)
        #expect(first.deliver(disk, isUp: { _ in true }, now: start + hour)?.origin != name)
    }

    @Test("a flood of causes is a handful of alerts")
    func flood() {
        var alerts = alerts([chat("telegram")])
        let told = (0..<100).compactMap {
            alerts.deliver(.quarantine("agent:a\($0)", ""), isUp: { _ in true }, now: start)
        }
        #expect(told.count == OwnerAlerts.mostAtOnce)
    }

    @Test("a channel's trouble is told on another one that works, the last heard first")
    func channels() {
        var alerts = alerts([chat("telegram", at: 5), chat("discord", at: 3), chat("slack", at: 1)])
        let telegram = OwnerAlert.parked("channel:telegram:default", "")
        #expect(alerts.deliver(telegram, isUp: { _ in true }, now: start)?.chat == chat("discord", at: 3))
        #expect(
            alerts.deliver(disk, isUp: { $0 == "channel:slack:default" }, now: start)?.chat == chat("slack", at: 1)
        )
        #expect(alerts.deliver(.key("model", ""), isUp: { _ in false }, now: start)?.chat == chat("telegram", at: 5))
    }

    @Test("without an owner's chat nobody is told, and the cause is not used up")
    func nobody() {
        var alerts = alerts([])
        #expect(alerts.deliver(disk, isUp: { _ in true }, now: start) == nil)
        alerts.heard(chat("telegram"))
        #expect(alerts.deliver(disk, isUp: { _ in true }, now: start + 1) != nil)
    }

    @Test("what happens before the owner's chats are read is told afterwards")
    func early() {
        var alerts = OwnerAlerts(AlertsConfig())
        #expect(alerts.deliver(disk, isUp: { _ in true }, now: start) == nil)
        let told = alerts.read([chat("telegram")], isUp: { _ in true }, now: start + 10)
        #expect(told.map(\.text) == [disk.text])
    }

    @Test("they can be switched off, all or by cause, and made rarer")
    func switches() {
        var off = alerts([chat("telegram")]) { $0.enabled = false }
        #expect(off.deliver(disk, isUp: { _ in true }, now: start) == nil)
        var some = alerts([chat("telegram")]) { $0.off = ["disk"] }
        #expect(some.deliver(disk, isUp: { _ in true }, now: start) == nil)
        #expect(some.deliver(.memory("agent:main", ""), isUp: { _ in true }, now: start) != nil)
        var rare = alerts([chat("telegram")]) { $0.everyMinutes = 120 }
        #expect(rare.deliver(disk, isUp: { _ in true }, now: start) != nil)
        #expect(rare.deliver(disk, isUp: { _ in true }, now: start + hour) == nil)
    }

    @Test("each says what happened and what to type, on one line")
    func words() {
        let alerts: [OwnerAlert] = [
            .quarantine("agent:main", "killed\nby memory"), .memory("agent:main", ""),
            .parked("channel:x:y", "bad token"),
            .key("model", "401"), .deadLetters("agent:main", 2, ""), .expired(["webchat": 1], hours: 24), disk,
        ]
        for alert in alerts {
            #expect(alert.text.hasPrefix("⚠️ Clawhold: "))
            #expect(!alert.text.contains("\n"))
        }
        #expect(alerts[0].text.contains("agent:main is quarantined: killed by memory. "))
        #expect(alerts[0].text.contains("clawhold reset agent:main"))
    }
}

@Suite("the owner is told in the chat")
struct AlertingTests {
    private func config() -> GatewayConfig {
        var config = Bench.config()
        config.alerts.enabled = true
        config.queue.cap = 1000
        return config
    }

    /// Alerts that go out until nothing more does; everything else arrives too.
    private func told(_ bench: Bench, _ channel: Int) -> [String] {
        var texts: [String] = []
        while true {
            let sends = bench.sends(channel)
            guard !sends.isEmpty else { return texts.filter { $0.hasPrefix("⚠️") } }
            texts += sends.map(\.content.text)
            for send in sends { bench.result(channel, send.row) }
        }
    }

    /// The owner has written once; what it led to is out of the way.
    private func bench() throws -> (bench: Bench, channel: Int) {
        let bench = try Bench(config: config())
        let channel = bench.link(Bench.channel)
        bench.inbound(channel, key: "owner")
        bench.parse(channel)
        _ = bench.take(channel)
        return (bench, channel)
    }

    private func row(_ id: String, _ kind: String, _ state: String, _ text: String = "", now: Int64) -> DeliveryEvent {
        var row = WorkerRow(id: id, kind: kind)
        row.state = state
        row.text = text
        row.sinceMilliseconds = now
        return .row(row)
    }

    @Test("a quarantine goes out through the channel as a notice, once")
    func quarantine() throws {
        let (bench, channel) = try bench()
        bench.apply(row("agent:main", "agent", "quarantined", "died five times", now: bench.now))
        let texts = told(bench, channel)
        #expect(texts.count == 1)
        #expect(texts.first?.contains("agent:main is quarantined: died five times") == true)
        bench.apply(row("agent:main", "agent", "starting", now: bench.now))
        bench.apply(row("agent:main", "agent", "quarantined", now: bench.now))
        #expect(told(bench, channel).isEmpty)
    }

    @Test("the owner's chat survives a restart of the gateway, the alert is not said twice")
    func restart() throws {
        let (bench, channel) = try bench()
        bench.apply(row("agent:main", "agent", "quarantined", now: bench.now))
        #expect(told(bench, channel).count == 1)
        try bench.restart()
        let again = bench.link(Bench.channel)
        bench.apply(row("agent:main", "agent", "quarantined", now: bench.now))
        #expect(told(bench, again).isEmpty)
        bench.apply(row("model:anthropic", "model", "parked", "401", now: bench.now))
        #expect(told(bench, again).count == 1)
    }

    @Test("who talks to the bot through a wildcard is no owner")
    func wildcard() throws {
        var config = config()
        config.channels[0].allowFrom = ["*"]
        let bench = try Bench(config: config)
        let channel = bench.link(Bench.channel)
        bench.inbound(channel, key: "stranger")
        bench.parse(channel)
        bench.apply(row("agent:main", "agent", "quarantined", now: bench.now))
        #expect(told(bench, channel).isEmpty)
    }

    @Test("a full disk, a death of memory and a refused key are causes")
    func causes() throws {
        let (bench, channel) = try bench()
        bench.apply(.intakeStopped("the disk is full"))
        bench.exit("agent:main", cause: "oom-own")
        bench.apply(row("model:anthropic", "model", "parked", "the key is wrong", now: bench.now))
        let texts = told(bench, channel)
        #expect(texts.count == 3)
        #expect(texts.contains { $0.contains("the disk is full") })
        #expect(texts.contains { $0.contains("agent:main ran out of memory") })
        #expect(texts.contains { $0.contains("refuses our key: the key is wrong") })
    }

    @Test("messages that were too old for their turn are told of once, however many there are")
    func expired() throws {
        let (bench, channel) = try bench()
        for key in 1...300 {
            bench.inbound(channel, key: "k\(key)", seq: UInt64(key))
            bench.parse(channel)
        }
        bench.now += 25 * 3_600_000
        let agent = bench.link(Bench.agent)
        #expect(bench.turns(agent).isEmpty)
        #expect(told(bench, channel).isEmpty)
        bench.advance(2000)
        let texts = told(bench, channel)
        #expect(texts.count == 1)
        #expect(texts.first?.contains("301 messages waited for more than 24 hours") == true)
        #expect(texts.first?.contains("clawhold queue list --state expired") == true)
        #expect(try bench.journal.queueCounts()[.expired] == 301)
        bench.advance(10_000)
        #expect(told(bench, channel).isEmpty)
    }

    @Test("a part that is given up is a cause, an alert that is given up is none")
    func givenUp() throws {
        let (bench, channel) = try bench()
        let agent = bench.link(Bench.agent)
        let turn = try #require(bench.turns(agent).first)
        bench.done(agent, turn.turnID)
        func giveUp() -> [String] {
            let sends = bench.sends(channel)
            bench.now += 2 * 86_400_000
            for send in sends { bench.result(channel, send.row, .retry) }
            return sends.map(\.content.text)
        }
        #expect(giveUp() == ["an answer"])
        let alert = giveUp()
        #expect(alert.count == 1)
        #expect(alert.first?.contains("put aside") == true)
        #expect(giveUp().isEmpty)
    }
}
