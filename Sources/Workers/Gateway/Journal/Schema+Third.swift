extension Schema {
    /// Version 3: whom nobody answered and why, and where the owner is to be reached.
    static let third = """
        CREATE TABLE ignored(
          row INTEGER PRIMARY KEY,
          channel TEXT NOT NULL,
          code TEXT NOT NULL,
          conversation TEXT NOT NULL,
          sender TEXT NOT NULL,
          chat_type TEXT NOT NULL,
          label TEXT NOT NULL,
          sender_name TEXT NOT NULL,
          message_id TEXT NOT NULL,
          reason TEXT NOT NULL,
          admit TEXT NOT NULL,
          place TEXT NOT NULL,
          command TEXT NOT NULL,
          count INTEGER NOT NULL,
          at INTEGER NOT NULL,
          UNIQUE(channel, code, conversation, sender));
        CREATE INDEX ignored_at ON ignored(channel, at);
        CREATE TABLE owners(
          channel TEXT PRIMARY KEY,
          conversation TEXT NOT NULL,
          target BLOB NOT NULL,
          at INTEGER NOT NULL) WITHOUT ROWID;
        PRAGMA user_version = 3;
        """
}
