internal import IPCControl

/// The workers, the gateway first, the others by name: one order for starting, for rows and for every walk over them, so
/// that the same events give the same effects in every run.
///
/// A sorted array: a dozen workers are found in it as fast as in a hash table, in a fraction of the memory.
struct WorkerTable: Sendable, Equatable {
    private(set) var values: [WorkerRecord] = []

    var isEmpty: Bool { values.isEmpty }

    /// Ids in order.
    var ids: [WorkerID] { values.map(\.spec.id) }

    subscript(id: WorkerID) -> WorkerRecord? {
        let index = position(of: id)
        guard index < values.count, values[index].spec.id == id else { return nil }
        return values[index]
    }

    /// Puts a record in the place of its id.
    mutating func insert(_ record: WorkerRecord) {
        let index = position(of: record.spec.id)
        if index < values.count, values[index].spec.id == record.spec.id {
            values[index] = record
        } else {
            values.insert(record, at: index)
        }
    }

    @discardableResult
    mutating func remove(_ id: WorkerID) -> WorkerRecord? {
        let index = position(of: id)
        guard index < values.count, values[index].spec.id == id else { return nil }
        return values.remove(at: index)
    }

    /// Changes a record in place; nil when there is none.
    @discardableResult
    mutating func update<Result>(_ id: WorkerID, _ change: (inout WorkerRecord) -> Result) -> Result? {
        let index = position(of: id)
        guard index < values.count, values[index].spec.id == id else { return nil }
        return change(&values[index])
    }

    /// Changes every record in place, in order.
    mutating func updateAll(_ change: (inout WorkerRecord) -> Void) {
        for index in values.indices { change(&values[index]) }
    }

    /// Where `id` is, or belongs.
    private func position(of id: WorkerID) -> Int {
        var (low, high) = (0, values.count)
        while low < high {
            let middle = (low + high) / 2
            if values[middle].spec.id.comesBefore(id) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension WorkerID {
    /// The order of the table.
    fileprivate func comesBefore(_ other: WorkerID) -> Bool {
        let (leads, follows) = (kind == .gateway, other.kind == .gateway)
        return leads == follows ? rawValue < other.rawValue : leads
    }
}
