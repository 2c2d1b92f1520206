import Testing

@testable import Supervisor

@Suite("What the service manager is told")
struct ServiceReportTests {
    /// A manager that takes everything, or nothing, under a clock that a test turns.
    private struct Manager {
        var report: ServiceReport
        var now = Instant(nanoseconds: 5_000_000_000)
        var messages: [String] = []
        var isFull = false

        init(watchdog: Duration? = nil) { report = ServiceReport(watchdog: watchdog) }

        mutating func tell(_ facts: ServiceReport.Facts, after wait: Duration = .zero) -> [String] {
            now = now + wait
            var taken: [String] = []
            let isFull = isFull
            report.take(facts, at: now) { text in
                if !isFull { taken.append(text) }
                return !isFull
            }
            return taken
        }
    }

    private func facts(
        _ gateway: ServiceReport.GatewayState,
        reloading: Bool = false,
        stopping: Bool = false,
        _ status: String = "s"
    ) -> ServiceReport.Facts {
        .init(gateway: gateway, isReloading: reloading, isStopping: stopping, status: status)
    }

    @Test("a whole life is told in order, each thing once")
    func life() {
        var manager = Manager()
        #expect(manager.tell(facts(.away, "reading")) == ["STATUS=reading"])
        #expect(manager.tell(facts(.away, "reading")) == [])
        #expect(manager.tell(facts(.serving, "serving"), after: .milliseconds(1)) == ["READY=1\nSTATUS=serving"])
        #expect(manager.tell(facts(.serving, "serving")) == [])
        #expect(
            manager.tell(facts(.serving, reloading: true, "serving"), after: .milliseconds(9))
                == ["RELOADING=1\nMONOTONIC_USEC=5010000\nSTATUS=serving"]
        )
        #expect(manager.tell(facts(.away, reloading: false, "serving")) == [])
        #expect(manager.tell(facts(.serving, "serving")) == ["READY=1\nSTATUS=serving"])
        #expect(manager.tell(facts(.serving, stopping: true, "bye")) == ["STOPPING=1\nSTATUS=bye"])
        #expect(manager.tell(facts(.away, stopping: true, "bye"), after: .seconds(2)) == [])
    }

    @Test("a start that is ended before it was ready is STOPPING, and a reload before readiness is none")
    func early() {
        var manager = Manager()
        #expect(manager.tell(facts(.away, reloading: true, "a")) == ["STATUS=a"])
        #expect(manager.tell(facts(.away, stopping: true, "b")) == ["STOPPING=1\nSTATUS=b"])
        #expect(manager.tell(facts(.serving, "c")) == ["STATUS=c"].filter { _ in false })
    }

    @Test("a status that flutters is told once a second, with its newest text")
    func flutter() {
        var manager = Manager()
        _ = manager.tell(facts(.serving, "0"))
        var told: [String] = []
        for step in 1...2500 { told += manager.tell(facts(.serving, "\(step)"), after: .milliseconds(1)) }
        #expect(told == ["STATUS=1000", "STATUS=2000"])
        #expect(manager.report.deadline == manager.now + .milliseconds(500))
        #expect(manager.tell(facts(.serving, "2500"), after: .milliseconds(500)) == ["STATUS=2500"])
        #expect(manager.report.deadline == nil)
    }

    @Test("a full queue is tried again, and what is over by then is not told late")
    func fullQueue() {
        var manager = Manager()
        manager.isFull = true
        #expect(manager.tell(facts(.serving, "a")) == [])
        #expect(manager.report.deadline == manager.now + ServiceReport.retryInterval)
        #expect(manager.tell(facts(.serving, reloading: true, "a"), after: .milliseconds(100)) == [])
        manager.isFull = false
        #expect(manager.tell(facts(.serving, "b"), after: .milliseconds(100)) == ["READY=1\nSTATUS=b"])
    }

    @Test("the watchdog is fed at half of its limit at the latest, and along with other things from a third on")
    func feeding() {
        var manager = Manager(watchdog: .seconds(12))
        #expect(manager.tell(facts(.serving)) == ["READY=1\nSTATUS=s", "WATCHDOG=1"])
        #expect(manager.report.deadline == manager.now + .seconds(6))
        #expect(manager.tell(facts(.serving), after: .milliseconds(3999)) == [])
        #expect(manager.tell(facts(.serving), after: .milliseconds(1)) == ["WATCHDOG=1"])
        #expect(manager.tell(facts(.serving), after: .seconds(6)) == ["WATCHDOG=1"])
        // A loop that does not turn feeds nothing; there is no thread that would do it instead.
        #expect(manager.tell(facts(.serving, stopping: true), after: .seconds(6)).last == "WATCHDOG=1")
    }

    @Test("a gateway that cannot be replaced starves the watchdog, one that a person stopped does not")
    func starving() {
        var manager = Manager(watchdog: .seconds(20))
        _ = manager.tell(facts(.serving))
        var fed = 0
        for _ in 0..<30 { fed += manager.tell(facts(.away), after: .seconds(2)).count }
        #expect(fed > 5)
        #expect(!manager.report.isStarving)
        #expect(manager.tell(facts(.away), after: .seconds(20)) == [])
        #expect(manager.report.isStarving)
        #expect(manager.report.deadline == nil)
        // One that comes back in time has its whole time again.
        #expect(manager.tell(facts(.serving)) == ["WATCHDOG=1"])
        #expect(manager.tell(facts(.away), after: .seconds(50)) == ["WATCHDOG=1"])
        #expect(!manager.report.isStarving)
        _ = manager.tell(facts(.held), after: .seconds(1))
        #expect(manager.tell(facts(.held), after: .seconds(500)) == ["WATCHDOG=1"])
    }

    @Test("without a watchdog nothing wakes the loop")
    func quiet() {
        var manager = Manager()
        _ = manager.tell(facts(.serving))
        #expect(manager.report.deadline == nil)
    }
}
