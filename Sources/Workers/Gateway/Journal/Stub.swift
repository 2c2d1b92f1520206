internal import CSQLite
package func stubJournal() -> String { String(cString: sqlite3_libversion()) }
