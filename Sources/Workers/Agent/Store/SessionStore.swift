internal import Runtime

/// `sessions.json`: which session a key stands for, and what is known about it.
///
/// The agent is its only writer (the state directory's lock sees to that), so every change reads the file, changes one
/// entry and puts the whole in its place. What we do not know in it stays.
actor SessionStore {
    let directory: String
    let agent: String
    let workspace: String
    private let report: @Sendable (String) -> Void

    /// Largest store that is read. OpenClaw writes some tens of kilobytes per session at most.
    static let sizeLimit = 32 * 1024 * 1024

    /// - Parameter report: told what a person should know (a file that was moved aside); called on the actor.
    init(directory: String, agent: String, workspace: String, report: @escaping @Sendable (String) -> Void) {
        self.directory = directory
        self.agent = agent
        self.workspace = workspace
        self.report = report
    }

    nonisolated var path: String { "\(directory)/sessions.json" }

    /// All entries in the order of the file.
    func entries() throws(DiskError) -> JSONObject {
        guard let bytes = try Disk.read(path, limit: Self.sizeLimit) else { return JSONObject() }
        if case .object(let object)? = try? JSON(parsing: bytes) { return object }
        if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }) { return JSONObject() }
        let aside = "\(path).corrupt-\(Timestamp.now())"
        try Disk.move(path, to: aside)
        report(
            "\(path) is not JSON and was moved to \(aside); conversations start anew, their transcripts are untouched"
        )
        return JSONObject()
    }

    /// One entry; nil when the key has none that names a session.
    func entry(_ key: SessionKey) throws(DiskError) -> JSONObject? {
        try entries()[key.canonical]?.object
    }

    /// Changes one entry, which is empty when there is none, and returns it.
    @discardableResult
    func update(
        _ key: SessionKey,
        _ change: @Sendable (inout JSONObject) -> Void
    ) throws(DiskError) -> JSONObject {
        var all = try entries()
        var entry = all[key.canonical]?.object ?? JSONObject()
        let before = entry
        change(&entry)
        guard entry != before else { return entry }
        all[key.canonical] = .object(entry)
        try Disk.makeDirectory(directory)
        try Disk.replace(path, with: JSON.object(all).encodedForPeople())
        return entry
    }

    /// The transcript that an entry stands for; nil when it names none that is safe to open.
    nonisolated func transcript(_ entry: JSONObject) -> Transcript? {
        guard let id = entry["sessionId"]?.string, Self.isFileName(id) else { return nil }
        return Transcript(path: transcriptPath(entry, id: id), sessionID: id, workspace: workspace)
    }

    /// `sessionFile` counts when it lies in our directory: OpenClaw stores absolute paths, perhaps of another machine.
    private nonisolated func transcriptPath(_ entry: JSONObject, id: String) -> String {
        if let file = entry["sessionFile"]?.string {
            let name = file.split(separator: "/").last.map(String.init) ?? ""
            if Self.isFileName(name), name.hasSuffix(".jsonl") { return "\(directory)/\(name)" }
        }
        return "\(directory)/\(id).jsonl"
    }

    static func isFileName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 200 && !name.hasPrefix(".")
            && name.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "/") && $0 != 0x7F }
    }
}
