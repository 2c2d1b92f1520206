package import IPCControl

/// Finds the worker that a person means.
package enum WorkerNames {
    /// What a name stands for.
    package enum Match: Sendable, Equatable {
        case one(WorkerID)
        case none
        case several([WorkerID])
    }

    /// The worker whose id is `name`, else the only one with `name` as consecutive parts of its id: `telegram`,
    /// `telegram:default` and `channel:telegram` all mean `channel:telegram:default` where nothing else fits.
    package static func find(_ name: String, among ids: some Sequence<WorkerID>) -> Match {
        let wanted = name.lowercased().split(separator: ":", omittingEmptySubsequences: false)
        var matches: [WorkerID] = []
        for id in ids {
            if id.rawValue == name { return .one(id) }
            let parts = id.rawValue.split(separator: ":")
            guard !wanted.isEmpty, wanted.count <= parts.count else { continue }
            let fits = (0...(parts.count - wanted.count)).contains { start in
                parts[start..<(start + wanted.count)].elementsEqual(wanted)
            }
            if fits { matches.append(id) }
        }
        matches.sort { $0.rawValue < $1.rawValue }
        switch matches.count {
        case 0: return .none
        case 1: return .one(matches[0])
        default: return .several(matches)
        }
    }
}
