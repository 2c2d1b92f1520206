internal import IPCControl

/// A worker of the plan before it becomes blocks.
struct WorkerDraft: Sendable {
    var id: WorkerID
    var start = "permanent"
    var budget: MemoryBudget
    /// `owner`: runs as the owner of the state directory; `own`: with a uid of its own.
    var uid = "own"
    var network = true
    var config: [UInt8] = []
    var secrets: [(name: String, value: String)] = []
    var killPoints = ""
    var arguments: [String] = []
    var environment: [String] = []
    /// Of a sidecar: `always`, `on-failure`, `never`.
    var restart = "always"
    /// Of a sidecar; nil: it is ready as soon as it runs.
    var ready: ReadySign?

    /// How a foreign program, which says no READY, shows that it is ready.
    enum ReadySign: Sendable, Equatable {
        /// A line of its output contains this.
        case line(String)
        /// 127.0.0.1 accepts connections there.
        case port(Int)
    }

    /// Bytes of CONFIG per block: percent-encoding makes three of one at worst, and a line has 32 KiB.
    private static let pieceSize = 10_000

    /// The blocks of this worker.
    func blocks() -> [Block] {
        var worker = Block("WORKER", ["ID": id.rawValue, "KIND": id.kind.rawValue, "START": start, "REV": revision])
        budget.hard.write("HARD", to: &worker)
        budget.soft?.write("SOFT", to: &worker)
        worker["FLOOR_KB"] = String(budget.floorKB)
        worker["WEIGHT"] = String(budget.weight)
        worker["UID"] = uid
        worker["NETWORK"] = network ? "yes" : "no"
        if !killPoints.isEmpty { worker["KILL_POINTS"] = killPoints }
        if !arguments.isEmpty {
            worker["ARGC"] = String(arguments.count)
            for (index, argument) in arguments.enumerated() { worker["ARG\(index)"] = argument }
            worker["ENVC"] = String(environment.count)
            for (index, variable) in environment.enumerated() { worker["ENV\(index)"] = variable }
            worker["RESTART"] = restart
            switch ready {
            case .line(let text): worker["READY_LINE"] = text
            case .port(let port): worker["READY_PORT"] = String(port)
            case nil: break
            }
        }
        return [worker] + configBlocks()
            + secrets.map { Block("SECRET", ["WORKER": id.rawValue, "NAME": $0.name, "VALUE": $0.value]) }
    }

    /// Changes exactly when something that the worker is started with changes. The budget is not part of it: limits are
    /// moved while the worker lives.
    var revision: String {
        var digest = SHA256()
        func add(_ parts: [String]) {
            // Lengths keep "ab","c" and "a","bc" apart.
            for part in parts { digest.update("\(part.utf8.count):\(part)|".utf8) }
        }
        add([id.rawValue, start, uid, network ? "net" : "", killPoints])
        add(arguments)
        add(environment)
        add([restart, ready.map { "\($0)" } ?? ""])
        digest.update(config)
        for secret in secrets { add([secret.name, secret.value]) }
        return Hex.encode(Array(digest.finish().prefix(8)))
    }

    private func configBlocks() -> [Block] {
        // Pieces are cut between characters: a block's value is text.
        var pieces: [Block] = []
        var rest = Substring(String(decoding: config, as: UTF8.self)).unicodeScalars
        while !rest.isEmpty {
            var end = rest.startIndex
            var size = 0
            while end < rest.endIndex, size < Self.pieceSize {
                size += UTF8.width(rest[end])
                end = rest.index(after: end)
            }
            pieces.append(Block("CONFIG", ["WORKER": id.rawValue, "DATA": String(rest[..<end])]))
            rest = rest[end...]
        }
        return pieces
    }
}
