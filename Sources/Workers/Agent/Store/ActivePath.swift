/// The entries that make up the conversation as it stands: from the last one along its parents.
///
/// A transcript is a tree: OpenClaw leaves abandoned branches in the file.
enum ActivePath {
    /// In order, oldest first. Ends early where a parent is not among `entries` (outside of what was read).
    static func of(_ entries: [TranscriptEntry]) -> [TranscriptEntry] {
        var positions: [String: Int] = [:]
        for (position, entry) in entries.enumerated() {
            if let id = entry.id { positions[id] = position }
        }
        var path: [TranscriptEntry] = []
        var next = entries.indices.last
        while let position = next {
            let entry = entries[position]
            path.append(entry)
            switch entry.parent {
            case .root: next = nil
            case .unstated: next = position > 0 ? position - 1 : nil
            case .entry(let id):
                // A parent stands above its child; anything else would be a circle.
                next = positions[id].flatMap { $0 < position ? $0 : nil }
            }
        }
        return path.reversed()
    }
}
