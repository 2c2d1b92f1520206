import Config
import Failover
import FoundationEssentials
import Testing

@testable import Gateway

@Suite("The door of the pass-through endpoint")
struct RelayDoorTests {
    private static func door(_ change: (inout GatewayConfig, inout EdgeLimits) -> Void = { _, _ in }) -> RelayDoor {
        var (config, limits) = (GatewayConfig(), EdgeLimits())
        config.endpoint.enabled = true
        change(&config, &limits)
        return RelayDoor(config: config, limits: limits, now: { .now }, workers: FakeRelayWorkers([]))
    }

    private static func begin(_ door: RelayDoor, _ output: any RelayOutput, length: Int? = nil) -> RelayExchange? {
        let headers = length.map { [(name: "Content-Length", value: "\($0)")] } ?? []
        if case .begun(let exchange) = door.begin(.chat, headers: headers, output: output) { return exchange }
        return nil
    }

    @Test("so many at a time and no more, until one ends")
    func count() throws {
        let door = Self.door { config, _ in config.endpoint.maxConcurrent = 2 }
        let output = try RelayBench()
        let first = try #require(Self.begin(door, output))
        let second = Self.begin(door, output)
        guard case .refused(let answer) = door.begin(.messages, headers: [], output: output) else {
            return #expect(Bool(false), "a third came in")
        }
        #expect(answer.status == 503 && String(decoding: answer.body, as: UTF8.self).contains("overloaded_error"))
        #expect(answer.headers.contains(.init("Retry-After", "5")) && second != nil)
        door.ended(first)
        #expect(Self.begin(door, output) != nil)
    }

    @Test("bodies are bounded together: by what clients announce, and by what comes unannounced")
    func bytes() throws {
        let door = Self.door { _, limits in limits.relayBytes = 1000 }
        let output = try RelayBench()
        let first = try #require(Self.begin(door, output, length: 600))
        #expect(Self.begin(door, output, length: 500) == nil)
        let second = try #require(Self.begin(door, output))
        second.take(Array(repeating: 0, count: 400))
        door.grew(second)
        #expect(output.status == 0)
        second.take([0])
        door.grew(second)
        #expect(output.status == 503 && second.held == 0 && first.held == 600)
        door.ended(first)
        #expect(Self.begin(door, output, length: 1000) != nil)
    }

    @Test("what is announced as too long is refused before a byte of it is read")
    func announced() throws {
        let door = Self.door()
        for length in [1 << 30, Int.max] {
            let headers = [(name: "content-length", value: "\(length)")]
            guard case .refused(let answer) = door.begin(.chat, headers: headers, output: try RelayBench()) else {
                return #expect(Bool(false), "it came in")
            }
            #expect(answer.status == 413)
        }
    }
}
