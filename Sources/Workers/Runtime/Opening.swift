package import IPCControl

/// The opening of a lifeline, put together block by block: START, CONFIG and SECRET in any number, GO.
package struct Opening: Sendable {
    /// Most bytes of configuration and secrets together.
    package static let sizeLimit = 4 * 1024 * 1024

    private var start: WorkerStart?
    private var size = 0

    package init() {}

    /// Takes the next block. Returns what was said once GO is read.
    package mutating func read(_ block: Block) throws(OpeningError) -> WorkerStart? {
        switch block.type {
        case "START":
            guard start == nil else { throw .unexpected("START") }
            start = try Self.start(block)
        case "CONFIG":
            guard let data = block["DATA"] else { throw .missing("DATA") }
            try grow(by: data.utf8.count)
            start?.config.append(contentsOf: data.utf8)
        case "SECRET":
            guard let name = block["NAME"], !name.isEmpty else { throw .missing("NAME") }
            guard let value = block["VALUE"] else { throw .missing("VALUE") }
            try grow(by: name.utf8.count + value.utf8.count)
            start?.secrets[name] = value
        case "GO":
            guard let start else { throw .unexpected("GO") }
            return start
        default: throw .unexpected(block.type)
        }
        guard start != nil else { throw .unexpected(block.type) }
        return nil
    }

    private mutating func grow(by count: Int) throws(OpeningError) {
        size += count
        guard size <= Self.sizeLimit else { throw .tooMuch }
    }

    private static func start(_ block: Block) throws(OpeningError) -> WorkerStart {
        guard let id = block["ID"].flatMap({ WorkerID($0) }) else { throw .missing("ID") }
        guard let incarnation = block["INCARNATION"].flatMap({ UInt64($0) }) else { throw .missing("INCARNATION") }
        guard let hub = block["HUB"] else { throw .missing("HUB") }
        guard let token = block["TOKEN"].flatMap({ Hex.decode($0) }) else { throw .missing("TOKEN") }
        var start = WorkerStart(id: id, incarnation: incarnation, hubPath: hub, token: token)
        start.build = block["BUILD"] ?? start.build
        start.revision = block["REV"] ?? ""
        start.stateDirectory = block["STATE_DIR"] ?? ""
        if let key = block["HUB_KEY"] {
            guard let bytes = Hex.decode(key), !bytes.isEmpty else { throw .missing("HUB_KEY") }
            start.hubKey = bytes
        }
        for entry in (block["FDS"] ?? "").split(separator: ",") {
            let halves = entry.split(separator: ":")
            guard halves.count == 2, let fd = Int32(halves[1]), fd > 3 else { throw .missing("FDS") }
            start.listeners[String(halves[0])] = fd
        }
        if block["SAFE"] == "1" { start.safeReason = block["SAFE_REASON"] ?? "the supervisor gave no reason" }
        start.killPoints = KillPoints(parsing: block["KILL_POINTS"], incarnation: incarnation)
        return start
    }
}
