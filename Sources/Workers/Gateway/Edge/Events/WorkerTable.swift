/// The worker table as `workers.list` and the event `workers` carry it.
enum WorkerTable {
    static func payload(_ rows: [WorkerRow], wall: Int64) -> WireValue {
        ["ts": .integer(wall), "workers": .array(rows.sorted { $0.id < $1.id }.map(row))]
    }

    static func row(_ row: WorkerRow) -> WireValue {
        [
            "id": .string(row.id),
            "kind": .string(row.kind),
            "state": .string(row.state),
            "incarnation": .number(row.incarnation),
            "pid": row.pid > 0 ? .number(row.pid) : nil,
            "sinceMs": .integer(row.sinceMilliseconds),
            "restarts": .number(row.restarts),
            "memoryKb": .integer(row.memoryKB),
            "peakKb": .integer(row.peakKB),
            "softKb": .integer(row.softKB),
            "hardKb": .integer(row.hardKB),
            "cause": .nonEmpty(row.cause),
            "death": .nonEmpty(row.death),
            "diedMs": row.diedMilliseconds > 0 ? .integer(row.diedMilliseconds) : nil,
            "nextTryMs": row.nextTryMilliseconds > 0 ? .integer(row.nextTryMilliseconds) : nil,
            "text": .nonEmpty(row.text),
        ]
    }
}
