internal import Runtime

/// The session lists of several agents as one: the first one's object, with everybody's rows, newest first.
struct SessionLists {
    private let first: [UInt8]
    private var others: [JSON] = []

    init(_ first: [UInt8]) {
        self.first = first
    }

    mutating func add(_ answer: [UInt8]) {
        // An agent whose answer cannot be read contributes nothing; the others are still shown.
        if let answer = try? JSON(parsing: answer) { others.append(answer) }
    }

    var merged: [UInt8] {
        guard !others.isEmpty, case .object(var object)? = try? JSON(parsing: first) else { return first }
        var rows = object["sessions"]?.array ?? []
        for other in others { rows += other["sessions"]?.array ?? [] }
        rows.sort { ($0["updatedAt"]?.integer ?? 0) > ($1["updatedAt"]?.integer ?? 0) }
        object["count"] = .integer(Int64(clamping: rows.count))
        object["sessions"] = .array(rows)
        return JSON.object(object).encoded()
    }
}
