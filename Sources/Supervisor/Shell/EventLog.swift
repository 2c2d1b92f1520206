package import IPCControl

/// The last things that happened to workers, for `clawhold events`.
package struct EventLog: Sendable, Equatable {
    package static let limit = 200

    /// One event.
    package struct Entry: Sendable, Equatable {
        package var atMilliseconds: Int64
        package var id: WorkerID?
        package var incarnation: UInt64
        package var text: String
    }

    /// Oldest first.
    package private(set) var entries: [Entry] = []

    package init() {}

    package mutating func append(_ entry: Entry) {
        if entries.count == Self.limit { entries.removeFirst() }
        entries.append(entry)
    }
}
