import Glibc
import IPCControl
import NIOPosix
import Runtime
import Synchronization
import Testing

@Suite("A worker that is asked to shed memory", .timeLimit(.minutes(1)))
struct ShedTests {
    @Test("gives free heap back to the kernel, after its caches, and says at once what is left")
    func heap() async throws {
        let subject = try await TestWorker(
            id: "agent:main",
            hub: "/nowhere",
            group: MultiThreadedEventLoopGroup.singleton
        )
        var supervisor = HeartbeatReader(subject.supervisor)
        let cache = Mutex(Heap(megabytes: 64))
        subject.worker.lifeline.shedding { cache.withLock { $0.release() } }
        // The next heartbeat that stands after the allocation.
        _ = try await supervisor.next()
        let full = try await supervisor.next()
        try subject.supervisor.write(try Block("SHED").encoded())
        let asked = ContinuousClock.now
        var left = try await supervisor.next()
        // One that was on its way already may come before.
        if left > full - 48 * 1024 { left = try await supervisor.next() }
        #expect(left < full - 48 * 1024, "\(full) KB before, \(left) KB after")
        #expect(ContinuousClock.now - asked < .seconds(10))
        _ = subject
    }
}

/// Memory in pieces as a program allocates them, between others that stay: the heap's end cannot fall by itself. Those that
/// stay are of the same size, or they would come from what the tests before have freed, and stand somewhere else.
private struct Heap: ~Copyable {
    private var pieces: [UnsafeMutableRawPointer] = []
    private var pins: [UnsafeMutableRawPointer] = []

    init(megabytes: Int) {
        for number in 0..<(megabytes * 16) {
            guard let piece = malloc(64 * 1024) else { continue }
            memset(piece, 1, 64 * 1024)
            if number % 16 == 15 { pins.append(piece) } else { pieces.append(piece) }
        }
    }

    mutating func release() {
        for piece in pieces { free(piece) }
        pieces = []
    }

    deinit {
        for piece in pieces + pins { free(piece) }
    }
}

/// The supervisor's end of a lifeline: what HEARTBEAT says.
struct HeartbeatReader {
    private let pair: SocketPair
    private var decoder = BlockDecoder()

    init(_ pair: SocketPair) { self.pair = pair }

    /// The PSS of the next heartbeat in KiB.
    mutating func next() async throws -> Int64 {
        while true {
            while let block = try decoder.next() {
                if block.type == "HEARTBEAT", let size = block.integer("PSS_KB") { return size }
            }
            let bytes = await pair.readFar()
            guard !bytes.isEmpty else { throw SocketError(EPIPE) }
            decoder.append(bytes)
        }
    }
}
