import IPCControl
import Testing

@testable import Supervisor

@Suite("The line that systemctl status shows")
struct ServiceStatusTests {
    private func row(_ id: String, _ state: WorkerPhase) throws -> WorkerStatus {
        WorkerStatus(
            id: try #require(WorkerID(id)),
            state: state,
            incarnation: 1,
            pid: 0,
            since: Instant(nanoseconds: 0),
            restarts: 0,
            usedKB: 0,
            peakKB: 0,
            text: ""
        )
    }

    @Test("it counts who is ready, names who is not, and leaves out who is not meant to run")
    func text() throws {
        let gateway = try row("gateway", .ready)
        #expect(ServiceStatus.text([gateway], port: 18789) == "serving on port 18789; 1 worker ready")
        let rows = [
            gateway, try row("channel:discord:default", .quarantined), try row("channel:telegram:default", .ready),
            try row("model:openai", .parked), try row("agent:main", .stopped), try row("sidecar:x", .backoff),
        ]
        #expect(
            ServiceStatus.text(rows, port: 3000)
                == "serving on port 3000; 2 of 5 workers ready; quarantined: channel:discord:default; "
                + "parked: model:openai; backoff: sidecar:x"
        )
    }

    @Test("a gateway that is away is said first, a crowd is counted")
    func crowd() throws {
        let rows = try [row("gateway", .backoff)] + (1...9).map { try row("agent:a\($0)", .parked) }
        #expect(
            ServiceStatus.text(rows, port: 1)
                == "port 1 is open, the gateway is backoff; 0 of 10 workers ready; "
                + "parked: agent:a1, agent:a2, agent:a3, agent:a4, agent:a5 and 4 more"
        )
        #expect(ServiceStatus.text([try row("gateway", .stopped)], port: 1).hasPrefix("the gateway is stopped"))
    }
}
