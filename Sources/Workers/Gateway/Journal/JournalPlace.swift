internal import Glibc

/// Where the journal lies, and its bounds.
package struct JournalPlace: Sendable {
    /// `<state>/clawhold`.
    package var directory: String
    /// Space that is given up when the disk is full.
    package var ballastBytes = 4 * 1024 * 1024
    /// Transitions that may wait for the writer.
    package var queueLimit = 4096
    /// Transitions in one commit.
    package var batchLimit = 64
    /// Between two tries to take the ballast back.
    package var recoveryMilliseconds = 5000
    /// Between two tries to write what must land.
    package var retryMilliseconds = 250

    package init(stateDirectory: String) {
        directory = stateDirectory + "/clawhold"
    }

    package var path: String { directory + "/journal.sqlite" }
    var ballastPath: String { directory + "/journal.ballast" }

    /// Opens the journal. A damaged file is moved aside, which the returned warning tells.
    func open() throws(JournalError) -> (SQLiteJournal, warning: String?) {
        if mkdir(directory, 0o700) != 0, errno != EEXIST {
            throw .unusable("cannot create \(directory): \(Self.words(errno)); \(advice)")
        }
        guard access(directory, W_OK | X_OK) == 0 else {
            throw .unusable("cannot write in \(directory): \(Self.words(errno)); \(advice)")
        }
        createPrivately()
        do throws(JournalError) {
            return (try SQLiteJournal(path: path), nil)
        } catch .corrupt(let text) {
            let aside = try moveAside()
            createPrivately()
            return (
                try SQLiteJournal(path: path),
                "the journal was damaged (\(text)) and begins anew: messages that waited in it are lost;"
                    + " the damaged file is kept as \(aside)"
            )
        } catch .full {
            throw .unusable("no space left for the journal in \(directory): free some and start again")
        } catch .failing(let text) {
            throw .unusable(text)
        } catch .unusable(let text) {
            throw .unusable(text.hasPrefix("/") ? text : "cannot open \(path): \(text); \(advice)")
        }
    }

    /// Makes the file readable by its owner alone before SQLite makes it: messages stand in it. The WAL takes after it.
    private func createPrivately() {
        // Exclusive, because closing a descriptor of a file that is there drops SQLite's locks on it.
        let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor >= 0 { close(descriptor) }
    }

    /// Moves the file and what belongs to it out of the way; returns its new path.
    func moveAside() throws(JournalError) -> String {
        let aside = "\(path).damaged-\(time(nil))"
        guard rename(path, aside) == 0 else {
            throw .unusable("\(path) is damaged and cannot be moved aside: \(Self.words(errno)); \(advice)")
        }
        _ = rename(path + "-wal", aside + "-wal")
        return aside
    }

    /// What to type, for the user that this process runs as.
    private var advice: String {
        let state = directory.hasSuffix("/clawhold") ? String(directory.dropLast(9)) : directory
        return
            "the state directory must belong to uid \(geteuid()), which Clawhold runs as, and be writable; type as root: "
            + "chown -R \(geteuid()) \(state)"
    }

    private static func words(_ code: Int32) -> String {
        String(cString: strerror(code))
    }
}
