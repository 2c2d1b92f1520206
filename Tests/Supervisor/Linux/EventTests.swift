import Glibc
import Testing

@testable import Supervisor

struct EventTests {
    @Test("the poller tells the tokens of what is ready, and a hang-up without being asked")
    func poller() throws {
        let poller = try Poller()
        let pair = try SocketPair()
        let other = try SocketPair()
        try poller.add(pair.ours.raw, .read, token: 7)
        try poller.add(other.ours.raw, [], token: .max)
        #expect(try poller.wait(timeout: .zero).isEmpty)
        _ = try [1].withUnsafeBytes { try pair.theirs.write($0) }
        #expect(try poller.wait(timeout: patience) == [Poller.Event(token: 7, readiness: .read)])
        try poller.modify(pair.ours.raw, .write, token: 8)
        #expect(try poller.wait(timeout: patience) == [Poller.Event(token: 8, readiness: .write)])
        try poller.remove(pair.ours.raw)
        shutdown(other.theirs.raw, Int32(SHUT_RDWR))
        let events = try poller.wait(timeout: patience)
        #expect(events.map(\.token) == [.max])
        #expect(events.first?.readiness.contains(.hangup) == true)
    }

    @Test("the timer rings at its instant, not before, and once; taken back it is silent")
    func timer() throws {
        let timer = try DeadlineTimer()
        let poller = try Poller()
        try poller.add(timer.fd, .read, token: 1)
        let due = Instant.now() + .milliseconds(20)
        try timer.set(due)
        let early = timer.acknowledge()
        #expect(!early)
        #expect(try poller.wait(timeout: patience).count == 1)
        #expect(Instant.now() >= due)
        let rings = [timer.acknowledge(), timer.acknowledge()]
        #expect(rings == [true, false])
        // A deadline that is over rings at once; the origin of the clock included.
        try timer.set(Instant(nanoseconds: 0))
        #expect(try poller.wait(timeout: patience).count == 1)
        try timer.set(nil)
        #expect(try poller.wait(timeout: .zero).isEmpty)
    }

    @Test("signals arrive as data, with their sender, in a process of their own")
    func signals() async {
        await #expect(processExitsWith: .success) {
            let source = try SignalSource([SIGTERM, SIGHUP, 0, 99])
            // To this thread: the test runner has others, which do not block them.
            raise(SIGTERM)
            raise(SIGHUP)
            var got: Set<SignalSource.Delivery> = []
            while let delivery = try source.next() { got.insert(delivery) }
            let me = getpid()
            #expect(got == [.init(signal: SIGTERM, sender: me), .init(signal: SIGHUP, sender: me)])
            exit(0)
        }
    }

    @Test("a released descriptor stays open, an owned one is closed at its end")
    func ownership() throws {
        var raw: Int32 = -1
        do {
            let descriptor = try Descriptor.open("/dev/null", O_RDONLY)
            raw = descriptor.release()
        }
        #expect(fcntl(raw, F_GETFD) == FD_CLOEXEC)
        let link = SystemFile.link("/proc/self/fd/\(raw)")
        #expect(link == "/dev/null")
        close(raw)
    }
}
