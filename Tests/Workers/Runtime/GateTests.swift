import NIOPosix
import Testing

@testable import Runtime

@Suite("A door that opens once", .timeLimit(.minutes(1)))
struct GateTests {
    @Test("a limit that is over before anybody waits wakes who waits all the same")
    func shortest() async {
        let gate = Gate(on: MultiThreadedEventLoopGroup.singleton.next())
        for _ in 0..<20_000 {
            let isOpen = await gate.opens(within: .zero)
            #expect(!isOpen)
        }
        gate.open()
        #expect(await gate.opens(within: .zero))
    }
}
