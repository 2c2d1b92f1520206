/// The files that a configuration is made of; tests hand in their own.
package protocol FileReading: Sendable {
    /// The whole content of a regular file of at most `limit` bytes.
    func read(_ path: String, limit: Int) -> FileContent
    /// Whether a directory is there.
    func isDirectory(_ path: String) -> Bool
}

/// What reading a file gave.
package enum FileContent: Sendable, Equatable {
    case bytes([UInt8])
    case missing
    /// Not readable, not a file, too large: why, in words.
    case failed(String)
}

extension FileReading {
    /// Whether there is something that could be read, or a reason why it cannot.
    package func exists(_ path: String) -> Bool {
        read(path, limit: 0) != .missing
    }
}
