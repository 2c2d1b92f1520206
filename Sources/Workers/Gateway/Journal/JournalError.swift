/// Why the journal could not do what it was asked.
package enum JournalError: Error, Sendable, Equatable, CustomStringConvertible {
    /// No space. Nothing of the transition is journaled.
    case full
    /// More transitions wait for the writer than it takes.
    case overloaded
    /// The writer was closed.
    case closed
    /// The state directory or the file cannot be used; in words for the operator, with what to do.
    case unusable(String)
    /// The file is not a journal, or is damaged.
    case corrupt(String)
    /// SQLite refused for another reason: its code and words.
    case failed(code: Int32, text: String)

    package var description: String {
        switch self {
        case .full: "the disk that holds the state directory is full: free some space"
        case .overloaded: "more waits for the journal than it takes"
        case .closed: "the journal is closed"
        case .unusable(let text): text
        case .corrupt(let text): "the journal is damaged: \(text)"
        case .failed(let code, let text): "the journal refused: \(text) (SQLite \(code))"
        }
    }
}
