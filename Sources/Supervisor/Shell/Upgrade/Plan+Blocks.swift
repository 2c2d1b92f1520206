internal import IPCControl

extension Plan {
    /// The plan as the planner writes it, for `PlanReader`: what an upgrade hands on. `SnapshotTests` notices a property
    /// that is read there and not written here.
    func blocks() throws(StateError) -> [Block] {
        var blocks = [try StateFields.write("SETTINGS", settings)]
        for listener in listeners {
            let port = "\(listener.port)"
            blocks.append(Block("LISTEN", ["NAME": listener.name, "HOST": listener.host, "PORT": port]))
        }
        for worker in workers { blocks += try worker.blocks() }
        return blocks + [Block("END")]
    }
}

extension Plan.Settings: Carried {
    package mutating func carry(_ fields: inout StateFields) throws(StateError) {
        try fields.carry("STATE_DIR", &stateDirectory)
        try fields.carry("CONFIG_PATH", &configPath)
        try fields.carry("PORT", &port)
        try fields.carry("BIND", &bind)
        try fields.carry("BIND_TEXT", &bindText)
        try fields.carry("VERSION", &version)
        try reserve.carry(&fields, "RESERVE")
        var format = logFormat?.rawValue
        try fields.carry("LOG_FORMAT", &format)
        logFormat = format.flatMap { LogFormat(rawValue: $0) }
    }
}

extension PlannedWorker {
    fileprivate func blocks() throws(StateError) -> [Block] {
        let id = spec.id.rawValue
        var worker = try StateFields.write("WORKER", spec)
        worker["KIND"] = spec.id.kind.rawValue
        worker["UID"] = userClass.rawValue
        worker["KILL_POINTS"] = killPoints
        if !arguments.isEmpty { Self.list("ARG", arguments, &worker) }
        if !environment.isEmpty { Self.list("ENV", environment, &worker) }
        return [worker]
            + configuration.map { Block("CONFIG", ["WORKER": id, "DATA": $0]) }
            + secrets.map { Block("SECRET", ["WORKER": id, "NAME": $0.name, "VALUE": $0.value]) }
    }

    private static func list(_ prefix: String, _ values: [String], _ block: inout Block) {
        block["\(prefix)C"] = "\(values.count)"
        for (index, value) in values.enumerated() { block["\(prefix)\(index)"] = value }
    }
}
