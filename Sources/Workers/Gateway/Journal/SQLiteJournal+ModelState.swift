extension SQLiteJournal {
    func keep(_ state: ModelStateRow, of provider: String, now: Int64) throws(JournalError) {
        try database.run(
            """
            INSERT INTO model_state(provider, cooldowns, saved_at) VALUES(?, ?, ?)
            ON CONFLICT(provider) DO UPDATE SET cooldowns = excluded.cooldowns, saved_at = excluded.saved_at
            """,
            .text(provider),
            .blob(state.cooldowns),
            .integer(now)
        )
        // All of them at every save: what is not among them is not wanted any more.
        try database.run("DELETE FROM model_credentials WHERE provider = ?", .text(provider))
        for (profile, value) in state.credentials.sorted(by: { $0.key < $1.key }) {
            try database.run(
                "INSERT INTO model_credentials(provider, profile, value) VALUES(?, ?, ?)",
                .text(provider),
                .text(profile),
                .blob(value)
            )
        }
    }

    func modelState(of provider: String) throws(JournalError) -> ModelStateRow {
        var state = ModelStateRow()
        state.cooldowns =
            try database.first("SELECT cooldowns FROM model_state WHERE provider = ?", .text(provider)) { $0.blob(0) }
            ?? []
        let credentials = try database.rows(
            "SELECT profile, value FROM model_credentials WHERE provider = ?",
            .text(provider)
        ) { ($0.text(0), $0.blob(1)) }
        state.credentials = Dictionary(credentials) { first, _ in first }
        return state
    }

    func keptModelStates() throws(JournalError) -> [KeptModelState] {
        try database.rows("SELECT provider, cooldowns, saved_at FROM model_state ORDER BY provider") { row in
            KeptModelState(provider: row.text(0), cooldowns: row.blob(1), savedAt: row.integer(2))
        }
    }
}
