import IPCControl
import Testing

@testable import Supervisor

/// The order of things after an image took over.
@Suite("Rollout of a new build")
struct RolloutTests {
    private let now = Instant(nanoseconds: 1_000_000_000_000)

    private func row(
        _ id: String,
        _ state: WorkerPhase = .ready,
        _ incarnation: UInt64 = 1,
        pid: Int32 = 100,
        due: Bool = true,
        since: Instant? = nil
    ) throws -> Rollout.Row {
        let status = WorkerStatus(
            id: try #require(WorkerID(id)),
            state: state,
            incarnation: incarnation,
            pid: pid,
            since: since ?? now,
            restarts: 0,
            usedKB: 0,
            peakKB: 0,
            text: ""
        )
        return Rollout.Row(status: status, isDue: due)
    }

    @Test("plan, gateway, then the others one after another, each ready before the next")
    func order() throws {
        var rollout = Rollout(needsPlan: true, canGoBack: true)
        let (gateway, a, b) = (try row("gateway"), try row("agent:a"), try row("channel:b"))
        #expect(rollout.next([gateway, a, b], now: now) == .wait)
        rollout.planned()
        #expect(rollout.next([gateway, a, b], now: now) == .renew(gateway.status.id))
        #expect(rollout.next([try row("gateway", .draining), a, b], now: now) == .wait)
        let starting = try row("gateway", .starting, 2, due: false)
        #expect(rollout.next([starting, a, b], now: now + .seconds(1)) == .wait)
        #expect(rollout.deadline == now + .seconds(2))
        let new = try row("gateway", .ready, 2, due: false)
        #expect(rollout.next([new, a, b], now: now + .seconds(1)) == .commit(took: .seconds(1)))
        #expect(rollout.deadline == nil)
        #expect(rollout.next([new, a, b], now: now) == .renew(a.status.id))
        #expect(rollout.next([new, try row("agent:a", .starting, 2, due: false), b], now: now) == .wait)
        let done = try row("agent:a", .ready, 2, due: false)
        #expect(rollout.next([new, done, b], now: now) == .replaced(a.status.id))
        #expect(rollout.next([new, done, b], now: now) == .renew(b.status.id))
        let broken = try row("channel:b", .backoff, 2, pid: 0, due: true)
        #expect(rollout.next([new, done, broken], now: now) == .failed(b.status.id))
        #expect(rollout.next([new, done, broken], now: now) == .finish)
        #expect(rollout.next([new, done, broken], now: now) == .wait)
    }

    @Test("a gateway that is not ready two seconds after its first start leads back, however often it starts")
    func back() throws {
        var rollout = Rollout(needsPlan: false, canGoBack: true)
        #expect(rollout.next([try row("gateway")], now: now) == .renew(try #require(WorkerID("gateway"))))
        // A slow drain of the old one costs it nothing.
        #expect(rollout.next([try row("gateway", .draining)], now: now + .seconds(9)) == .wait)
        let started = now + .seconds(10)
        #expect(rollout.next([try row("gateway", .starting, 2, due: false, since: started)], now: started) == .wait)
        let second = try row("gateway", .starting, 3, due: false, since: started + .seconds(1))
        #expect(rollout.next([second], now: started + .milliseconds(1999)) == .wait)
        #expect(
            rollout.next([second], now: started + .seconds(2)) == .goBack("its gateway was not ready within 2 s")
        )
        #expect(rollout.next([second], now: started + .seconds(3)) == .wait)
    }

    @Test("the image that was gone back to waits for its gateway without a limit, and goes nowhere")
    func gatewayOfTheReturn() throws {
        var rollout = Rollout(needsPlan: false, canGoBack: false)
        #expect(rollout.next([try row("gateway", .starting, 3, due: false)], now: now) == .wait)
        #expect(rollout.deadline == nil)
        #expect(rollout.next([try row("gateway", .starting, 3, due: false)], now: now + .seconds(60)) == .wait)
        guard case .commit = rollout.next([try row("gateway", .ready, 3, due: false)], now: now + .seconds(60)) else {
            Issue.record("no commit")
            return
        }
        #expect(rollout.next([try row("gateway", .ready, 3, due: false)], now: now) == .finish)
    }

    @Test("a worker that a person stops meanwhile, or that leaves the plan, holds nothing up")
    func stopped() throws {
        var rollout = Rollout(needsPlan: false, canGoBack: true)
        let gateway = try row("gateway", .stopped, pid: 0)
        #expect(rollout.next([gateway, try row("agent:a"), try row("agent:b")], now: now) == .commit(took: nil))
        #expect(
            rollout.next([gateway, try row("agent:a"), try row("agent:b")], now: now)
                == .renew(try #require(WorkerID("agent:a")))
        )
        let halted = try row("agent:a", .stopped, pid: 0, due: false)
        #expect(
            rollout.next([gateway, halted, try row("agent:b")], now: now) == .renew(try #require(WorkerID("agent:b")))
        )
        #expect(rollout.next([gateway, halted], now: now) == .finish)
    }
}
