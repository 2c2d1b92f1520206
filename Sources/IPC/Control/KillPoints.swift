internal import Glibc

/// Named places at which a process kills itself with SIGKILL, armed by tests (`docs/ipc.md` section 2.2).
///
/// Every step of the delivery contract reaches one before and after what it commits, sends or calls, so that a test can
/// cut the power exactly there. Without the environment variable nothing is armed and a place costs one comparison.
package struct KillPoints: Sendable {
    /// The environment variable that the plan reads.
    package static let variable = "CLAWHOLD_KILL_POINTS"

    private let armed: [Point]

    private struct Point: Sendable {
        var name: String
        var hit: Int
    }

    /// Nothing armed.
    package static let none = KillPoints(parsing: nil, incarnation: 0)

    /// Arms what concerns this incarnation. `text` is the START block's `NAME:INCARNATION[#HIT],…`; what is malformed
    /// in it is not armed.
    package init(parsing text: String?, incarnation: UInt64) {
        armed = (text ?? "").split(separator: ",").compactMap { entry in
            let halves = entry.split(separator: ":")
            guard halves.count == 2 else { return nil }
            let numbers = halves[1].split(separator: "#")
            guard let first = numbers.first, UInt64(first) == incarnation else { return nil }
            let hit = numbers.count > 1 ? Int(numbers[1]) ?? 1 : 1
            return Point(name: String(halves[0]), hit: hit)
        }
    }

    /// Dies here when `name` is armed and this is the hit that was asked for.
    package func reach(_ name: String) {
        guard !armed.isEmpty else { return }
        for point in armed where point.name == name {
            if KillPointHits.count(name) == point.hit { kill(getpid(), SIGKILL) }
        }
    }
}
