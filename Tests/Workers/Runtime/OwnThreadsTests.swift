import Testing

@testable import Runtime

@Suite("The threads of a worker")
struct OwnThreadsTests {
    @Test(
        "a thread's state stands behind its name, whatever that holds",
        arguments: [
            ("17 (worker) S 1 2", "S"), ("17 (a) b) D 1) D 1", "D"), ("17 (x) D", "D"), ("17 (x) ", nil),
            ("17 (x)", nil),
            ("", nil),
        ] as [(String, String?)]
    )
    func state(line: String, state: String?) {
        #expect(OwnThreads.state(in: Array(line.utf8)).map { String(decoding: [$0], as: UTF8.self) } == state)
    }
}
