import Testing

@testable import Agent

@Suite struct EntryIDTests {
    @Test("ids follow from the turn and differ between turns and parts")
    func derived() {
        let ids = [
            EntryID.derive(turn: "a", .user), EntryID.derive(turn: "a", .reply), EntryID.derive(turn: "b", .user),
            EntryID.derive(turn: "a", .round(1)), EntryID.derive(turn: "a", .round(11)),
            EntryID.derive(turn: "a", .toolResult(round: 1, call: 11)),
            EntryID.derive(turn: "a", .toolResult(round: 11, call: 1)),
        ]
        #expect(Set(ids).count == ids.count)
        #expect(EntryID.derive(turn: "a", .user) == ids[0])
    }

    @Test("a session's id is a UUID and safe as a file name")
    func session() {
        let id = EntryID.session(turn: "a")
        let groups = id.split(separator: "-").map(\.count)
        #expect(groups == [8, 4, 4, 4, 12])
        #expect(Array(id)[14] == "8")
        #expect(SessionStore.isFileName(id))
        #expect(EntryID.session(turn: "b") != id)
    }
}
