extension Schema {
    /// Version 4: what every attempt at a model's provider came to and cost, and what the model workers must not forget.
    ///
    /// `day` is the gateway's local day, so that a sum over a day needs no time zone. `cost` is in billionths of a dollar and
    /// NULL where nobody knows a price.
    static let fourth = """
        CREATE TABLE ledger(
          row INTEGER PRIMARY KEY,
          id TEXT NOT NULL UNIQUE,
          at INTEGER NOT NULL,
          day TEXT NOT NULL,
          agent TEXT NOT NULL,
          session_key TEXT NOT NULL,
          run_id TEXT NOT NULL,
          purpose TEXT NOT NULL,
          provider TEXT NOT NULL,
          profile TEXT NOT NULL,
          model TEXT NOT NULL,
          served_model TEXT NOT NULL,
          input INTEGER NOT NULL,
          output INTEGER NOT NULL,
          cache_read INTEGER NOT NULL,
          cache_write INTEGER NOT NULL,
          reasoning INTEGER NOT NULL,
          source TEXT NOT NULL,
          end TEXT NOT NULL,
          kind TEXT NOT NULL,
          status INTEGER NOT NULL,
          first_content_ms INTEGER NOT NULL,
          duration_ms INTEGER NOT NULL,
          cause TEXT NOT NULL,
          cost INTEGER);
        CREATE INDEX ledger_day ON ledger(day);
        CREATE INDEX ledger_at ON ledger(at);
        CREATE TABLE model_state(
          provider TEXT PRIMARY KEY,
          cooldowns BLOB NOT NULL,
          saved_at INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE model_credentials(
          provider TEXT NOT NULL,
          profile TEXT NOT NULL,
          value BLOB NOT NULL,
          PRIMARY KEY(provider, profile)) WITHOUT ROWID;
        PRAGMA user_version = 4;
        """
}
