internal import CSQLite

/// A thin typed layer over one SQLite connection: prepared statements by their text, values in, rows out.
///
/// Not for two threads at once; the journal's writer owns it.
final class Database {
    private let handle: OpaquePointer
    private var statements: [String: OpaquePointer] = [:]

    /// Opens or creates the file. Throws `unusable` or `corrupt`.
    init(path: String) throws(JournalError) {
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let code = sqlite3_open_v2(path, &opened, flags, nil)
        guard let opened else { throw .unusable("no memory to open \(path)") }
        guard code == SQLITE_OK else {
            let error = Self.error(opened, code)
            sqlite3_close_v2(opened)
            throw error
        }
        handle = opened
    }

    deinit {
        for statement in statements.values { sqlite3_finalize(statement) }
        sqlite3_close_v2(handle)
    }

    /// Gives the page cache and the prepared statements back; both come again with use.
    ///
    /// Not while a statement is being stepped through.
    func shed() {
        for statement in statements.values { sqlite3_finalize(statement) }
        statements = [:]
        sqlite3_db_release_memory(handle)
    }

    /// Leaves the WAL as it is when the connection is closed.
    func skipCheckpointOnClose() {
        _ = clawhold_no_checkpoint_on_close(handle)
    }

    /// Whether SQLite is inside a transaction: some errors end it by themselves.
    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    /// Commits of this connection, as `WriterLoop` counts them.
    var commits = 0

    /// Rows that the last statement changed.
    var changes: Int { Int(sqlite3_changes(handle)) }

    var lastRow: Int64 { sqlite3_last_insert_rowid(handle) }

    /// Runs statements that return nothing and take no values.
    func execute(_ sql: String) throws(JournalError) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw Self.error(handle, code) }
    }

    /// Runs one statement to its end and returns how many rows it changed.
    @discardableResult
    func run(_ sql: String, _ values: SQLValue...) throws(JournalError) -> Int {
        let statement = try prepare(sql, values)
        defer { sqlite3_reset(statement) }
        while true {
            let code = sqlite3_step(statement)
            if code == SQLITE_DONE { return changes }
            guard code == SQLITE_ROW else { throw Self.error(handle, code) }
        }
    }

    /// All rows of a query, each made into a value.
    func rows<Value>(
        _ sql: String,
        _ values: SQLValue...,
        map: (SQLRow) -> Value
    ) throws(JournalError) -> [Value] {
        let statement = try prepare(sql, values)
        defer { sqlite3_reset(statement) }
        var result: [Value] = []
        while true {
            let code = sqlite3_step(statement)
            if code == SQLITE_DONE { return result }
            guard code == SQLITE_ROW else { throw Self.error(handle, code) }
            result.append(map(SQLRow(statement: statement)))
        }
    }

    /// The first row of a query; nil without one.
    func first<Value>(_ sql: String, _ values: SQLValue..., map: (SQLRow) -> Value) throws(JournalError) -> Value? {
        let statement = try prepare(sql, values)
        defer { sqlite3_reset(statement) }
        let code = sqlite3_step(statement)
        if code == SQLITE_DONE { return nil }
        guard code == SQLITE_ROW else { throw Self.error(handle, code) }
        return map(SQLRow(statement: statement))
    }

    private func prepare(_ sql: String, _ values: [SQLValue]) throws(JournalError) -> OpaquePointer {
        let statement = try cached(sql)
        sqlite3_clear_bindings(statement)
        for (index, value) in values.enumerated() {
            let code = Self.bind(value, to: statement, at: Int32(index + 1))
            guard code == SQLITE_OK else { throw Self.error(handle, code) }
        }
        return statement
    }

    private func cached(_ sql: String) throws(JournalError) -> OpaquePointer {
        if let statement = statements[sql] { return statement }
        var prepared: OpaquePointer?
        let code = sqlite3_prepare_v2(handle, sql, -1, &prepared, nil)
        guard code == SQLITE_OK, let prepared else { throw Self.error(handle, code) }
        statements[sql] = prepared
        return prepared
    }

    private static func bind(_ value: SQLValue, to statement: OpaquePointer, at index: Int32) -> Int32 {
        // SQLITE_TRANSIENT, a cast in C: SQLite makes its own copy.
        let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
        switch value {
        case .null: return sqlite3_bind_null(statement, index)
        case .integer(let value): return sqlite3_bind_int64(statement, index, value)
        case .text(var value):
            return value.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) { characters in
                    guard let start = characters.baseAddress else {
                        return sqlite3_bind_text(statement, index, "", 0, copied)
                    }
                    return sqlite3_bind_text(statement, index, start, Int32(clamping: characters.count), copied)
                }
            }
        case .blob(let bytes):
            guard !bytes.isEmpty else { return sqlite3_bind_zeroblob(statement, index, 0) }
            return sqlite3_bind_blob(statement, index, bytes, Int32(clamping: bytes.count), copied)
        }
    }

    private static func error(_ handle: OpaquePointer, _ code: Int32) -> JournalError {
        JournalError(
            sqlite: code,
            String(cString: sqlite3_errmsg(handle)),
            errno: sqlite3_system_errno(handle),
            path: sqlite3_db_filename(handle, "main").map { String(cString: $0) } ?? "the journal"
        )
    }
}
