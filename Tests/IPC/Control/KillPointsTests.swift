import IPCControl
import Testing

@Suite("Kill points")
struct KillPointsTests {
    @Test("kill the process at the hit that was asked for, and only that incarnation")
    func armed() async {
        await #expect(processExitsWith: .signal(9)) {
            let points = KillPoints(parsing: "other:2,inbound.after-commit:2#3", incarnation: 2)
            for hit in 1...3 {
                if hit == 3 { print("third") }
                points.reach("inbound.after-commit")
            }
        }
        await #expect(processExitsWith: .success) {
            let points = KillPoints(parsing: "inbound.after-commit:2#3,broken,:,x:y", incarnation: 2)
            points.reach("inbound.after-commit")
            points.reach("inbound.after-commit")
            KillPoints(parsing: "inbound.after-commit:2", incarnation: 3).reach("inbound.after-commit")
            KillPoints.none.reach("inbound.after-commit")
        }
    }
}
