extension Schema {
    /// Version 2: parts that are more than text, merged and gathered turns, what was heard and not answered.
    ///
    /// Columns only ever stand behind those of version 1, so that an upgraded file and a new one are the same.
    static let second = """
        ALTER TABLE inbox ADD COLUMN conversation TEXT NOT NULL DEFAULT '';
        ALTER TABLE inbox ADD COLUMN sender TEXT NOT NULL DEFAULT '';
        ALTER TABLE inbox ADD COLUMN preview TEXT NOT NULL DEFAULT '';

        ALTER TABLE turns ADD COLUMN sender TEXT NOT NULL DEFAULT '';
        ALTER TABLE turns ADD COLUMN preview TEXT NOT NULL DEFAULT '';
        ALTER TABLE turns ADD COLUMN message_id TEXT NOT NULL DEFAULT '';
        ALTER TABLE turns ADD COLUMN room TEXT NOT NULL DEFAULT '';
        ALTER TABLE turns ADD COLUMN age_from INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE turns ADD COLUMN due_at INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE turns ADD COLUMN buffer TEXT NOT NULL DEFAULT '';
        ALTER TABLE turns ADD COLUMN source TEXT NOT NULL DEFAULT '';
        ALTER TABLE turns ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE turns ADD COLUMN gather TEXT NOT NULL DEFAULT '';
        ALTER TABLE turns ADD COLUMN merged_into INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE turns ADD COLUMN follows INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE turns ADD COLUMN collects INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE turns ADD COLUMN solo INTEGER NOT NULL DEFAULT 0;
        UPDATE turns SET age_from = created_at;
        CREATE INDEX turns_buffer ON turns(source, row) WHERE state = 'buffered';
        CREATE INDEX turns_merged ON turns(merged_into, row) WHERE merged_into > 0;
        CREATE INDEX turns_due ON turns(due_at) WHERE due_at > 0;
        CREATE INDEX turns_contents ON turns(settled_at) WHERE message <> x'';

        ALTER TABLE outbox ADD COLUMN payload BLOB NOT NULL DEFAULT x'';
        ALTER TABLE outbox ADD COLUMN minor INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE outbox ADD COLUMN first_tried_at INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE outbox ADD COLUMN age_from INTEGER NOT NULL DEFAULT 0;
        UPDATE outbox SET age_from = created_at;
        UPDATE outbox SET first_tried_at = created_at WHERE attempts > 0;
        CREATE INDEX outbox_message ON outbox(channel, message_id) WHERE message_id <> '';

        CREATE TABLE rooms(room TEXT PRIMARY KEY, used_at INTEGER NOT NULL) WITHOUT ROWID;
        CREATE INDEX rooms_used ON rooms(used_at);
        CREATE TABLE heard(
          row INTEGER PRIMARY KEY,
          room TEXT NOT NULL,
          kind TEXT NOT NULL,
          body BLOB NOT NULL,
          turn_id TEXT NOT NULL DEFAULT '',
          at INTEGER NOT NULL);
        CREATE INDEX heard_room ON heard(room, kind, row);
        CREATE INDEX heard_turn ON heard(turn_id) WHERE turn_id <> '';
        CREATE INDEX heard_at ON heard(at);

        DROP VIEW dead_letters;
        PRAGMA user_version = 2;
        """
}
