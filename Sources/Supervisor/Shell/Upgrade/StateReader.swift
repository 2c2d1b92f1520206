internal import IPCControl

/// Puts a state together from blocks of unknown origin.
struct StateReader {
    /// Bytes of everything together.
    static let sizeLimit = 64 << 20
    /// Of one kind.
    static let countLimit = 4096

    private var head: UpgradeState.Head?
    private var parts = Parts()
    private var planReader = PlanReader()
    private var plan: Plan?
    private var isDone = false

    /// What is read before the plan makes it a state.
    private struct Parts {
        var site = UpgradeState.SiteState()
        var listeners: [UpgradeState.Listener] = []
        var tree = SupervisorTree(seed: 0, now: .origin)
        var processes: [UpgradeState.Process] = []
        var told = 0
        var deaths: [ExitLedger.Entry] = []
        var gone: [WorkerID] = []
        var log = UpgradeState.LogState()
        var events = EventLog()
        var clients: [UpgradeState.Client] = []
    }

    /// The state that `bytes` stand for.
    static func read(_ bytes: some Collection<UInt8>) throws(StateError) -> UpgradeState {
        guard bytes.count <= sizeLimit else { throw .tooMuch("over \(sizeLimit) bytes") }
        var reader = StateReader()
        var decoder = BlockDecoder()
        var rest = bytes[...]
        while !rest.isEmpty {
            decoder.append(rest.prefix(64 * 1024))
            rest = rest.dropFirst(64 * 1024)
            while let block = try Self.next(&decoder) { try reader.take(block) }
        }
        guard !decoder.isMidBlock else { throw .cut }
        return try reader.finish()
    }

    private static func next(_ decoder: inout BlockDecoder) throws(StateError) -> Block? {
        do {
            return try decoder.next()
        } catch {
            throw .malformed("\(error)", "a block")
        }
    }

    private func finish() throws(StateError) -> UpgradeState {
        guard isDone else { throw .cut }
        guard let head else { throw .missing("STATE") }
        guard let plan else { throw .missing("the plan") }
        var state = UpgradeState(plan: plan)
        state.head = head
        state.site = parts.site
        state.listeners = parts.listeners
        state.tree = parts.tree
        state.processes = parts.processes
        state.ledger = ExitLedger(parts.deaths, told: parts.told)
        state.gone = parts.gone
        state.log = parts.log
        state.events = parts.events
        state.clients = parts.clients
        return state
    }

    private mutating func take(_ block: Block) throws(StateError) {
        guard !isDone else { throw .malformed("TYPE", "what follows the end") }
        guard head != nil || block.type == "STATE" else { throw .foreign("it begins with \(block.type.prefix(40))") }
        switch block.type {
        case "STATE":
            guard head == nil else { throw .malformed("TYPE", "a second STATE") }
            guard block["FORMAT"] == UpgradeState.format else {
                throw .foreign("\"\((block["FORMAT"] ?? "none").prefix(80))\" instead of \"\(UpgradeState.format)\"")
            }
            var read = UpgradeState.Head()
            try StateFields.read(block, into: &read)
            head = read
        case "SITE": try StateFields.read(block, into: &parts.site)
        case "USER": try takeUser(block)
        case "LISTENER": try Self.take(block, .init(), &parts.listeners)
        case "PLAN": try takePlan(block)
        case "TREE": try StateFields.read(block, into: &parts.tree)
        case "RECORD":
            guard parts.tree.records.values.count < Self.countLimit else { throw .tooMuch("workers") }
            try parts.tree.read(record: block)
        case "PROCESS": try Self.take(block, .init(id: try Self.id(block)), &parts.processes)
        case "LEDGER": parts.told = Int(clamping: block.integer("TOLD") ?? 0)
        case "DEATH":
            try Self.take(block, .init(id: try Self.id(block), incarnation: 0, death: .blank), &parts.deaths)
        case "GONE":
            guard parts.gone.count < Self.countLimit else { throw .tooMuch("GONE") }
            parts.gone.append(try Self.id(block))
        case "LOG": try StateFields.read(block, into: &parts.log)
        case "REST":
            guard parts.log.remainders.count < 1 << 20 else { throw .tooMuch(block.type) }
            var rest = UpgradeState.LogState.Remainder()
            try StateFields.read(block, into: &rest)
            parts.log.remainders.append(rest)
        case "LINE":
            guard parts.log.lines.count < 1 << 20 else { throw .tooMuch("LINE") }
            var line = LogLine(sequence: 0, atMilliseconds: 0, worker: nil, incarnation: 0, text: "")
            try StateFields.read(block, into: &line)
            parts.log.lines.append(line)
        case "EVENT":
            var entry = EventLog.Entry(atMilliseconds: 0, id: nil, incarnation: 0, text: "")
            try StateFields.read(block, into: &entry)
            parts.events.append(entry)
        case "CLIENT": try Self.take(block, .init(), &parts.clients)
        case "BYTES": try takeBytes(block)
        case "DONE": isDone = true
        // A later build of the same version may say more.
        default: break
        }
    }

    private static func take<Part: Carried>(_ block: Block, _ blank: Part, _ parts: inout [Part]) throws(StateError) {
        guard parts.count < countLimit else { throw .tooMuch(block.type) }
        var part = blank
        try StateFields.read(block, into: &part)
        parts.append(part)
    }

    private static func id(_ block: Block) throws(StateError) -> WorkerID {
        guard let id = block["ID"].flatMap({ WorkerID($0) }) else { throw .malformed("ID", block.type) }
        return id
    }

    private mutating func takeUser(_ block: Block) throws(StateError) {
        guard parts.site.users.count < Self.countLimit else { throw .tooMuch(block.type) }
        guard let slot = block["SLOT"].flatMap({ UInt32($0) }), slot < WorkerIdentity.range else {
            throw .malformed("SLOT", block.type)
        }
        parts.site.users[try Self.id(block).rawValue] = slot
    }

    private mutating func takePlan(_ block: Block) throws(StateError) {
        var inner = Block(block["BLOCK"] ?? "")
        for field in block.fields where field.key != "BLOCK" { inner[field.key] = field.value }
        guard plan == nil else { throw .malformed("BLOCK", "a plan after its end") }
        do {
            plan = try planReader.read(inner)
        } catch {
            throw .malformed("\(error)", "the plan")
        }
    }

    private mutating func takeBytes(_ block: Block) throws(StateError) {
        guard let bytes = block["DATA"].flatMap({ Hex.decode($0) }) else { throw .malformed("DATA", block.type) }
        let (process, client) = (parts.processes.indices.last, parts.clients.indices.last)
        switch (block["OF"], process, client) {
        case ("REST", _, _):
            guard let index = parts.log.remainders.indices.last else { throw .malformed("OF", block.type) }
            parts.log.remainders[index].bytes += bytes
        case ("INPUT", let index?, _): parts.processes[index].input += bytes
        case ("OUTGOING", let index?, _): parts.processes[index].outgoing += bytes
        case ("OUTPUT", let index?, _): parts.processes[index].outputLine.pending += bytes
        case ("ERRORS", let index?, _): parts.processes[index].errorsLine.pending += bytes
        case ("CLIENT_INPUT", _, let index?): parts.clients[index].input += bytes
        case ("CLIENT_OUTGOING", _, let index?): parts.clients[index].outgoing += bytes
        default: throw .malformed("OF", block.type)
        }
    }
}
