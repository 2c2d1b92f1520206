import Glibc
import IPCControl
import Testing

@testable import Supervisor

@Suite("What goes over lifelines and the control socket")
struct FeedTests {
    private func status(_ id: WorkerID, usedKB: Int64 = 0, state: WorkerPhase = .ready) -> WorkerStatus {
        WorkerStatus(
            id: id,
            state: state,
            incarnation: 1,
            pid: 1,
            since: Instant(nanoseconds: 0),
            restarts: 0,
            usedKB: usedKB,
            peakKB: usedKB,
            lastDeath: nil,
            text: ""
        )
    }

    private func tell(_ feed: inout GatewayFeed, _ table: [WorkerID: WorkerStatus]) -> [String] {
        var told: [String] = []
        while let block = feed.next(status: { table[$0] }, row: { .row($0, wall: { _ in 0 }) }) {
            told.append("\(block.type) \(block["ID"] ?? "")")
        }
        return told
    }

    @Test("the gateway hears of deaths first, then of what is gone, then the rows; a new one hears everything again")
    func order() {
        var feed = GatewayFeed()
        feed.gatewayStarted(knowing: [.gateway])
        #expect(tell(&feed, [.gateway: status(.gateway)]) == ["WORKER gateway"])
        #expect(feed.isEmpty)
        feed.changed(.agent)
        feed.changed(.agent)
        feed.gone(.model)
        feed.died(.agent, 1, .plainKill)
        #expect(!feed.isEmpty)
        let table: [WorkerID: WorkerStatus] = [.gateway: status(.gateway), .agent: status(.agent)]
        #expect(tell(&feed, table) == ["EXIT agent:main", "GONE model:anthropic", "WORKER agent:main"])
        feed.gatewayDied()
        feed.gatewayStarted(knowing: [.gateway, .agent])
        #expect(tell(&feed, table) == ["EXIT agent:main", "WORKER gateway", "WORKER agent:main"])
        feed.confirmed(.agent, 1)
        feed.gatewayStarted(knowing: [.gateway])
        #expect(tell(&feed, table) == ["WORKER gateway"])
    }

    @Test("a row is told again when anything but a little memory changed")
    func worth() {
        var feed = GatewayFeed()
        func row(_ feed: inout GatewayFeed, _ status: WorkerStatus) -> Int {
            feed.changed(status.id)
            return tell(&feed, [status.id: status]).count
        }
        #expect(row(&feed, status(.agent, usedKB: 1000)) == 1)
        #expect(row(&feed, status(.agent, usedKB: 1000 + GatewayFeed.memoryStepKB - 1)) == 0)
        #expect(row(&feed, status(.agent, usedKB: 1000 + GatewayFeed.memoryStepKB)) == 1)
        #expect(row(&feed, status(.agent, usedKB: 1256, state: .draining)) == 1)
    }

    @Test("a queue takes a message whole or not at all, and says when the other end is full or gone")
    func queue() throws {
        let pair = try SocketPair()
        var queue = WriteQueue(limit: 1 << 20)
        let message = [UInt8](repeating: 1, count: 1 << 19)
        let taken = [queue.append(message), queue.append(message), queue.append([1])]
        #expect(taken == [true, true, false])
        let blocked = queue.flush(to: pair.ours.raw)
        #expect(blocked == .blocked)
        var received = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while received < 1 << 20 {
            let count = read(pair.theirs.raw, &buffer, buffer.count)
            if count > 0 { received += count }
            _ = queue.flush(to: pair.ours.raw)
            if count <= 0, queue.isEmpty { break }
        }
        #expect(received == 1 << 20)
        #expect(queue.isEmpty)
        _ = queue.append([1])
        shutdown(pair.theirs.raw, Int32(SHUT_RD))
        let broken = queue.flush(to: pair.ours.raw)
        #expect(broken == .broken)
    }

    @Test("a client that never reads loses its connection at the bound")
    func slowClient() throws {
        let pair = try SocketPair()
        let client = ControlClient(
            number: 1,
            descriptor: try pair.ours.duplicate(),
            token: 1,
            uid: 0,
            now: Instant(nanoseconds: 0)
        )
        let line = Block("LOG", ["TEXT": String(repeating: "x", count: 10_000)])
        var sent = 0
        while !client.isBroken, sent < 1000 {
            client.send(line)
            sent += 1
        }
        #expect(client.isBroken)
        #expect(client.outgoing.count <= ControlClients.queueLimit)
    }

    @Test("a text that percent-encoding makes too long for a block is shortened, not lost")
    func longText() throws {
        let block = Block("LOG", ["ID": "agent:main", "TEXT": String(repeating: "%", count: 16_384)])
        #expect(throws: BlockError.self) { try block.encoded() }
        #expect(block.encodedWithinBounds() != nil)
    }

    @Test("the event log keeps the newest")
    func events() {
        var events = EventLog()
        for number in 0..<500 { events.append(.init(atMilliseconds: Int64(number), incarnation: 0, text: "")) }
        #expect(events.entries.count == EventLog.limit)
        #expect(events.entries.first?.atMilliseconds == 300)
    }
}
