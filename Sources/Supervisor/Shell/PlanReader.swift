package import IPCControl

/// Puts a plan together, block by block. It counts only at END; whatever is malformed or too much spoils all of it,
/// because half a plan would stop the workers that the other half names.
package struct PlanReader: Sendable {
    package static let workerLimit = 256
    package static let listenerLimit = 8
    package static let argumentLimit = 256
    package static let dependencyLimit = 16
    /// Bytes of everything together.
    package static let sizeLimit = 8 * 1024 * 1024

    /// A line for the log.
    package struct Notice: Sendable, Equatable {
        package var level: String
        package var text: String
    }

    private var settings: Plan.Settings?
    private var listeners: [Plan.Listener] = []
    private var workers: [PlannedWorker] = []
    private var size = 0
    /// Notices since the last look.
    package private(set) var notices: [Notice] = []

    package init() {}

    /// What the command line asked for, as soon as it is known: the notices come after it.
    package var logFormat: LogFormat? { settings?.logFormat }

    /// The notices that have come, once.
    package mutating func takeNotices() -> [Notice] {
        defer { notices = [] }
        return notices
    }

    /// Takes the next block; returns the plan when this was END.
    package mutating func read(_ block: Block) throws(PlanError) -> Plan? {
        for field in block.fields { size += field.key.utf8.count + field.value.utf8.count }
        guard size <= Self.sizeLimit else { throw .tooMuch("it is longer than \(Self.sizeLimit) bytes") }
        switch block.type {
        case "SETTINGS": try readSettings(block)
        case "LISTEN": try readListener(block)
        case "WORKER": try readWorker(block)
        case "CONFIG": try changeWorker(block) { $0.configuration.append(block["DATA"] ?? "") }
        case "SECRET":
            let secret = PlannedWorker.Secret(
                name: try Self.value("NAME", of: block),
                value: try Self.value("VALUE", of: block)
            )
            try changeWorker(block) { $0.secrets.append(secret) }
        case "NOTICE":
            guard notices.count < 1000 else { throw .tooMuch("more than 1000 notices") }
            notices.append(Notice(level: block["LEVEL"] ?? "info", text: block["TEXT"] ?? ""))
        case "END":
            guard let settings else { throw .missing("SETTINGS", "the plan") }
            return Plan(settings: settings, listeners: listeners, workers: workers)
        default: throw .unknown(block.type)
        }
        return nil
    }

    private mutating func readSettings(_ block: Block) throws(PlanError) {
        let directory = try Self.value("STATE_DIR", of: block)
        guard directory.hasPrefix("/") else { throw .malformed("STATE_DIR", "SETTINGS") }
        settings = Plan.Settings(
            stateDirectory: directory,
            configPath: try Self.value("CONFIG_PATH", of: block),
            port: try Self.value("PORT", of: block),
            bind: block["BIND"] ?? "",
            bindText: block["BIND_TEXT"],
            version: block["VERSION"] ?? Build.version,
            reserve: Self.share("RESERVE", of: block) ?? MemoryShare(),
            logFormat: block["LOG_FORMAT"].flatMap { LogFormat(rawValue: $0) }
        )
    }

    private mutating func readListener(_ block: Block) throws(PlanError) {
        guard listeners.count < Self.listenerLimit else { throw .tooMuch("more than \(Self.listenerLimit) listeners") }
        let name = try Self.value("NAME", of: block)
        let isPlain = name.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        }
        guard isPlain, name != "hub", name != "rpc", !listeners.contains(where: { $0.name == name }) else {
            throw .malformed("NAME", "LISTEN")
        }
        guard let port = block["PORT"].flatMap({ UInt16($0) }) else { throw .malformed("PORT", "LISTEN") }
        listeners.append(.init(name: name, host: try Self.value("HOST", of: block), port: port))
    }

    private mutating func readWorker(_ block: Block) throws(PlanError) {
        guard workers.count < Self.workerLimit else { throw .tooMuch("more than \(Self.workerLimit) workers") }
        guard let id = WorkerID(try Self.value("ID", of: block)) else { throw .malformed("ID", "WORKER") }
        guard !workers.contains(where: { $0.spec.id == id }) else { throw .malformed("ID", "a second WORKER \(id)") }
        guard let start = StartMode(rawValue: try Self.value("START", of: block)) else {
            throw .malformed("START", "WORKER \(id)")
        }
        guard let userClass = UserClass(rawValue: try Self.value("UID", of: block)) else {
            throw .malformed("UID", "WORKER \(id)")
        }
        let spec = WorkerSpec(
            id: id,
            start: start,
            revision: try Self.value("REV", of: block),
            memory: MemoryTerms(
                hard: Self.share("HARD", of: block) ?? MemoryShare(),
                soft: Self.share("SOFT", of: block),
                floorKB: block.integer("FLOOR_KB") ?? 0,
                weight: block.integer("WEIGHT") ?? 1
            ),
            after: try Self.workers("AFTER", of: block)
        )
        var worker = PlannedWorker(spec: spec, userClass: userClass)
        worker.killPoints = block["KILL_POINTS"]
        if spec.isForeign {
            worker.spec.restart = try Self.restart(of: block)
            worker.spec.readySign = try Self.readySign(of: block)
            worker.arguments = try Self.list("ARG", of: block)
            worker.environment = try Self.list("ENV", of: block)
            guard let command = worker.arguments.first, command.hasPrefix("/") else {
                throw .malformed("ARG0", "WORKER \(id): the absolute path of a command is wanted")
            }
        }
        workers.append(worker)
    }

    private static func restart(of block: Block) throws(PlanError) -> RestartMode {
        guard let mode = RestartMode(rawValue: block["RESTART"] ?? "always") else {
            throw .malformed("RESTART", block["ID"] ?? block.type)
        }
        return mode
    }

    private static func readySign(of block: Block) throws(PlanError) -> ReadySign? {
        if let text = block["READY_LINE"] {
            guard !text.isEmpty, text.utf8.count <= LineSplitter.limit, block["READY_PORT"] == nil else {
                throw .malformed("READY_LINE", block["ID"] ?? block.type)
            }
            return .line(text)
        }
        guard let text = block["READY_PORT"] else { return nil }
        guard let port = UInt16(text), port > 0 else { throw .malformed("READY_PORT", block["ID"] ?? block.type) }
        return .port(port)
    }

    private mutating func changeWorker(
        _ block: Block,
        _ change: (inout PlannedWorker) -> Void
    ) throws(PlanError) {
        let name = try Self.value("WORKER", of: block)
        guard let index = workers.firstIndex(where: { $0.spec.id.rawValue == name }) else {
            throw .malformed("WORKER", block.type)
        }
        change(&workers[index])
    }

    private static func list(_ prefix: String, of block: Block) throws(PlanError) -> [String] {
        guard let count = block["\(prefix)C"] else { return [] }
        guard let count = Int(count), (0...argumentLimit).contains(count) else {
            throw .malformed("\(prefix)C", block.type)
        }
        var values: [String] = []
        for index in 0..<count { values.append(try value("\(prefix)\(index)", of: block)) }
        return values
    }

    /// `<name>_KB`, `<name>_PERCENT` and `<name>_MAX_KB`; nil when there is none of them.
    private static func share(_ name: String, of block: Block) -> MemoryShare? {
        let (least, percent) = (block.integer("\(name)_KB"), block.integer("\(name)_PERCENT"))
        guard least != nil || percent != nil else { return nil }
        return MemoryShare(
            leastKB: least ?? 0,
            percent: percent ?? 0,
            mostKB: block.integer("\(name)_MAX_KB") ?? 0
        )
    }

    /// Names divided by commas.
    private static func workers(_ key: String, of block: Block) throws(PlanError) -> [WorkerID] {
        let names = (block[key] ?? "").split(separator: ",")
        guard names.count <= dependencyLimit else { throw .tooMuch("more than \(dependencyLimit) workers in \(key)") }
        var ids: [WorkerID] = []
        for name in names {
            guard let id = WorkerID(String(name)) else { throw .malformed(key, block.type) }
            ids.append(id)
        }
        return ids
    }

    private static func value(_ key: String, of block: Block) throws(PlanError) -> String {
        guard let value = block[key] else { throw .missing(key, block.type) }
        return value
    }
}

/// Why what the planner wrote is no plan.
package enum PlanError: Error, Sendable, Equatable, CustomStringConvertible {
    case missing(String, String)
    case malformed(String, String)
    case tooMuch(String)
    case unknown(String)

    package var description: String {
        switch self {
        case .missing(let key, let place): "\(key) is missing in \(place)"
        case .malformed(let key, let place): "\(key) is malformed in \(place)"
        case .tooMuch(let what): "the plan is too much: \(what)"
        case .unknown(let type): "unknown block \(type)"
        }
    }
}
