/// What the journal of a stopped gateway reports; see journal_rows.py.
struct JournalRows: Sendable {
    /// Each a text of everything in its row.
    var dead: [String]
    var marked: [String]
    var gaps: [String]
    /// `turns.done` and the like, with how many rows are in that state.
    var states: JSONValue
    /// One for every attempt at a model's provider, oldest first.
    var ledger: [JSONValue]

    init(_ state: StateDirectory) async throws {
        guard let journal = try state.paths(endingWith: "journal.sqlite").first else {
            throw TestFailure("no journal below \(state.path)")
        }
        let script = Place.root + "/Tests/peers/journal_rows.py"
        let reader = try ChildProcess([try await Peers.shared.interpreter(), script, journal])
        guard try await reader.ended() == 0, let line = await reader.lines.first(where: { _ in true }) else {
            throw TestFailure("the journal cannot be read:\n\(reader.tail())")
        }
        let rows = try JSONValue(line.utf8)
        dead = rows["dead"]?.array.compactMap(\.string) ?? []
        marked = rows["marked"]?.array.compactMap(\.string) ?? []
        gaps = rows["gaps"]?.array.compactMap(\.string) ?? []
        states = rows["states"] ?? .null
        ledger = rows["ledger"]?.array ?? []
    }
}
