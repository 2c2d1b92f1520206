/// The tables of the journal. One version per released shape; a newer file is not opened by an older program, an older one
/// is brought up to date in one transaction.
enum Schema {
    static let version = Int64(steps.count)

    /// What makes version `n + 1` of version `n`; the first makes a journal of an empty file.
    static let steps = [first, second, third, fourth, fifth]

    private static let first = """
        CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE inbox(
          row INTEGER PRIMARY KEY AUTOINCREMENT,
          event_key TEXT NOT NULL UNIQUE,
          channel TEXT NOT NULL,
          state TEXT NOT NULL,
          raw BLOB,
          message BLOB,
          reason TEXT NOT NULL DEFAULT '',
          incarnation INTEGER NOT NULL DEFAULT 0,
          attempts INTEGER NOT NULL DEFAULT 0,
          own_deaths INTEGER NOT NULL DEFAULT 0,
          unknown_deaths INTEGER NOT NULL DEFAULT 0,
          received_at INTEGER NOT NULL,
          settled_at INTEGER NOT NULL DEFAULT 0);
        CREATE INDEX inbox_work ON inbox(channel, state, row);
        CREATE INDEX inbox_state ON inbox(state, settled_at);
        CREATE TABLE cursors(channel TEXT PRIMARY KEY, cursor BLOB NOT NULL) WITHOUT ROWID;
        CREATE TABLE turns(
          row INTEGER PRIMARY KEY,
          turn_id TEXT NOT NULL UNIQUE,
          run_id TEXT NOT NULL,
          session_key TEXT NOT NULL,
          lane TEXT NOT NULL,
          agent TEXT NOT NULL,
          channel TEXT NOT NULL,
          account TEXT NOT NULL,
          conversation TEXT NOT NULL,
          target BLOB NOT NULL,
          message BLOB NOT NULL,
          state TEXT NOT NULL,
          status TEXT NOT NULL DEFAULT '',
          sentence TEXT NOT NULL DEFAULT '',
          interrupt TEXT NOT NULL DEFAULT '',
          incarnation INTEGER NOT NULL DEFAULT 0,
          attempts INTEGER NOT NULL DEFAULT 0,
          own_deaths INTEGER NOT NULL DEFAULT 0,
          unknown_deaths INTEGER NOT NULL DEFAULT 0,
          created_at INTEGER NOT NULL,
          settled_at INTEGER NOT NULL DEFAULT 0);
        CREATE INDEX turns_work ON turns(state, agent, row);
        CREATE INDEX turns_lane ON turns(lane, state, row);
        CREATE INDEX turns_settled ON turns(settled_at);
        CREATE TABLE tool_calls(
          turn_id TEXT NOT NULL,
          call_id TEXT NOT NULL,
          position INTEGER NOT NULL,
          name TEXT NOT NULL,
          arguments BLOB NOT NULL,
          read_only INTEGER NOT NULL,
          closed INTEGER NOT NULL DEFAULT 0,
          result TEXT NOT NULL DEFAULT '',
          is_error INTEGER NOT NULL DEFAULT 0,
          PRIMARY KEY(turn_id, call_id)) WITHOUT ROWID;
        CREATE TABLE outbox(
          row INTEGER PRIMARY KEY AUTOINCREMENT,
          origin TEXT NOT NULL,
          chunk INTEGER NOT NULL,
          channel TEXT NOT NULL,
          conversation TEXT NOT NULL,
          target BLOB NOT NULL,
          text TEXT NOT NULL,
          state TEXT NOT NULL,
          incarnation INTEGER NOT NULL DEFAULT 0,
          in_doubt INTEGER NOT NULL DEFAULT 0,
          possible_duplicate INTEGER NOT NULL DEFAULT 0,
          attempts INTEGER NOT NULL DEFAULT 0,
          own_deaths INTEGER NOT NULL DEFAULT 0,
          unknown_deaths INTEGER NOT NULL DEFAULT 0,
          next_attempt_at INTEGER NOT NULL DEFAULT 0,
          message_id TEXT NOT NULL DEFAULT '',
          error TEXT NOT NULL DEFAULT '',
          created_at INTEGER NOT NULL,
          settled_at INTEGER NOT NULL DEFAULT 0,
          UNIQUE(origin, chunk));
        CREATE INDEX outbox_work ON outbox(channel, state, row);
        CREATE INDEX outbox_conversation ON outbox(channel, conversation, state, row);
        CREATE INDEX outbox_state ON outbox(state, settled_at);
        CREATE TABLE exits(
          worker TEXT PRIMARY KEY,
          incarnation INTEGER NOT NULL,
          cause TEXT NOT NULL,
          own_doing INTEGER NOT NULL,
          at INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE gaps(row INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL);
        CREATE VIEW dead_letters(kind, row, worker, name, reason, at) AS
          SELECT 'inbox', row, channel, event_key, reason, settled_at FROM inbox WHERE state = 'dead'
          UNION ALL SELECT 'turn', row, agent, turn_id, sentence, settled_at FROM turns WHERE state = 'dead'
          UNION ALL SELECT 'outbox', row, channel, origin || '#' || chunk, error, settled_at FROM outbox WHERE state = 'dead';
        PRAGMA user_version = 1;
        """
}
