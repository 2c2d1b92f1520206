extension Schema {
    /// Version 5: telephone calls, as their worker wants them remembered.
    ///
    /// `rev` rises with every change of any call: whoever has seen one asks for what came after.
    static let fifth = """
        CREATE TABLE calls(
          call_id TEXT PRIMARY KEY,
          state TEXT NOT NULL,
          record BLOB NOT NULL,
          has_ended INTEGER NOT NULL,
          started_at INTEGER NOT NULL,
          updated_at INTEGER NOT NULL,
          rev INTEGER NOT NULL) WITHOUT ROWID;
        CREATE UNIQUE INDEX calls_rev ON calls(rev);
        CREATE INDEX calls_live ON calls(call_id) WHERE has_ended = 0;
        PRAGMA user_version = 5;
        """
}
