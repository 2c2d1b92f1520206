import NIOCore
import NIOEmbedded
import Testing

@testable import Gateway

@Suite("A deadline that moves")
struct MovingDeadlineTests {
    private final class Count {
        var value = 0
    }

    private static func make() -> (loop: EmbeddedEventLoop, deadline: MovingDeadline, fired: Count) {
        let (loop, fired) = (EmbeddedEventLoop(), Count())
        return (loop, MovingDeadline(on: loop) { fired.value += 1 }, fired)
    }

    @Test("moved away it passes at its new time, once")
    func later() {
        let (loop, deadline, fired) = Self.make()
        deadline.set(in: .seconds(10))
        loop.advanceTime(by: .seconds(9))
        deadline.set(in: .seconds(10))
        loop.advanceTime(by: .seconds(9))
        #expect(fired.value == 0)
        loop.advanceTime(by: .seconds(1))
        #expect(fired.value == 1)
        loop.advanceTime(by: .seconds(100))
        #expect(fired.value == 1)
    }

    @Test("moved nearer it passes at its new time")
    func earlier() {
        let (loop, deadline, fired) = Self.make()
        deadline.set(in: .seconds(100))
        deadline.set(in: .seconds(2))
        loop.advanceTime(by: .seconds(2))
        #expect(fired.value == 1)
    }

    @Test("lifted it does not pass until it is set again, whatever its timer does")
    func lifted() {
        let (loop, deadline, fired) = Self.make()
        deadline.set(in: .seconds(2))
        deadline.lift()
        loop.advanceTime(by: .seconds(3))
        #expect(fired.value == 0)
        deadline.set(in: .seconds(2))
        loop.advanceTime(by: .seconds(2))
        #expect(fired.value == 1)
        deadline.set(in: .seconds(2))
        deadline.cancel()
        loop.advanceTime(by: .seconds(3))
        #expect(fired.value == 1)
    }
}
