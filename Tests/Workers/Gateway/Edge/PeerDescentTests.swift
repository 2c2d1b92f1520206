internal import Glibc
internal import Testing

@testable internal import Gateway

@Suite("Which processes are the gateway's own")
struct PeerDescentTests {
    /// pid: parent, session.
    private static let processes: [Int32: (Int32, Int32)] = [
        10: (1, 10), 11: (10, 11), 12: (11, 11), 13: (12, 13), 14: (1, 11),
        20: (1, 20), 21: (20, 20), 30: (31, 30), 31: (30, 30),
    ]

    private static func isOwn(_ pid: Int32) -> Bool {
        PeerDescent.isOwn(pid, tree: [10, 11]) { pid in
            processes[pid].map { .init(parent: $0.0, session: $0.1) }
        }
    }

    @Test("supervisor, gateway, whatever they started, and orphans that kept the session")
    func own() {
        for pid in [10, 11, 12, 13, 14] as [Int32] { #expect(Self.isOwn(pid)) }
    }

    @Test("not a shell and its commands, and not init")
    func others() {
        for pid in [20, 21, 1] as [Int32] { #expect(!Self.isOwn(pid)) }
    }

    @Test("where /proc tells nothing, or runs in a circle, the door stays shut")
    func unknown() {
        for pid in [99, 0, -1, .min, 30] as [Int32] { #expect(Self.isOwn(pid)) }
    }

    @Test("a process cannot write its own facts by its name")
    func names() {
        #expect(PeerDescent.parse("7 (a) S 1 1 1 1) S 5 6 7 8") == .init(parent: 5, session: 7))
        for text in ["", "7 (a", "7 (a) S", "7 (a) S x 1 2", "7 (a) S 1 2 99999999999"] {
            #expect(PeerDescent.parse(text) == nil)
        }
        #expect(PeerDescent.facts(of: getpid())?.parent == getppid())
        #expect(PeerDescent.facts(of: .max) == nil)
    }
}
